/** The variants of the kernels a run uses: by rule on a software adapter, timed once per device and class of shapes on a GPU. */
import { z } from 'zod';
import type { Gpu } from '../gpu/device';
import type { KernelChoice, LinearShape } from '../graph/tensor';
import { recordShapes, tuneKernels, type TuningOptions } from '../graph/tuner';
import { staticChoice } from '../graph/variants';
import type { KernelNeeds } from './environment';
import type { BatchShapes } from './plan';
import type { ProgramOptions, TunedModel } from './tuned-model';

/** Where what was timed is kept from one visit to the next. It may fail: then it is timed again. */
export interface TuningStore {
  /** What was last written, unchecked; undefined where there is nothing. */
  read(): Promise<unknown>;
  write(cache: object): Promise<void>;
}

const tuningCache = z.record(z.string(), z.record(z.string(), z.string()));
/** A visitor waits for this once per device and model. */
const patience = 5;

export function tunedChoice(store: TuningStore, options: Omit<TuningOptions, 'cache'> = {}) {
  return async (gpu: Gpu, needs: KernelNeeds): Promise<KernelChoice> => {
    const { identity = gpu.identity, seconds = patience } = options;
    if (identity.software) return staticChoice(identity);
    const stored = tuningCache.safeParse(await store.read().catch(() => undefined)).data ?? {};
    needs.onTuning?.();
    const { choice, cache } = await tuneKernels(gpu, needs.shapes(), { cache: stored, seconds, identity });
    if (JSON.stringify(cache) !== JSON.stringify(stored)) await store.write(cache).catch(() => undefined);
    return choice;
  };
}

const shortest = 16;

/** Shapes of the linear layers of some models, at the largest batches and at those of half their length, and half of that, … */
export function linearShapes(
  gpu: Gpu,
  models: readonly TunedModel[],
  { training, evaluation }: BatchShapes,
  options: Omit<ProgramOptions, 'training'>,
): LinearShape[] {
  const { choice, shapes } = recordShapes(staticChoice(gpu.identity));
  for (const model of models) {
    const layout = model.layout(options.chunkBytes);
    for (const [shape, trains] of [
      [training, true],
      [evaluation, false],
    ] as const)
      for (let { length } = shape; ; length = Math.ceil(length / 2)) {
        model.program({ ...shape, length }, layout, { ...options, training: trains, choice });
        if (length <= shortest) break;
      }
  }
  return shapes();
}
