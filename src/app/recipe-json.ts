/**
 * The recipe as the page holds it: always the whole recipe with its defaults written out, so that every control has a value and a
 * shared link means the same when a default changes. A method's learning rate is left out where it is the training's.
 */
import { parseRecipe, recipeJson, type RecipeJson } from '../train/recipe';

/** Checks a recipe from outside. @throws UserError as `parseRecipe` */
export function normalised(json: unknown): RecipeJson {
  const { revision, data, ...recipe } = recipeJson(parseRecipe(json)) as RecipeJson;
  const learningRate = recipe.training!.learningRate;
  const methods = recipe.methods!.map(({ learningRate: own, ...method }) =>
    own === learningRate ? method : { ...method, learningRate: own },
  ) as RecipeJson['methods'];
  return { ...recipe, ...(revision !== undefined && { revision }), ...(data && { data }), methods };
}
