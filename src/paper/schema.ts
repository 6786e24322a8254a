/**
 * The shape of `tables.json`, the numbers that the HUT paper (arXiv 2409.13501) prints. A test checks the file against it once; the
 * page imports only the types.
 */
import { z } from 'zod';

/** The six GLUE tasks of the paper, by the ids that this project has for them. */
export const glueTasks = ['sst2', 'mrpc', 'cola', 'qnli', 'rte', 'stsb'] as const;
export type GlueTask = (typeof glueTasks)[number];

const generationScores = ['bleu', 'nist', 'meteor', 'rougeL', 'cider'] as const;
const modules: readonly string[] = ['query', 'key', 'value', 'output'];

const title = z.string().min(1);
const percent = z.number().min(0).max(100);
const positive = z.number().positive();
const whole = z.number().int().positive();
/** As printed, such as `0.9M`. */
const millions = z.string().regex(/^\d+(\.\d+)?M$/);
const eachTask = <Value extends z.ZodType>(value: Value) => z.strictObject(record(glueTasks, value));
const targetModules = z.array(z.string().refine((name) => modules.includes(name), 'not an attention weight')).min(1);

function record<const Names extends readonly string[], Value extends z.ZodType>(names: Names, value: Value) {
  return Object.fromEntries(names.map((name) => [name, value])) as Record<Names[number], Value>;
}

const table1Row = z.strictObject({
  method: title,
  trainableParameters: millions,
  /** Percent. */
  scores: eachTask(percent),
  /** What is printed after ±. */
  spread: eachTask(percent).optional(),
  average: percent,
  /** Not run by the paper's authors, but taken from earlier papers. */
  fromPriorWork: z.boolean(),
});

const table3Row = z.strictObject({
  method: title,
  trainableParameters: millions,
  scores: z.strictObject(record(generationScores, positive)),
  spread: z.strictObject(record(generationScores, positive)).optional(),
  fromPriorWork: z.boolean(),
});

const table6Row = z.strictObject({
  method: title,
  batchSize: z.union([whole, eachTask(whole)]),
  epochs: eachTask(whole),
  learningRate: eachTask(positive),
  maxLength: whole,
  rank: whole.optional(),
  alpha: positive.optional(),
  targetModules: targetModules.optional(),
  bottleneck: whole.optional(),
});

export const paperTablesSchema = z.strictObject({
  source: title,
  table1: z.strictObject({ title, rows: z.array(table1Row), note: title }),
  table2: z.strictObject({
    title,
    rows: z.array(z.strictObject({ method: title, trainableParameters: millions, gflops: positive })),
  }),
  table3: z.strictObject({ title, rows: z.array(table3Row) }),
  figure3: z.strictObject({
    title,
    points: z.array(
      z.strictObject({ method: title, trainableParameters: millions, gflops: positive, average: percent }),
    ),
  }),
  table4: z.strictObject({
    title,
    columns: z.array(z.strictObject({ targetModules, rank: whole })),
    mrpc: z.array(percent),
    cola: z.array(percent),
  }),
  table5: z.strictObject({
    title,
    ranks: z.array(whole),
    mrpc: z.record(z.string(), z.array(percent)),
    cola: z.record(z.string(), z.array(percent)),
  }),
  table6: z.strictObject({ title, rows: z.array(table6Row), note: title }),
  table7: z.strictObject({
    title,
    training: z.strictObject({
      optimizer: title,
      weightDecay: positive,
      dropout: positive,
      batchSize: whole,
      epochs: whole,
      warmupSteps: whole,
      schedule: title,
      labelSmoothing: positive,
      learningRate: positive,
      rank: whole,
      targetModules,
    }),
    generation: z.strictObject({ numBeams: whole, lengthPenalty: positive, noRepeatNgramSize: whole }),
  }),
});

export type PaperTables = z.infer<typeof paperTablesSchema>;
