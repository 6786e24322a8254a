/** Pictures of a weight: of a recipe's checkpoint as its methods would start, and of a run as they are now. */
import { readJson } from '../checkpoint/json';
import { openWeights, type WeightReader } from '../checkpoint/weights';
import { weightPicture, type WeightPicture, type WeightPlace } from '../explain/weight-picture';
import { openModel } from '../models/core/registry';
import type { Environment } from '../train/environment';
import { drawnContender } from '../train/drawn-layer';
import { openContenders, tunedModels } from '../train/open';
import { taskEntry, type Recipe } from '../train/recipe';
import type { Run } from '../train/run';
import { z } from 'zod';

/** The checkpoint drawn last: the next weight of it needs no download. Folders of the visitor's are at hand anyway. */
let opened: { readonly key: string; readonly reader: Promise<WeightReader> } | undefined;

function readerOf({ checkpoint, revision }: Recipe, environment: Environment): Promise<WeightReader> {
  const source = environment.checkpoint(checkpoint, revision);
  if (/^[./~]/.test(checkpoint)) return openWeights(source);
  const key = JSON.stringify([checkpoint, revision]);
  if (opened?.key !== key) {
    const reader = openWeights(source);
    opened = { key, reader };
    reader.catch(() => (opened = undefined));
  }
  return opened.reader;
}

/** @throws UserError those of the checkpoint */
export async function pictureOfRecipe(
  recipe: Recipe,
  environment: Environment,
  place: WeightPlace,
): Promise<WeightPicture> {
  const source = environment.checkpoint(recipe.checkpoint, recipe.revision);
  const model = openModel(await readJson(source, 'config.json', z.unknown()), source.label);
  const contenders = await openContenders(recipe, model, environment);
  const { seed } = recipe.training;
  const pictured = tunedModels({ recipe, model, contenders }, taskEntry(recipe).describe(recipe)).map((tuned, i) => {
    const { id, start } = contenders[i]!;
    const initial = new Map(tuned.own.trained.map((tensor) => [tensor.name, tensor.initial]));
    return { id, ...drawnContender(tuned, seed, (name) => start.get(name) ?? initial.get(name)?.(seed)) };
  });
  return weightPicture(await readerOf(recipe, environment), model, pictured, place, source.label);
}

export async function pictureOfRun({ prepared }: Run, place: WeightPlace): Promise<WeightPicture> {
  const { reader, model, source, trainers, recipe } = prepared;
  const pictured = [];
  for (const { id, options, flat } of trainers) {
    const trained = await flat.parameters.read();
    pictured.push({ id, ...drawnContender(options.tuned, recipe.training.seed, (name) => trained.get(name)) });
  }
  return weightPicture(reader, model, pictured, place, source.label);
}
