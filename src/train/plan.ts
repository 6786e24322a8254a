/**
 * What a run will take, before anything is allocated: steps, batch shapes, and each contender's cost. The page's set-up, a dry run and
 * the run itself ask here, so that one rule tells peak memory and steps per epoch.
 */
import { costOf, type Cost } from '../cost/estimate';
import { byteLength } from '../graph/tensor';
import { trainingBytes } from '../optim/adamw';
import { batchCount, paddedLength } from '../data/batching';
import { rowLengths } from '../data/encoding';
import { largestBinding, type Gpu } from '../gpu/device';
import type { KernelChoice } from '../graph/tensor';
import type { BatchShape } from '../models/core/model';
import { warmupStepsOf } from '../optim/schedule';
import type { Encoded } from './encode';
import type { Recipe } from './recipe';
import type { ProgramOptions, TunedModel } from './tuned-model';

type Training = Recipe['training'];

export interface Steps {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly warmupSteps: number;
}

/** Steps of a run, as `transformers`' Trainer counts them. */
export function stepsOf(training: Training, trainRows: number): Steps {
  const batches = batchCount(trainRows, training.batchSize);
  const stepsPerEpoch = Math.max(1, Math.ceil(batches / training.gradientAccumulation));
  const totalSteps = training.maxSteps || training.epochs * stepsPerEpoch;
  const warmupSteps = training.warmupSteps ?? warmupStepsOf(training.warmupRatio, totalSteps);
  return { stepsPerEpoch, totalSteps, warmupSteps };
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, value) => total + value, 0);

/** The largest batches of a run, and how many shapes of batches there are at most: each has a program of its own. */
export interface BatchShapes {
  readonly training: BatchShape;
  readonly evaluation: BatchShape;
  readonly programs: { readonly training: number; readonly evaluation: number };
}

/** Those of a recipe whose rows are not known: full batches of `maxLength`. */
export function largestShapes({ batchSize, maxLength }: Training, trainRows = batchSize): BatchShapes {
  const shape = { batchSize: Math.min(batchSize, trainRows), length: maxLength };
  const lengths = new Set(Array.from({ length: maxLength }, (_, i) => paddedLength(i + 1, maxLength)));
  const programs = lengths.size + 1;
  return { training: shape, evaluation: shape, programs: { training: programs, evaluation: programs } };
}

/** Those of the rows there are. */
export function shapesOf({ batchSize, maxLength }: Training, { splits }: Pick<Encoded, 'splits'>): BatchShapes {
  const sizes = [...splits].map(([name, { encoded }]) => {
    const lengths = rowLengths(encoded).map((length) => paddedLength(length, maxLength));
    return {
      name,
      batchSize: Math.min(batchSize, encoded.count),
      length: lengths.reduce((longest, length) => Math.max(longest, length)),
      // A batch is as long as one of its rows, and the last of an epoch may have fewer rows.
      programs: new Set(lengths).size + (encoded.count % batchSize ? 1 : 0),
    };
  });
  const [train, ...scored] = sizes;
  return {
    training: train!,
    evaluation: {
      batchSize: Math.max(...scored.map((size) => size.batchSize)),
      length: Math.max(...scored.map((size) => size.length)),
    },
    programs: { training: train!.programs, evaluation: sum(scored.map(({ programs }) => programs)) },
  };
}

/** What of a device bounds a program. */
export interface DeviceLimits {
  /** The largest buffer, and the largest binding of one. */
  readonly chunkBytes: number;
  readonly maxStorageBuffers: number;
}

export const limitsOf = (gpu: Pick<Gpu, 'limits'>): DeviceLimits => ({
  chunkBytes: largestBinding(gpu),
  maxStorageBuffers: gpu.limits.maxStorageBuffersPerShaderStage,
});

/** Where no device is asked: what common GPUs offer. */
export const usualLimits: DeviceLimits = { chunkBytes: 2 ** 32, maxStorageBuffers: 10 };

export interface PlanOptions extends DeviceLimits {
  readonly shapes: BatchShapes;
  readonly choice?: KernelChoice;
  /** Bytes that the run should not exceed; to keep to it, activations are computed again. */
  readonly budgetBytes?: number | undefined;
}

/** A contender's share of the plan, in the recipe's order. */
export interface Plan {
  readonly costs: readonly Cost[];
  /** Bytes on the device with all contenders in place. */
  readonly peakBytes: number;
  /** Bytes of the frozen weights. */
  readonly weightBytes: number;
  /** How programs of any shape are compiled in this run. */
  readonly program: Omit<ProgramOptions, 'training'>;
}

/** How a recipe's programs are compiled where memory is no question. */
export function programOptions(
  { dropout, gradientCheckpointing }: Training,
  { chunkBytes, maxStorageBuffers, choice }: Omit<PlanOptions, 'shapes'>,
): Omit<ProgramOptions, 'training'> {
  return { dropout, gradientCheckpointing, chunkBytes, maxStorageBuffers, ...(choice && { choice }) };
}

/** @throws UserError `model/too-large` where a tensor fits no buffer of the device */
export function plan(tuned: readonly TunedModel[], training: Training, options: PlanOptions): Plan {
  const { shapes, budgetBytes } = options;
  const { gradientAccumulation } = training;
  const predictions = tuned.map((model) => {
    const layout = model.layout(options.chunkBytes);
    const program = { ...programOptions(training, options), training: false };
    return { model, layout, evaluation: model.program(shapes.evaluation, layout, program) };
  });
  // The arena is shared, and so are the frozen weights, by name; what each contender owns adds up.
  const weights = new Map(
    predictions.flatMap(({ evaluation }) => evaluation.weights.map((weight) => [weight.name, byteLength(weight)])),
  );
  const weightBytes = sum(weights.values());
  const trainableBytes = sum(predictions.map(({ layout }) => trainingBytes(layout, gradientAccumulation)));
  const arenaBudget = (budgetBytes ?? 0) - weightBytes - trainableBytes;
  const program = {
    ...programOptions(training, options),
    // What the rest leaves of the budget is the arena's; where it leaves nothing, no arena would help.
    ...(arenaBudget > 0 && { budgetBytes: arenaBudget }),
  };
  const costs = predictions.map(({ model, layout, evaluation }) => {
    const { contender } = model.options;
    return costOf({
      layout,
      evaluation,
      programs: shapes.programs,
      training: model.program(shapes.training, layout, { ...program, training: true }),
      gradientAccumulation,
      headParameters: model.head.trained,
      paperFlops: contender?.method.paperFlops?.(model.adapted, contender.settings),
    });
  });
  const peakBytes =
    weightBytes +
    trainableBytes +
    Math.max(...costs.map(({ memory }) => memory.arenaBytes)) +
    sum(costs.map(({ memory }) => memory.programBytes));
  return { costs, peakBytes, weightBytes, program };
}
