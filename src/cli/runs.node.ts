/** Small runs on the bundled checkpoint and the bundled sample, for tests: what the command line and the page do, a few steps of it. */
import { memorySource, type FileSource } from '../checkpoint/source';
import { nodeEnvironment } from './environment';
import type { Gpu } from '../gpu/device';
import { staticChoice } from '../graph/variants';
import type { Environment } from '../train/environment';
import type { RunEvent } from '../train/events';
import { prepare } from '../train/prepare';
import { parseRecipe, type RecipeJson } from '../train/recipe';
import { Run } from '../train/run';

export const testEnvironment = (gpu: Gpu, more: Partial<Environment> = {}): Environment => ({
  ...nodeEnvironment('.', '.'),
  gpu: async () => gpu,
  // Without tuning: the kernels that suit this kind of device.
  choice: async ({ identity }) => staticChoice(identity),
  ...more,
});

export const smallRecipe: RecipeJson = {
  task: 'sample',
  methods: [
    { method: 'hut', learningRate: 5e-3 },
    { method: 'lora', rank: 4 },
  ],
  training: { maxSteps: 3, batchSize: 4, maxLength: 16, warmupRatio: 0 },
  evaluation: { limit: 8 },
};

export async function trainedRun(
  gpu: Gpu,
  json: RecipeJson,
  more: Partial<Environment> = {},
  onEvent?: (event: RunEvent) => void,
): Promise<Run> {
  const run = new Run(await prepare(parseRecipe(json), testEnvironment(gpu, more), { onEvent }));
  await run.train({ onEvent });
  return run;
}

/** The outputs of a contender's best evaluation, of a task whose answers are its logits. */
export function bestLogits(run: Run, id: string): Float32Array {
  const answers = run.bestAnswers(id);
  if (!(answers instanceof Float32Array)) throw new Error(`${id} was not evaluated`);
  return answers;
}

export const folder = (files: ReadonlyMap<string, Uint8Array>, label: string): FileSource => memorySource(files, label);
