/** What comes with the page, and sizes that are known before anything is read. */
export const bundledCheckpoint = { reference: 'bundled:tiny-roberta', title: 'Tiny RoBERTa', megabytes: 11 } as const;

/** Examples of the bundled sample and of each GLUE task on the hub (`nyu-mll/glue`), known before they are read. */
export const taskSizes: Readonly<Record<string, readonly [train: number, validation: number]>> = {
  sample: [322, 120],
  cola: [8551, 1043],
  sst2: [67349, 872],
  mrpc: [3668, 408],
  stsb: [5749, 1500],
  qqp: [363846, 40430],
  mnli: [392702, 9815],
  qnli: [104743, 5463],
  rte: [2490, 277],
  wnli: [635, 71],
};
