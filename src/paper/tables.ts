/**
 * The numbers of the HUT paper (arXiv 2409.13501), Tables 1 to 7 and Figure 3, as printed: scores in percent, spreads as they stand
 * after ±. What looks like a misprint is kept and has a `note` beside it. They are the paper's measurements, never this project's.
 */
import type { GlueTask, PaperTables } from './schema';
import tables from './tables.json';

export type { GlueTask, PaperTables };

export const paperTables: PaperTables = tables;

/** The score that a column of Table 1 holds, under the name that this project's metrics have. */
export const table1Metrics: Readonly<Record<GlueTask, string>> = {
  sst2: 'accuracy',
  mrpc: 'accuracy',
  cola: 'matthews_correlation',
  qnli: 'accuracy',
  rte: 'accuracy',
  stsb: 'pearson',
};

/** A method of Figure 3: what it reaches, and what it adds to a forward pass of RoBERTa-large. */
export interface PaperPoint {
  /** The paper's name and number of trained values, such as `PAdapter 3.0M`; both are needed to tell the rows apart. */
  readonly title: string;
  /** FLOPs of one forward pass (Table 2). */
  readonly flops: number;
  /** A share of 1, as this project's own scores are (Table 1). */
  readonly score: number;
  /** What is printed after ±, as a share of 1; averages have none. */
  readonly spread: number | undefined;
  readonly fromPriorWork: boolean;
}

/** Printed percent as a share, without the digits that a division leaves behind. */
const share = (percent: number) => Number((percent / 100).toFixed(6));

/** The rows of Table 2, each with its score in a column of Table 1. With `average`, these are the points of Figure 3. */
export function paperPoints(column: GlueTask | 'average'): PaperPoint[] {
  const { table1, table2 } = paperTables;
  return table2.rows.flatMap(({ method, trainableParameters, gflops }) => {
    const row = table1.rows.find((one) => one.method === method && one.trainableParameters === trainableParameters);
    if (!row) return [];
    const spread = column === 'average' ? undefined : row.spread?.[column];
    return {
      title: `${method} ${trainableParameters}`,
      flops: gflops * 1e9,
      score: share(column === 'average' ? row.average : row.scores[column]),
      spread: spread === undefined ? undefined : share(spread),
      fromPriorWork: row.fromPriorWork,
    };
  });
}

/** The column of Table 1 that holds a task's score by a metric, if it has one. */
export function table1Column(task: string, metric: string): GlueTask | undefined {
  return Object.keys(table1Metrics)
    .filter((known): known is GlueTask => known === task)
    .find((known) => table1Metrics[known] === metric);
}
