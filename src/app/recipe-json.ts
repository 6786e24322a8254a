/**
 * The recipe as the page holds it: always the whole recipe with its defaults written out, so that every control has a value and a
 * shared link means the same when a default changes. A method's learning rate is left out where it is the training's.
 */
import { parseRecipe, recipeJson, type RecipeJson } from '../train/recipe';

/** Checks a recipe from outside. @throws UserError as `parseRecipe` */
export function normalised(json: unknown): RecipeJson {
  const { revision, data, training, ...recipe } = recipeJson(parseRecipe(json)) as RecipeJson;
  // Methods that all learn at one rate share the training's.
  const rates = [...new Set(recipe.methods!.map((method) => method.learningRate!))];
  const learningRate = rates.length === 1 ? rates[0]! : training!.learningRate!;
  const methods = recipe.methods!.map(({ learningRate: own, ...method }) =>
    own === learningRate ? method : { ...method, learningRate: own },
  ) as RecipeJson['methods'];
  return {
    ...recipe,
    ...(revision !== undefined && { revision }),
    ...(data && { data }),
    methods,
    training: { ...training, learningRate },
  };
}
