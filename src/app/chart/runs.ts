/** Which lines the methods of several runs get: a name that tells them apart, the method's colour, and a style of their own. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { looksOf, type Look } from '../method-colours';
import { isActive, type MethodSeries, type RunRecord } from '../run-record';
import { allRuns, useApp, type AppState } from '../store';
import { takeTurn } from './turns';

export interface RunSeries extends Look {
  readonly key: string;
  readonly run: RunRecord;
  readonly series: MethodSeries;
  readonly title: string;
}

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
  const all = runs.flatMap((run) => run.methods.map((series) => ({ run, series })));
  const looks = looksOf(all.map(({ series }) => series.id));
  return all.map(({ run, series }, i) => ({
    key: `${run.id}/${series.id}`,
    run,
    series,
    title: runs.length > 1 ? `${series.title} · ${runLabel(run)}` : series.title,
    ...looks[i]!,
  }));
}

/** How a method of the page's own run looks, in all charts: the run is the first of those shown. Also of `base`. */
export function useRunLooks(): (id: string) => Look {
  const ids = useApp(useShallow(({ run }) => run?.methods.map(({ id }) => id) ?? []));
  return useCallback(
    (id) => {
      const all = ids.includes(id) ? ids : [...ids, id];
      return looksOf(all)[all.indexOf(id)]!;
    },
    [ids],
  );
}

/** How the methods of a stored run look beside the runs shown, or would, if it were shown next. */
export function useStoredLooks(): (run: {
  readonly id: string;
  readonly methods: readonly { id: string }[];
}) => Look[] {
  const shown = useApp(useShallow((state) => allRuns(state).map(({ id }) => id)));
  const methods = useApp(useShallow((state) => allRuns(state).map((run) => run.methods.map(({ id }) => id).join(' '))));
  return useCallback(
    (run) => {
      const at = shown.indexOf(run.id);
      const before = methods.slice(0, at < 0 ? undefined : at).flatMap((ids) => ids.split(' '));
      return looksOf([...before, ...run.methods.map(({ id }) => id)]).slice(before.length);
    },
    [shown, methods],
  );
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
