/** What comes with the page, and sizes that are known before anything is read. */
export const bundledCheckpoints = [
  { reference: 'bundled:tiny-roberta', title: 'Tiny RoBERTa', megabytes: 11 },
  { reference: 'bundled:tiny-gpt2', title: 'Tiny GPT-2', megabytes: 11 },
] as const;

/** Examples of the bundled data, of each GLUE task on the hub (`nyu-mll/glue`) and of E2E, known before they are read. */
export const taskSizes: Readonly<Record<string, readonly [train: number, validation: number]>> = {
  sample: [1200, 300],
  questions: [310, 64],
  restaurants: [960, 40],
  cola: [8551, 1043],
  sst2: [67349, 872],
  mrpc: [3668, 408],
  stsb: [5749, 1500],
  qqp: [363846, 40430],
  mnli: [392702, 9815],
  qnli: [104743, 5463],
  rte: [2490, 277],
  wnli: [635, 71],
  e2e: [42061, 547],
  squad: [87599, 10570],
};
