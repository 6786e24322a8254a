/** What the curves show: each quantity as lines of points, read off the runs' records. */
import type { RunSeries } from '../../chart/runs';
import { smooth, type Line, type Point } from '../../chart/series';
import { bytes } from '../../format';
import type { RunRecord } from '../../run-record';

export interface Quantity {
  readonly id: string;
  readonly title: string;
  /** Values of one method of a run. */
  points(series: RunSeries, metric: string): Point[];
  readonly format: (value: number) => string;
  /** Noisy: drawn smoothed over the faint values themselves. */
  readonly noisy?: boolean;
  /** Few points, each worth a dot. */
  readonly dots?: boolean;
  /** One line a run instead of one a method. */
  readonly perRun?: boolean;
}

const powers = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
/** Short enough for an axis: `0.53`, `1.2e-4`, `3.4 T`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1000) {
    const power = Math.min(powers.length - 1, Math.floor(Math.log10(size) / 3));
    return `${Number((value / 1000 ** power).toPrecision(3))}\u202f${powers[power]}`;
  }
  return size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

const perStep =
  (pick: (step: RunSeries['series']['steps'][number]) => number) =>
  ({ series }: RunSeries) =>
    series.steps.map((step) => ({ x: step.step, y: pick(step) }));

export const quantities: readonly Quantity[] = [
  { id: 'loss', title: 'Training loss', points: perStep(({ loss }) => loss), format: short, noisy: true },
  {
    id: 'metric',
    title: 'Validation',
    points: ({ series }, metric) =>
      series.evaluations.flatMap(({ step, metrics }) =>
        metrics[metric] === undefined ? [] : [{ x: step, y: metrics[metric] }],
      ),
    format: short,
    dots: true,
  },
  {
    id: 'gradient-norm',
    title: 'Gradient norm, before clipping',
    points: perStep(({ gradNorm }) => gradNorm),
    format: short,
    noisy: true,
  },
  { id: 'learning-rate', title: 'Learning rate', points: perStep(({ learningRate }) => learningRate), format: short },
  {
    id: 'tokens',
    title: 'Tokens per second',
    points: ({ series }) =>
      series.steps.flatMap(({ step, tokens, milliseconds }) =>
        milliseconds > 0 ? [{ x: step, y: (1000 * tokens) / milliseconds }] : [],
      ),
    format: short,
    noisy: true,
  },
  {
    id: 'flops',
    title: 'Executed FLOPs, cumulative',
    points: ({ series }) =>
      series.cost ? series.steps.map(({ step }) => ({ x: step, y: step * series.cost!.step.flops })) : [],
    format: short,
  },
  {
    id: 'memory',
    title: 'Device memory, all methods',
    points: ({ run }) => run.memory.map(({ step, allocated }) => ({ x: step, y: allocated })),
    format: bytes,
    perRun: true,
  },
];

/** Names of the scores that any of the runs has, the primary one first, the loss last. */
export function metricNames(runs: readonly RunRecord[]): string[] {
  const names = new Set(runs.flatMap(({ task }) => (task ? [task.primaryMetric] : [])));
  for (const { methods } of runs)
    for (const { evaluations } of methods)
      for (const name of Object.keys(evaluations[0]?.metrics ?? {})) names.add(name);
  return [...names].filter((name) => name !== 'loss').concat(names.has('loss') ? ['loss'] : []);
}

const titles: Readonly<Record<string, string>> = {
  f1: 'F1',
  bleu: 'BLEU',
  nist: 'NIST',
  meteor: 'METEOR',
  rougeL: 'ROUGE-L',
  cider: 'CIDEr',
};

/** `matthews_correlation` as a person reads it. */
export const metricTitle = (name: string) => {
  // On another split the metric's name has the split's behind it.
  const [metric = '', ...split] = name.split('_');
  return [titles[metric] ?? metric, ...split]
    .join(' ')
    .replace('spearmanr', 'Spearman')
    .replace(/^./, (first) => first.toUpperCase());
};

/** The same look for short runs and long ones: from 200 steps on, what is averaged over grows with the run. */
function weightFor(smoothing: number, count: number): number {
  const span = (smoothing / (1 - smoothing)) * Math.max(1, count / 200);
  return span / (1 + span);
}

/** The lines of a quantity; of a noisy one also the unsmoothed values, which are drawn faint. */
export function linesOf(
  quantity: Quantity,
  all: readonly RunSeries[],
  metric: string,
  smoothing: number,
): { lines: Line[]; faint: Line[] } {
  const chosen = quantity.perRun ? all.filter(({ run }, i) => all.findIndex((other) => other.run === run) === i) : all;
  const raw = chosen.map((series): Line => {
    const { key, title, colour, dash } = series;
    const points = quantity.points(series, metric);
    // Memory is no method's own: a neutral colour.
    return quantity.perRun
      ? { key, title: title.split(' · ')[1] ?? 'In use', colour: 'var(--quiet)', dash, points }
      : { key, title, colour, dash, points };
  });
  if (!quantity.noisy || smoothing === 0) return { lines: raw, faint: [] };
  return {
    lines: raw.map((line) => ({ ...line, points: smooth(line.points, weightFor(smoothing, line.points.length)) })),
    faint: raw,
  };
}

/** What answers without reading would score, as a line across; the same for runs on the same data. */
export function guessLines(runs: readonly RunRecord[], metric: string, last: number): Line[] {
  const lines = new Map<string, Line>();
  for (const { task } of runs) {
    const y = task?.guess?.metrics[metric];
    if (!task?.guess || y === undefined) continue;
    const key = `guess ${task.id} ${y}`;
    const points = [
      { x: 0, y },
      { x: last, y },
    ];
    lines.set(key, { key, title: task.guess.title, colour: 'var(--quiet)', dash: '2 4', points });
  }
  return [...lines.values()];
}
