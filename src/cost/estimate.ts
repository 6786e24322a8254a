/**
 * What a contender costs, counted off its compiled programs: parameters, FLOPs, bytes and dispatches of an update, and device memory.
 * The paper's own formula stands beside it.
 */
import { trainingBytes, updateCost } from '../optim/adamw';
import type { ParameterLayout } from '../graph/parameter-layout';
import type { Program } from '../graph/plan';
import { byteLength, elements } from '../graph/tensor';

export interface Cost {
  /** Trained values of the method, head excluded. */
  readonly trainableParameters: number;
  readonly headParameters: number;
  /** By the method's paper (Eq. 11 for HUT): FLOPs it adds to one forward pass, whatever the number of tokens. Left out: it has no formula. */
  readonly paper: { readonly adapterFlops?: number };
  /** One update: forward, backward and AdamW. */
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
  /** Layers whose activations are computed again in the backward pass. */
  readonly recomputedSegments: number;
}

export interface CostOptions {
  readonly layout: ParameterLayout;
  readonly training: Program;
  readonly evaluation: Program;
  /** How many programs of each kind there will be: one a batch shape. */
  readonly programs: { readonly training: number; readonly evaluation: number };
  readonly gradientAccumulation: number;
  readonly headParameters: readonly { readonly shape: readonly number[] }[];
  readonly paperFlops?: number | undefined;
}

export function costOf(options: CostOptions): Cost {
  const { layout, training, evaluation, programs, gradientAccumulation, paperFlops } = options;
  const update = updateCost(layout, gradientAccumulation);
  const weights = new Map(
    [...training.weights, ...evaluation.weights].map((weight) => [weight.name, byteLength(weight)]),
  );
  const weightBytes = [...weights.values()].reduce((total, bytes) => total + bytes, 0);
  const arena = (program: Program) => program.arena.reduce((total, bytes) => total + bytes, 0);
  const arenaBytes = Math.max(arena(training), arena(evaluation));
  const trainableBytes = trainingBytes(layout, gradientAccumulation);
  // A dispatch has 256 bytes of uniforms, in the program of each batch shape.
  const dispatches = programs.training * training.cost.dispatches + programs.evaluation * evaluation.cost.dispatches;
  const programBytes = 256 * dispatches;
  const headParameters = options.headParameters.reduce((total, { shape }) => total + elements(shape), 0);
  return {
    trainableParameters: layout.count - headParameters,
    headParameters,
    paper: { ...(paperFlops !== undefined && { adapterFlops: paperFlops }) },
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
    largestWeight: [...weights].reduce(
      (largest, [name, bytes]) => (bytes > largest.bytes ? { name, bytes } : largest),
      { name: 'none', bytes: 0 },
    ),
    recomputedSegments: training.recomputedSegments,
  };
}
