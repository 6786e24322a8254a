/** Which lines the methods of several runs get: a name that tells them apart, the method's colour, and a dash of their own. */
import { useEffect, useState } from 'react';
import { methodColour } from '../method-colours';
import { isActive, type MethodSeries, type RunRecord } from '../run-record';
import { allRuns, useApp } from '../store';

export interface RunSeries {
  readonly key: string;
  readonly run: RunRecord;
  readonly series: MethodSeries;
  readonly title: string;
  readonly colour: string;
  readonly dash: string | undefined;
}

/** Told apart without colour, too. */
const dashes = [undefined, '7 3', '2 3', '9 3 2 3', '12 4', '5 2 1 2 1 2', '1 4', '14 3 3 3'];
export const dashOf = (index: number) => dashes[index % dashes.length];

/** When a run began, as its name: `21 Nov, 13:12`. */
export function runLabel({ startedAt }: Pick<RunRecord, 'startedAt'>): string {
  return new Date(startedAt).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
}

/** Every method of the runs, in their order; the run is named only where there are several. */
export function seriesOf(runs: readonly RunRecord[]): RunSeries[] {
  return runs
    .flatMap((run) => run.methods.map((series) => ({ run, series })))
    .map(({ run, series }, index) => ({
      key: `${run.id}/${series.id}`,
      run,
      series,
      title: runs.length > 1 ? `${series.title} · ${runLabel(run)}` : series.title,
      colour: methodColour(series.id),
      dash: dashOf(index),
    }));
}

/**
 * The current run and those compared with it, renewed at most once in `interval` milliseconds while a run is training, and at once
 * when its state changes. Charts are costly to draw: `phase` (0 to 1) spreads several over the interval, and those not `seen` wait for
 * the next change of state.
 */
export function useRuns(interval = 1000, phase = 0, seen = true): readonly RunRecord[] {
  const [runs, setRuns] = useState(() => allRuns(useApp.getState()));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let shown: RunRecord | undefined;
    const show = () => {
      timer = undefined;
      shown = useApp.getState().run;
      setRuns(allRuns(useApp.getState()));
    };
    show();
    const unsubscribe = useApp.subscribe((state, before) => {
      if (state.run === before.run && state.compared === before.compared) return;
      const { run } = state;
      if (
        run &&
        run.id === shown?.id &&
        run.state === shown.state &&
        isActive(run.state) &&
        state.compared === before.compared
      ) {
        if (!seen) return;
        const past = (performance.now() - phase * interval) % interval;
        timer ??= setTimeout(show, interval - past);
      } else {
        clearTimeout(timer);
        show();
      }
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [interval, phase, seen]);
  return runs;
}
