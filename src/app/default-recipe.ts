/** What the page starts with: bundled model, bundled task, every method there is. */
import { methods } from '../peft/registry';
import type { RecipeJson } from '../train/recipe';

export const defaultRecipe: RecipeJson = {
  checkpoint: 'bundled:tiny-roberta',
  task: 'sample',
  methods: methods.map(({ id }) => ({ method: id })),
  training: { epochs: 4, batchSize: 16, maxLength: 48, learningRate: 3e-3 },
};
