/** Changes to the recipe: whole ones from outside, refused where they do not work, and small ones by the controls. */
import { UserError } from '../errors';
import { defaultCheckpoint, type RecipeJson } from '../train/recipe';
import { taskById } from '../tasks/core/registry';
import { normalised } from './recipe-json';
import { useApp } from './store';

export type Method = NonNullable<RecipeJson['methods']>[number];
export type Training = NonNullable<RecipeJson['training']>;

/** Takes over a recipe from a file, a link or the editor; where it does not work, nothing changes. @throws UserError */
export function loadRecipe(json: unknown): void {
  useApp.getState().setRecipe(normalised(json));
}

/** @throws UserError `recipe/invalid` */
export function loadRecipeText(text: string): void {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError('recipe/invalid', `This is not JSON: ${(error as Error).message}.`);
  }
  loadRecipe(json);
}

/** A recipe without the fields that only its task has, which another would refuse. */
function withoutTaskFields(json: RecipeJson): RecipeJson {
  const { training = {}, recipe = {} } = taskById(json.task)?.fields ?? {};
  const without = (fields: object, own: object) => Object.entries(fields).filter(([name]) => !(name in own));
  const shared = Object.fromEntries(without(json.training ?? {}, training));
  return Object.fromEntries(without({ ...json, training: shared }, recipe)) as RecipeJson;
}

/** A task for another kind of model than the one before brings its own checkpoint. */
function checkpointFor(json: RecipeJson, { task }: Partial<RecipeJson>): Partial<RecipeJson> {
  const of = (id: string) => taskById(id)?.checkpoint ?? defaultCheckpoint;
  return task === undefined || of(task) === of(json.task) ? {} : { checkpoint: of(task), revision: undefined };
}

/** Changes the recipe by a control; what does not work is told beside it (`problem`). */
export function edit(change: Partial<RecipeJson>): void {
  const { json, setRecipe } = useApp.getState();
  const next = {
    ...(change.task === undefined || change.task === json.task ? json : withoutTaskFields(json)),
    ...checkpointFor(json, change),
    ...change,
  };
  for (const key of Object.keys(next) as (keyof RecipeJson)[]) if (next[key] === undefined) delete next[key];
  setRecipe(next);
}

export function editTraining(change: Partial<Record<keyof Training, unknown>>): void {
  const training = { ...useApp.getState().json.training, ...change } as Record<string, unknown>;
  for (const key of Object.keys(training)) if (training[key] === undefined) delete training[key];
  edit({ training: training as Training });
}

/** Columns of a table of the visitor's own, as far as they are chosen. */
export function columnsOf(data: RecipeJson['data']): { text: string; pair?: string; label: string } {
  return { text: '', label: '', ...(data?.['columns'] as { pair?: string } | undefined) };
}

export const methodList = () => useApp.getState().json.methods ?? [];

export function editMethod(index: number, change: Record<string, unknown>): void {
  edit({
    methods: methodList().map((method, i) =>
      i === index
        ? (Object.fromEntries(
            Object.entries({ ...method, ...change }).filter(([, value]) => value !== undefined),
          ) as Method)
        : method,
    ),
  });
}

/** A method with its defaults written out. */
export const withDefaults = (method: string): Method =>
  normalised({ task: 'sample', methods: [{ method }] } satisfies RecipeJson).methods![0]!;

/** Lets a method start from an adapter folder, whose settings then count, or from scratch again. */
export function startFrom(index: number, adapter: string | undefined): void {
  const { method, learningRate } = methodList()[index]!;
  const rate = learningRate === undefined ? {} : { learningRate };
  const next = adapter === undefined ? { ...withDefaults(method), ...rate } : { method, ...rate, adapter };
  edit({ methods: methodList().with(index, next) });
}

/** The recipe as it is shared: in a file, on the clipboard. */
export const recipeText = () => `${JSON.stringify(useApp.getState().json, null, 2)}\n`;
