/** What the page starts with: bundled model, bundled task, HUT beside LoRA and the head alone; the same as `public/recipes/sample.json`, which a test checks. */
import type { RecipeJson } from '../train/recipe';

export const defaultRecipe: RecipeJson = {
  checkpoint: 'bundled:tiny-roberta',
  task: 'sample',
  methods: [
    { method: 'hut', rank: 8, targetModules: ['query', 'value'], form: 'fused', learningRate: 0.005 },
    { method: 'lora', rank: 8, alpha: 16, dropout: 0, targetModules: ['query', 'value'], learningRate: 0.005 },
    { method: 'head', learningRate: 0.005 },
  ],
  training: {
    maxSteps: 100,
    batchSize: 8,
    maxLength: 64,
    schedule: 'linear',
    warmupRatio: 0.06,
    weightDecay: 0.01,
    maxGradNorm: 1,
    dropout: 0,
    shuffle: true,
    seed: 42,
  },
  evaluation: { everySteps: 50, limit: 200 },
};
