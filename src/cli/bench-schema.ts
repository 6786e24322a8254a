/** `results.json` of a benchmark: the numbers of every run, and when two recipes are the same run. */
import { z } from 'zod';

const method = z.strictObject({
  id: z.string(),
  method: z.string(),
  /** Primary metric of the best evaluation; null where there was none. */
  bestMetric: z.number().nullable(),
  bestStep: z.number().nullable(),
  /** Training loss of the last step. */
  finalLoss: z.number().nullable(),
  /** Of all its steps, compilation within them counted, evaluations not. */
  seconds: z.number(),
  /** Median over its steps, padding not counted. */
  tokensPerSecond: z.number().nullable(),
  trainableParameters: z.number(),
  headParameters: z.number(),
  /** Of one update, counted off the compiled program. */
  flopsPerStep: z.number(),
  /** What the method adds to one forward pass by its paper's formula; null where there is none. */
  paperFlops: z.number().nullable(),
  losses: z.array(z.number()),
  /** Why it ended early. */
  stopped: z.string().optional(),
});

const run = z.strictObject({
  /** Unique in the report. */
  name: z.string(),
  /** Name of the recipe file. */
  recipe: z.string(),
  settings: z.record(z.string(), z.unknown()),
  seed: z.number(),
  repeat: z.number(),
  adapter: z.strictObject({
    vendor: z.string(),
    architecture: z.string(),
    device: z.string(),
    description: z.string(),
    software: z.boolean(),
  }),
  browser: z.string(),
  /** The whole recipe. */
  json: z.record(z.string(), z.unknown()),
  primaryMetric: z.string(),
  totalSteps: z.number(),
  peakBytes: z.number(),
  methods: z.array(method),
});

export const report = z.strictObject({
  /** Names of all runs, those of other shards too. */
  planned: z.array(z.string()),
  runs: z.array(run),
  failures: z.array(z.strictObject({ name: z.string(), message: z.string() })),
});

export type BenchRun = z.output<typeof run>;
export type Report = z.output<typeof report>;

/** A recipe, defaults written out, without what has no effect: each method has a learning rate of its own by then. */
export const effective = ({ training, ...recipe }: Readonly<Record<string, unknown>>) => ({
  ...recipe,
  training: { ...(training as object), learningRate: undefined },
});
