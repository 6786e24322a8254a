/**
 * The points of the paper (arXiv 2409.13501) beside those of this page: which column of its Table 1 belongs to a task and metric, what
 * it is called, and what has to be said with it. They are RoBERTa-large's, whatever the runs shown are.
 */
import { paperPoints, paperTables, table1Column, type GlueTask, type PaperPoint } from '../../../paper/tables';

export interface LetteredPoint extends PaperPoint {
  /** Stands beside the point, where a name would not fit: `a` is the cheapest. */
  readonly letter: string;
}

export interface PaperScores {
  /** What the scores are, as in `RTE, accuracy`. */
  readonly title: string;
  /** Why it is the average, where it is. */
  readonly reason: string | undefined;
  /** In ascending FLOPs. */
  readonly points: readonly LetteredPoint[];
  readonly notes: readonly string[];
}

interface TaskAndMetric {
  readonly id: string;
  readonly title: string;
  readonly metric: string;
}

/** Columns that a note is about. */
const suspect: readonly (GlueTask | 'average')[] = ['rte', 'stsb', 'average'];
const otherStart: readonly (GlueTask | 'average')[] = ['mrpc', 'rte', 'stsb', 'average'];

/** The scores to show beside runs of a task by a metric: the task's own column where Table 1 has it, else the average. */
export function paperScores({ id, title, metric }: TaskAndMetric): PaperScores {
  const { table1, table2, table6 } = paperTables;
  const own = table1Column(id, metric);
  const column = own ?? 'average';
  const name = metric
    .replaceAll('_', ' ')
    .replace(/^(matthews|pearson|spearman)/, (person) => person.charAt(0).toUpperCase() + person.slice(1));
  const withoutFlops = table1.rows
    .map(({ method }) => method)
    .filter((method) => !table2.rows.some((row) => row.method === method));
  return {
    title: own ? `${title}, ${name}` : 'average of six GLUE tasks (accuracy, Matthews and Pearson correlation)',
    reason: own ? undefined : `its Table 1 has no ${name} on “${title}”`,
    points: paperPoints(column)
      .sort((a, b) => a.flops - b.flops)
      .map((point, i) => ({ ...point, letter: String.fromCharCode('a'.charCodeAt(0) + i) })),
    notes: [
      ...(suspect.includes(column) ? [table1.note] : []),
      ...(otherStart.includes(column) ? [table6.note] : []),
      `Table 1 also has ${withoutFlops.join(', ')}, for which Table 2 states no FLOPs.`,
    ],
  };
}

/** A score of Table 1, with as many digits as it is printed with. */
export const paperScore = (share: number) => share.toFixed(3);

/** GFLOPs of Table 2, as printed. */
export const paperGflops = (method: string) =>
  paperTables.table2.rows.find((row) => row.method === method)!.gflops.toFixed(2);
