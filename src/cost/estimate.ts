/**
 * What a run will cost, counted before anything is allocated: parameters, the paper's FLOPs, the FLOPs, bytes and dispatches of
 * the compiled step, and device memory.
 */
import { flatBytes, updateCost } from '../optim/adamw';
import { byteLength, elements, type KernelChoice } from '../graph/tensor';
import {
  adaptedSites,
  adapterTensors,
  classifierProgram,
  parameterLayout,
  type BatchShape,
  type Classifier,
} from '../peft/classifier';
import { headTensors } from '../models/encoder';

export interface Cost {
  /** Trained values of the method, head excluded. */
  readonly trainableParameters: number;
  readonly headParameters: number;
  /** The paper's formula (Eq. 11): FLOPs the method adds to one forward pass, whatever the number of tokens. */
  readonly paper: { readonly adapterFlops: number };
  /** One update at the given shape: forward, backward and AdamW, counted off the compiled program. */
  readonly step: { readonly flops: number; readonly bytes: number; readonly dispatches: number };
  /** Device bytes if this method trains alone. */
  readonly memory: {
    readonly weightBytes: number;
    readonly arenaBytes: number;
    readonly trainableBytes: number;
    readonly programBytes: number;
    readonly peakBytes: number;
  };
  readonly largestWeight: { readonly name: string; readonly bytes: number };
}

export interface CostOptions {
  readonly shape: BatchShape;
  readonly evaluationShape?: BatchShape;
  readonly gradientAccumulation?: number;
  readonly dropout?: number;
  readonly choice?: KernelChoice;
  readonly chunkBytes?: number;
}

/** FLOPs a method adds by the paper's formula, over all layers it adapts. */
export function paperFlops(classifier: Classifier): number {
  const { adaptation } = classifier;
  return adaptedSites(classifier).reduce(
    (total, site) => total + adaptation!.method.paperFlops(site, adaptation!.settings),
    0,
  );
}

const count = (tensors: readonly { shape: readonly number[] }[]) =>
  tensors.reduce((total, { shape }) => total + elements(shape), 0);

export function estimateCost(classifier: Classifier, options: CostOptions): Cost {
  const { shape, gradientAccumulation = 1, ...compileOptions } = options;
  const layout = parameterLayout(classifier, options.chunkBytes);
  const training = classifierProgram(classifier, shape, layout, { ...compileOptions, training: true });
  const evaluation = classifierProgram(classifier, options.evaluationShape ?? shape, layout, {
    ...compileOptions,
    training: false,
  });
  const update = updateCost(layout, gradientAccumulation);
  const weights = training.weights.map((weight) => ({ name: weight.name, bytes: byteLength(weight) }));
  const weightBytes = weights.reduce((total, { bytes }) => total + bytes, 0);
  const arena = (program: typeof training) => program.arena.reduce((total, bytes) => total + bytes, 0);
  const arenaBytes = Math.max(arena(training), arena(evaluation));
  const trainableBytes = flatBytes(layout, gradientAccumulation);
  // A dispatch has 256 bytes of uniforms.
  const programBytes = 256 * (training.cost.dispatches + evaluation.cost.dispatches);
  return {
    trainableParameters: count(adapterTensors(classifier)),
    headParameters: count(headTensors(classifier.config, classifier.numLabels)),
    paper: { adapterFlops: paperFlops(classifier) },
    step: {
      flops: gradientAccumulation * training.cost.flops + update.flops,
      bytes: gradientAccumulation * training.cost.bytes + update.bytes,
      dispatches: gradientAccumulation * training.cost.dispatches + update.dispatches,
    },
    memory: {
      weightBytes,
      arenaBytes,
      trainableBytes,
      programBytes,
      peakBytes: weightBytes + arenaBytes + trainableBytes + programBytes,
    },
    largestWeight: weights.reduce((largest, weight) => (weight.bytes > largest.bytes ? weight : largest), {
      name: 'none',
      bytes: 0,
    }),
  };
}
