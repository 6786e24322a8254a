/** One row of the table of runs: a method of a run, with what it reached and what it took. */
import type { Interval } from '../../../metrics/interval';
import type { RunSeries } from '../../chart/runs';
import { isActive } from '../../run-record';
import { differences } from './differences';

export interface Row extends RunSeries {
  readonly differs: readonly { readonly title: string; readonly value: string }[];
  readonly metric: string | undefined;
  readonly lowerIsBetter: boolean;
  /** The primary metric of the best evaluation. */
  readonly best: number | undefined;
  /** 95% interval of it. */
  readonly interval: Interval | undefined;
  readonly bestStep: number | undefined;
  /** Of all steps, evaluation not counted. */
  readonly seconds: number | undefined;
  readonly parameters: number | undefined;
  /** The paper's FLOPs of one forward pass (Eq. 11). */
  readonly paperFlops: number | undefined;
  readonly stepFlops: number | undefined;
  /** Executed by all steps so far. */
  readonly totalFlops: number | undefined;
  readonly bytes: number | undefined;
  readonly state: string;
}

export function rowsOf(all: readonly RunSeries[]): Row[] {
  const differing = differences(all);
  return all.map((one, i) => {
    const { run, series } = one;
    const { cost, steps, evaluations, bestStep, stopped } = series;
    const metric = run.task?.primaryMetric;
    const best = evaluations.find(({ step }) => step === bestStep);
    return {
      ...one,
      differs: differing[i]!,
      metric,
      lowerIsBetter: run.task?.lowerIsBetter === true,
      best: metric === undefined ? undefined : best?.metrics[metric],
      interval: best?.interval,
      bestStep,
      seconds: steps.length ? steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000 : undefined,
      parameters: cost?.trainableParameters,
      paperFlops: cost?.paper.adapterFlops,
      stepFlops: cost?.step.flops,
      totalFlops: cost && cost.step.flops * (steps.at(-1)?.step ?? 0),
      bytes: cost?.memory.peakBytes,
      state: stopped ? 'ended early' : isActive(run.state) ? 'running' : run.state,
    };
  });
}

export type SortKey = 'best' | 'seconds' | 'parameters' | 'paperFlops' | 'stepFlops' | 'totalFlops' | 'bytes';

/** Rows by a column; rows without a value come last either way. */
export function sorted(rows: readonly Row[], by: SortKey, descending: boolean): Row[] {
  const value = (row: Row) => row[by] ?? (descending ? -Infinity : Infinity);
  return [...rows].sort((a, b) => (descending ? value(b) - value(a) : value(a) - value(b)));
}

/** Whether scores may be compared: the same task, judged by the same metric, on as many examples. */
export const comparableTo =
  ({ run }: Row) =>
  (other: Row) =>
    other.run.task?.id === run.task?.id &&
    other.metric === run.task?.primaryMetric &&
    other.run.examples?.validation === run.examples?.validation;

/** Whether a row is best of those comparable to it by more than noise: none of the others lies inside its interval. */
export function isBest(row: Row, rows: readonly Row[]): boolean {
  const others = rows.filter((other) => other !== row && comparableTo(row)(other)).flatMap(({ best }) => best ?? []);
  if (row.best === undefined || others.length === 0) return false;
  const ahead = others.every((other) => (row.lowerIsBetter ? row.best! < other : row.best! > other));
  const { interval } = row;
  return ahead && !(interval && others.some((other) => other >= interval[0] && other <= interval[1]));
}
