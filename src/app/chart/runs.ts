/** Which lines the methods of several runs get: a name that tells them apart, the method's colour, and a dash of their own. */
import { useEffect, useMemo, useRef, useState } from 'react';
import { methodColour } from '../method-colours';
import { isActive, type MethodSeries, type RunRecord } from '../run-record';
import { allRuns, useApp, type AppState } from '../store';
import { takeTurn } from './turns';

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
 * The current run and those compared with it, renewed at most once in `interval` milliseconds while a run is training, and as soon as
 * it can be when its state changes. Charts are costly to draw: they take turns, and those not `seen` wait for the next change of state.
 */
export function useRuns(interval = 1000, seen = true): readonly RunRecord[] {
  const [shown, setShown] = useState(() => useApp.getState());
  const latest = useRef(shown);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let giveBack: (() => void) | undefined;
    const show = () => {
      timer = giveBack = undefined;
      latest.current = useApp.getState();
      setShown(latest.current);
    };
    const ask = () => {
      clearTimeout(timer);
      timer = undefined;
      giveBack ??= takeTurn(show);
    };
    const follow = (state: AppState) => {
      const { run, compared } = latest.current;
      if (giveBack || (state.run === run && state.compared === compared)) return;
      const grown =
        state.run?.id === run?.id && state.run?.state === run?.state && state.run && isActive(state.run.state);
      if (!grown || state.compared !== compared) ask();
      else if (seen) timer ??= setTimeout(ask, interval);
    };
    const unsubscribe = useApp.subscribe(follow);
    // What happened before this, and while it was not seen.
    follow(useApp.getState());
    return () => {
      clearTimeout(timer);
      giveBack?.();
      unsubscribe();
    };
  }, [interval, seen]);
  return useMemo(() => allRuns(shown), [shown]);
}
