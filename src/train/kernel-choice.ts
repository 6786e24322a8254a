/** The variants of the kernels a run uses: by rule on a software adapter, timed once per device and class of shapes on a GPU. */
import { z } from 'zod';
import type { Gpu } from '../gpu/device';
import type { KernelChoice, LinearShape } from '../graph/tensor';
import { recordShapes, tuneKernels, type TuningOptions } from '../graph/tuner';
import { staticChoice } from '../graph/variants';
import { classifierProgram, parameterLayout, type BatchShape, type Classifier } from '../peft/classifier';

/** Where what was timed is kept from one visit to the next. It may fail: then it is timed again. */
export interface TuningStore {
  /** What was last written, unchecked; undefined where there is nothing. */
  read(): Promise<unknown>;
  write(cache: object): Promise<void>;
}

/** What a run tells of itself before its kernels are chosen. */
export interface KernelNeeds {
  /** Its linear layers; compiles its programs, so it is asked for only where something depends on it. */
  shapes(): LinearShape[];
  /** Called before anything is timed. */
  onTuning?(): void;
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

/** Shapes of the linear layers of some classifiers, at the given batches and at those of half their length, and half of that, … */
export function linearShapes(
  gpu: Gpu,
  classifiers: readonly Classifier[],
  batches: readonly { readonly shape: BatchShape; readonly training: boolean }[],
  options: { readonly dropout: number; readonly chunkBytes: number },
): LinearShape[] {
  const { choice, shapes } = recordShapes(staticChoice(gpu.identity));
  for (const classifier of classifiers) {
    const layout = parameterLayout(classifier);
    for (const { shape, training } of batches)
      for (let { length } = shape; ; length = Math.ceil(length / 2)) {
        classifierProgram(classifier, { ...shape, length }, layout, { ...options, training, choice });
        if (length <= shortest) break;
      }
  }
  return shapes();
}
