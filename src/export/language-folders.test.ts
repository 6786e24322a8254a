import { afterAll, beforeAll, expect, it } from 'vitest';
import { Gpu } from '../gpu/device';
import type { LanguageAnswers } from '../tasks/core/language';
import { prepare } from '../train/prepare';
import { parseRecipe, type RecipeJson } from '../train/recipe';
import { Run } from '../train/run';
import { folder, testEnvironment, trainedRun } from '../cli/runs.node';
import { adapterFolder, mergedFolder, predictionFiles } from './folders';

/* Exports of the bundled GPT-2: what comes back from a folder is as likely to say the same, and says it. */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const recipe: RecipeJson = {
  task: 'restaurants',
  methods: [
    { method: 'hut', learningRate: 0.05 },
    { method: 'lora', rank: 4, rankPattern: { 'c_attn.value': 2 }, alphaPattern: { 'c_attn.value': 5 } },
    { method: 'lora', rank: 4, targetModules: ['qkv', 'down'], useRslora: true },
  ],
  training: { maxSteps: 2, batchSize: 2, maxLength: 96, warmupRatio: 0, learningRate: 0.02 },
  evaluation: { limit: 1 },
  generation: { maxNewTokens: 6 },
} as RecipeJson;

async function answers(json: RecipeJson, environment: Parameters<typeof testEnvironment>[1]): Promise<LanguageAnswers> {
  const run = new Run(await prepare(parseRecipe(json), testEnvironment(gpu, environment)));
  await run.evaluate(0);
  const found = run.bestAnswers(run.prepared.contenders[0]!.id) as LanguageAnswers;
  await run.dispose();
  return found;
}

it('comes back from merged folders and adapters, and says the same', async () => {
  const run = await trainedRun(gpu, recipe);
  const { prepared } = run;
  for (const [i, { id, method }] of prepared.contenders.entries()) {
    const ours = run.bestAnswers(id) as LanguageAnswers;
    const same = (theirs: LanguageAnswers, what: string) => {
      theirs.likelihoods.forEach((value, at) =>
        expect(Math.abs(value / ours.likelihoods[at]! - 1), `${id}, ${what}`).toBeLessThan(1e-5),
      );
      expect(theirs.written, `${id}, ${what}`).toEqual(ours.written);
    };
    const merged = folder(await mergedFolder(prepared, id), 'merged');
    same(await answers({ ...recipe, methods: [{ method: 'head' }] }, { checkpoint: () => merged }), 'merged');
    if (!method.adapter) continue;
    const files = await adapterFolder(prepared, id);
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as Record<string, unknown>;
    expect(config).toMatchObject({ task_type: 'CAUSAL_LM', modules_to_save: [] });
    if (method.id === 'lora')
      expect(config).toMatchObject({
        fan_in_fan_out: true,
        target_modules: i === 1 ? ['attn.c_attn'] : ['attn.c_attn', 'mlp.c_proj'],
      });
    const adapter = folder(files, 'adapter');
    const from = [{ method: method.id, adapter: './adapter' }];
    same(await answers({ ...recipe, methods: from }, { adapter: () => adapter }), 'adapter');
  }

  const lines = predictionFiles(prepared, run.bestAnswers('lora')).get('predictions.jsonl')!.trim().split('\n');
  expect(lines).toHaveLength(1);
  const row = JSON.parse(lines[0]!) as { references: string[]; tokenIds: number[] };
  expect(Object.keys(row)).toEqual(['index', 'meaningRepresentation', 'prediction', 'references', 'tokenIds']);
  expect(row.references).toHaveLength(4);
  expect(row.tokenIds.length).toBeGreaterThan(0);

  // Text is worth seeing before the first step.
  const [first, last] = [run.results().methods[0]!.evaluations[0]!, run.results().methods[0]!.evaluations.at(-1)!];
  expect([first.step, last.step]).toEqual([0, 2]);
  expect(first.samples).toHaveLength(1);
  expect(first.metrics['perplexity']).toBeCloseTo(Math.exp(first.metrics['loss']!), 6);
  await run.dispose();
});
