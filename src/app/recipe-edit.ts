/**
 * The recipe as the page edits it: always the whole recipe with its defaults written out, so that every control has a value and a
 * shared link means the same when a default changes. A method's learning rate is left out where it is the training's.
 */
import { UserError } from '../errors';
import { parseRecipe, recipeJson, type RecipeJson } from '../train/recipe';
import { useApp } from './store';

export type Method = NonNullable<RecipeJson['methods']>[number];
export type Training = NonNullable<RecipeJson['training']>;

/** Checks a recipe from outside. @throws UserError as `parseRecipe` */
export function normalised(json: unknown): RecipeJson {
  const { revision, data, ...recipe } = recipeJson(parseRecipe(json)) as RecipeJson;
  const learningRate = recipe.training!.learningRate;
  const methods = recipe.methods!.map(({ learningRate: own, ...method }) => (own === learningRate ? method : { ...method, learningRate: own })) as Method[];
  return { ...recipe, ...(revision !== undefined && { revision }), ...(data && { data }), methods };
}

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

/** Changes the recipe by a control; what does not work is told beside it (`problem`). */
export function edit(change: Partial<RecipeJson>): void {
  const { json, setRecipe } = useApp.getState();
  const next = { ...json, ...change };
  for (const key of Object.keys(next) as (keyof RecipeJson)[]) if (next[key] === undefined) delete next[key];
  setRecipe(next);
}

export function editTraining(change: Partial<Record<keyof Training, unknown>>): void {
  const training = { ...useApp.getState().json.training, ...change } as Record<string, unknown>;
  for (const key of Object.keys(training)) if (training[key] === undefined) delete training[key];
  edit({ training: training as Training });
}

export const methodList = () => useApp.getState().json.methods ?? [];

export function editMethod(index: number, change: Record<string, unknown>): void {
  edit({ methods: methodList().map((method, i) => (i === index ? (Object.fromEntries(Object.entries({ ...method, ...change }).filter(([, value]) => value !== undefined)) as Method) : method)) });
}

/** The recipe as it is shared: in a file, on the clipboard. */
export const recipeText = () => `${JSON.stringify(useApp.getState().json, null, 2)}\n`;
