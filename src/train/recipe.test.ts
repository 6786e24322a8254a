import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../errors';
import { parseRecipe, recipeJson } from './recipe';

describe('recipes', () => {
  it('only the task has to be named', () => {
    const recipe = parseRecipe({ task: 'rte' });
    expect(recipe.contenders.map((method) => method.id)).toEqual(['hut', 'lora']);
    expect(recipe.training).toMatchObject({
      batchSize: 16,
      learningRate: 1e-3,
      schedule: 'linear',
      warmupRatio: 0.06,
      seed: 42,
    });
  });
  it('the same method twice gets a name of its own, and a learning rate may stand in a method', () => {
    const recipe = parseRecipe({
      task: 'rte',
      methods: [{ method: 'lora' }, { method: 'lora', rank: 2, learningRate: 0.5 }],
    });
    expect(recipe.contenders.map(({ id, learningRate }) => [id, learningRate])).toEqual([
      ['lora', 1e-3],
      ['lora-2', 0.5],
    ]);
  });
  it('written out and read back it is the same', () => {
    const recipe = parseRecipe({
      task: 'sst2',
      methods: [
        { method: 'hut', form: 'materialised' },
        { method: 'lora', adapter: './a' },
      ],
      training: { maxSteps: 7 },
    });
    expect(parseRecipe(JSON.parse(JSON.stringify(recipeJson(recipe))))).toEqual(recipe);
  });
  it('every preset is a recipe', () => {
    const files = readdirSync('public/recipes').filter((name) => name.endsWith('.json') && name !== 'index.json');
    expect(files.length).toBeGreaterThan(8);
    for (const name of files)
      expect(() => parseRecipe(JSON.parse(readFileSync(`public/recipes/${name}`, 'utf8'))), name).not.toThrow();
  });
  it('anything else is refused with a sentence', () => {
    fc.assert(
      fc.property(fc.anything(), (json) => {
        try {
          parseRecipe(json);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
