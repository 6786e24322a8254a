/**
 * What a recipe names, opened: the checkpoint's `config.json`, and the adapter folders that contenders start from. Kilobytes (and an
 * adapter), before data and weights are read.
 */
import { readAdapter } from '../checkpoint/adapter-files';
import { readJson } from '../checkpoint/json';
import type { FileSource } from '../checkpoint/source';
import { UserError } from '../errors';
import { swapLayout } from '../models/core/load';
import type { Model } from '../models/core/model';
import { openModel } from '../models/core/registry';
import type { Task } from '../tasks/core/task';
import { z } from 'zod';
import type { Environment, PrepareOptions } from './environment';
import { taskEntry, type Contender, type Recipe } from './recipe';
import { TunedModel, type Start } from './tuned-model';

/** A contender whose settings are known, with the values it starts from where an adapter has them. */
export interface OpenedContender extends Contender, Start {}

export interface Opened {
  readonly recipe: Recipe;
  readonly source: FileSource;
  readonly model: Model;
  readonly contenders: readonly OpenedContender[];
}

/** @throws UserError `recipe/max-length` where rows would be longer than the model's position table */
export function checkLength({ training }: Recipe, model: Model, label: string): void {
  if (training.maxLength > model.longestInput)
    throw new UserError(
      'recipe/max-length',
      `training.maxLength is ${training.maxLength}, but ${label} has positions for ${model.longestInput} tokens.`,
    );
}

/** @throws UserError those of the source, of `openModel` and of `openContender`, and `recipe/max-length` */
export async function open(recipe: Recipe, environment: Environment, { signal }: PrepareOptions = {}): Promise<Opened> {
  const source = environment.checkpoint(recipe.checkpoint, recipe.revision);
  const model = openModel(await readJson(source, 'config.json', z.unknown(), { signal }), source.label);
  checkLength(recipe, model, source.label);
  return { recipe, source, model, contenders: await openContenders(recipe, model, environment) };
}

export async function openContenders(
  recipe: Recipe,
  model: Model,
  environment: Environment,
): Promise<OpenedContender[]> {
  // The number of a custom task's classes is not known yet; an adapter's settings do not depend on it.
  const task = taskEntry(recipe).describe(recipe);
  const opened: OpenedContender[] = [];
  for (const [i, contender] of recipe.contenders.entries())
    opened.push(
      contender.adapter === undefined
        ? { ...contender, start: new Map() }
        : await openAdapter(contender, i, new TunedModel({ model, task, weights: 'f32' }), environment),
    );
  return opened;
}

const written = (value: unknown) => JSON.stringify(value) ?? 'nothing';
const same = (one: unknown, other: unknown) =>
  Array.isArray(one) && Array.isArray(other)
    ? written([...one].sort()) === written([...other].sort())
    : written(one) === written(other);

/**
 * The settings and starting values of an adapter folder.
 *
 * @throws UserError `adapter/mismatch` naming the recipe's field that contradicts the folder, `adapter/unsupported`, and those of
 *   `readAdapter`
 */
async function openAdapter(
  contender: Contender,
  index: number,
  base: TunedModel,
  environment: Environment,
): Promise<OpenedContender> {
  const { method, given } = contender;
  const source = environment.adapter(contender.adapter!);
  const { config, tensors } = await readAdapter(source);
  const format = method.adapter!;
  if (config['peft_type'] !== format.peftType)
    throw new UserError(
      'adapter/mismatch',
      `The adapter ${source.label} is ${String(config['peft_type'])}, but methods[${index}] of the recipe is ${method.id}.`,
    );
  const { model } = base.options;
  const renamed = new Map(
    [...tensors].map(([name, tensor]) => {
      const own = format.ownName?.(name) ?? name;
      return [own, swapLayout(model, own, tensor)];
    }),
  );
  const refuse = (problem: string): never => {
    throw new UserError('adapter/unsupported', `The adapter ${source.label} ${problem}.`);
  };
  const told = format.settings({ config, tensors: renamed, model: base.adapted, refuse });
  for (const [field, value] of Object.entries(told))
    if (field in given && !same(given[field], value))
      throw new UserError(
        'adapter/mismatch',
        `methods[${index}].${field} is ${written(given[field])}, but the adapter ${source.label} has ${written(value)}; leave the field out, or set it to that.`,
      );
  const settings = method.schema.parse({ ...given, ...told });
  return {
    ...contender,
    settings,
    start: startOf(new TunedModel({ ...base.options, contender: { method, settings } }), renamed, source.label),
  };
}

/** The folder's tensors, each checked against what the method has with the folder's settings. Throws `adapter/mismatch`. */
function startOf(
  tuned: TunedModel,
  tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>,
  label: string,
): Map<string, Float32Array> {
  const fail = (problem: string) => new UserError('adapter/mismatch', `The adapter ${label} ${problem}.`);
  const start = new Map<string, Float32Array>();
  const { trained, frozen = [] } = tuned.own;
  const drawn = new Set(frozen.map(({ name }) => name));
  for (const { name, shape } of [...trained, ...frozen]) {
    const found = tensors.get(name);
    if (!found) {
      // PEFT does not save what it can draw again; such a tensor starts as in any other run.
      if (drawn.has(name)) continue;
      throw fail(`has no tensor ${name}`);
    }
    if (found.shape.join() !== shape.join())
      throw fail(`has ${name} as [${found.shape.join(', ')}], where its settings make it [${shape.join(', ')}]`);
    start.set(name, found.data);
  }
  const inHead = (name: string) => name === tuned.head.module || name.startsWith(`${tuned.head.module}.`);
  const unused = [...tensors.keys()].find((name) => !start.has(name) && !inHead(name));
  if (unused)
    throw fail(`holds ${unused}, which ${tuned.options.contender!.method.title} does not train in this model`);
  for (const [name, { data }] of tensors) if (inHead(name)) start.set(name, data);
  return start;
}

/** Head tensors of an adapter that fit the task's head. Throws `adapter/mismatch` where the folder's head is another. */
export function headStart({ head }: TunedModel, { start, adapter }: OpenedContender): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of head.trained) {
    const found = start.get(name);
    if (!found) continue;
    const wanted = shape.reduce((product, size) => product * size, 1);
    if (found.length !== wanted)
      throw new UserError(
        'adapter/mismatch',
        `The adapter ${adapter} has ${name} with ${found.length} values, but this task's head has ${wanted}; it was trained for another task.`,
      );
    values.set(name, found);
  }
  return values;
}

/** A tuned model for each contender of an opened recipe, for the task as its data made it. */
export const tunedModels = (
  { recipe, model, contenders }: Pick<Opened, 'recipe' | 'model' | 'contenders'>,
  task: Task,
) => contenders.map((contender) => new TunedModel({ model, task, weights: recipe.weights, contender }));
