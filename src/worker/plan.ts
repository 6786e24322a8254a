/** What a recipe would take, told before weights are downloaded or memory is allocated. */
import { readJson } from '../../checkpoint/json';
import { estimateCost } from '../../cost/estimate';
import { customTask, tasks, type TaskId } from '../../data/tasks';
import { UserError } from '../../errors';
import type { Gpu } from '../../gpu/device';
import { elements } from '../../graph/tensor';
import { longestInput, parseConfig, type EncoderConfig } from '../../models/config';
import { classifierProgram, parameterLayout } from '../../peft/classifier';
import { classifierOf, type Environment } from '../../train/prepare';
import type { Recipe } from '../../train/recipe';
import { z } from 'zod';
import { checkpointPresets } from '../presets';
import type { CheckpointInfo, MemoryVerdict, Plan } from '../protocol';

/** A preset's config needs no download; any other is read (a kilobyte). */
export async function configOf(
  reference: string,
  revision: string | undefined,
  environment: Environment,
): Promise<{ config: EncoderConfig; label: string }> {
  const preset = checkpointPresets.find(({ repository }) => repository === reference);
  if (preset) return { config: parseConfig(preset.config, preset.repository), label: preset.repository };
  const source = environment.checkpoint(reference, revision);
  return { config: parseConfig(await readJson(source, 'config.json', z.unknown()), source.label), label: source.label };
}

export async function checkpointInfo(
  reference: string,
  revision: string | undefined,
  environment: Environment,
): Promise<CheckpointInfo> {
  const { config, label } = await configOf(reference, revision, environment);
  const plain = { config, numLabels: 2, lossKind: 'crossEntropy', weights: 'f32' } as const;
  const { weights } = classifierProgram(plain, { batchSize: 1, length: 8 }, parameterLayout(plain), {
    training: false,
  });
  const parameters = weights.reduce((total, { shape }) => total + elements(shape), 0);
  return {
    label,
    architecture: config.architecture,
    hiddenSize: config.hiddenSize,
    layers: config.numHiddenLayers,
    vocabSize: config.vocabSize,
    longestInput: longestInput(config),
    parameters,
  };
}

/** Classes of a task of the visitor's own, as far as the recipe names them. */
function taskOf(recipe: Recipe): Parameters<typeof classifierOf>[2] {
  if (recipe.task !== 'custom') return tasks[recipe.task as TaskId];
  const { labels = ['0', '1'], regression, columns } = recipe.data!;
  const names = regression ? [] : Array.isArray(labels) ? labels : [...new Set(Object.values(labels))];
  return customTask('custom', columns!, names);
}

const gibibytes = (bytes: number) =>
  bytes < 2 ** 30 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function memoryVerdict(
  gpu: Gpu | undefined,
  needs: { peakBytes: number; largest: { name: string; bytes: number } },
): { verdict: MemoryVerdict; verdictReason: string } {
  const { peakBytes, largest } = needs;
  if (!gpu)
    return { verdict: 'unsure', verdictReason: `Takes ${gibibytes(peakBytes)}; there is no GPU to compare with.` };
  const limit = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize);
  if (largest.bytes > limit)
    return {
      verdict: 'too-large',
      verdictReason: `${largest.name} takes ${gibibytes(largest.bytes)}, but this GPU binds at most ${gibibytes(limit)}; use f16 weights or a smaller model.`,
    };
  // Browsers tell the machine's memory (rounded), never the GPU's.
  const machine = ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 2 ** 30;
  if (peakBytes > machine)
    return {
      verdict: 'too-large',
      verdictReason: `Takes ${gibibytes(peakBytes)}, more than this machine's memory as the browser tells it.`,
    };
  if (peakBytes > machine / 4)
    return {
      verdict: 'unsure',
      verdictReason: `Takes ${gibibytes(peakBytes)}; browsers do not tell how much memory a GPU has, so it may not fit.`,
    };
  return { verdict: 'fits', verdictReason: `Takes ${gibibytes(peakBytes)}, which should fit.` };
}

/** Costs at the recipe's batch size and `maxLength`. @throws UserError `recipe/max-length` and those of the checkpoint */
export async function planRecipe(
  recipe: Recipe,
  environment: Environment,
  gpu: Gpu | undefined,
  trainExamples?: number,
): Promise<Plan> {
  const { config, label } = await configOf(recipe.checkpoint, recipe.revision, environment);
  const { batchSize, maxLength, gradientAccumulation, dropout, maxSteps, epochs } = recipe.training;
  const longest = longestInput(config);
  if (maxLength > longest)
    throw new UserError(
      'recipe/max-length',
      `training.maxLength is ${maxLength}, but ${label} has positions for ${longest} tokens.`,
    );
  const task = taskOf(recipe);
  const chunkBytes = gpu ? Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize) : 2 ** 32;
  const shape = { batchSize: Math.min(batchSize, trainExamples ?? batchSize), length: maxLength };
  const methods = recipe.methods.map((method) => ({
    id: method.id,
    cost: estimateCost(classifierOf(recipe, config, task, method), {
      shape,
      gradientAccumulation,
      dropout,
      chunkBytes,
    }),
  }));
  const memories = methods.map(({ cost }) => cost.memory);
  const { weightBytes } = memories[0]!;
  const peakBytes =
    weightBytes +
    Math.max(...memories.map(({ arenaBytes }) => arenaBytes)) +
    memories.reduce((sum, { trainableBytes, programBytes }) => sum + trainableBytes + programBytes, 0);
  const stepsPerEpoch =
    trainExamples === undefined
      ? undefined
      : Math.max(1, Math.ceil(Math.ceil(trainExamples / batchSize) / gradientAccumulation));
  const totalSteps = maxSteps || (stepsPerEpoch !== undefined && epochs * stepsPerEpoch);
  return {
    methods,
    peakBytes,
    weightBytes,
    ...memoryVerdict(gpu, { peakBytes, largest: methods[0]!.cost.largestWeight }),
    ...(totalSteps && { totalSteps }),
  };
}
