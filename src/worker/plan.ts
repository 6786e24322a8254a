/** What a recipe would take, told before weights are downloaded or memory is allocated. */
import { readJson } from '../checkpoint/json';
import { checkpointPresets } from '../checkpoint/presets';
import { largestBinding, type Gpu } from '../gpu/device';
import { elements } from '../graph/tensor';
import type { Model } from '../models/core/model';
import { openModel } from '../models/core/registry';
import { taskById } from '../tasks/core/registry';
import type { Environment } from '../train/environment';
import { checkLength, openContenders, tunedModels } from '../train/open';
import { largestShapes, limitsOf, plan, stepsOf, usualLimits } from '../train/plan';
import { taskEntry, type Recipe } from '../train/recipe';
import { TunedModel } from '../train/tuned-model';
import { z } from 'zod';
import { machineBytes } from './environment';
import type { CheckpointInfo, MemoryVerdict, Plan } from './protocol';

/** A preset's config needs no download; any other is read (a kilobyte). */
async function modelOf(
  reference: string,
  revision: string | undefined,
  environment: Environment,
): Promise<{ model: Model; label: string }> {
  const preset = checkpointPresets.find(({ repository }) => repository === reference);
  if (preset) return { model: openModel(preset.config, preset.repository), label: preset.repository };
  const source = environment.checkpoint(reference, revision);
  return { model: openModel(await readJson(source, 'config.json', z.unknown()), source.label), label: source.label };
}

export async function checkpointInfo(
  reference: string,
  revision: string | undefined,
  environment: Environment,
): Promise<CheckpointInfo> {
  const { model, label } = await modelOf(reference, revision, environment);
  const task = taskById('sample')!.describe({ task: 'sample', training: {} });
  const { tensors } = new TunedModel({ model, task, weights: 'f32' }).adapted;
  return {
    label,
    architecture: model.architecture,
    hiddenSize: model.hiddenSize,
    layers: model.numHiddenLayers,
    vocabSize: model.vocabSize,
    longestInput: model.longestInput,
    parameters: tensors.reduce((total, { shape }) => total + elements(shape), 0),
  };
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
  const limit = largestBinding(gpu);
  if (largest.bytes > limit)
    return {
      verdict: 'too-large',
      verdictReason: `${largest.name} takes ${gibibytes(largest.bytes)}, but this GPU binds at most ${gibibytes(limit)}; use f16 weights or a smaller model.`,
    };
  const machine = machineBytes();
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
  const { model, label } = await modelOf(recipe.checkpoint, recipe.revision, environment);
  checkLength(recipe, model, label);
  const contenders = await openContenders(recipe, model, environment);
  const tuned = tunedModels({ recipe, model, contenders }, taskEntry(recipe).describe(recipe));
  const { costs, peakBytes, weightBytes } = plan(tuned, recipe.training, {
    ...(gpu ? limitsOf(gpu) : usualLimits),
    budgetBytes: environment.budgetBytes?.(),
    shapes: largestShapes(recipe.training, trainExamples),
  });
  const { maxSteps } = recipe.training;
  const totalSteps = trainExamples === undefined ? maxSteps : stepsOf(recipe.training, trainExamples).totalSteps;
  return {
    methods: contenders.map(({ id }, i) => ({ id, cost: costs[i]! })),
    peakBytes,
    weightBytes,
    roles: [...new Set(tuned[0]!.adapted.linearLayers.flatMap(({ role }) => role ?? []))],
    ...memoryVerdict(gpu, { peakBytes, largest: costs[0]!.largestWeight }),
    ...(totalSteps && { totalSteps }),
  };
}
