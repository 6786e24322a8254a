import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distribution } from '../generate/next-token';
import { generationSettings } from '../generate/settings';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { fixtureFolder, trainerOf, type TrainingCase } from './fixtures.node';
import type { Trainer } from './trainer';

/* What is generated on the device, token for token against `generate` of transformers (reference/generation_fixtures.py). */

const { checkpoint, prompts, cases, scores, sampling } = JSON.parse(
  readFileSync(`${fixtureFolder}/generation.json`, 'utf8'),
) as {
  checkpoint: string;
  prompts: number[][];
  cases: { eosTokenId: number; settings: Record<string, unknown>; tokens: number[][] }[];
  scores: number[];
  sampling: { settings: { temperature: number; topK: number; topP: number }; probabilities: number[] }[];
};

let gpu: Gpu;
let memory: DeviceMemory;
let trainer: Trainer;
beforeAll(async () => {
  gpu = await Gpu.open();
  memory = new DeviceMemory(gpu);
  const settings = { checkpoint, labelSmoothing: 0 } as TrainingCase;
  trainer = await trainerOf(memory, { settings, tensor: () => undefined, names: [] });
});
afterAll(async () => {
  await trainer.dispose();
  memory.dispose();
  gpu.close();
});

const generate = (settings: object, more: { eosTokenId: number; seed?: number; batchSize?: number }) =>
  trainer.generate(
    prompts.map((ids) => Uint32Array.from(ids)),
    generationSettings.parse(settings),
    { seed: 1, batchSize: 64, ...more },
  );

describe('generation against transformers', () => {
  for (const { settings, eosTokenId, tokens } of cases)
    it(`${JSON.stringify(settings)}, end ${eosTokenId}`, async () => {
      const found = await generate(settings, { eosTokenId });
      expect(found.map(({ tokenIds }) => tokenIds)).toEqual(tokens);
    });

  it('gives the same whatever prompts are read together', async () => {
    const settings = { maxNewTokens: 12, numBeams: 4 };
    const alone = await generate(settings, { eosTokenId: 58, batchSize: 4 });
    expect(alone).toEqual(await generate(settings, { eosTokenId: 58 }));
  });

  it('streams what it writes, and stops where it is told to', async () => {
    const steps: number[] = [];
    const stop = new AbortController();
    const work = trainer.generate([Uint32Array.from(prompts[0]!)], generationSettings.parse({ maxNewTokens: 12 }), {
      eosTokenId: 0,
      seed: 1,
      batchSize: 1,
      signal: stop.signal,
      onTokens: (_, tokens) => {
        steps.push(tokens.length);
        if (tokens.length === 5) stop.abort();
      },
    });
    await expect(work).rejects.toThrow();
    expect(steps).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses a prompt that fills all positions of the model', () =>
    expect(
      trainer.generate([new Uint32Array(48)], generationSettings.parse({}), { eosTokenId: 0, seed: 1, batchSize: 1 }),
    ).rejects.toThrow('A prompt of 48 tokens leaves no room: the model has positions for 48'));
});

describe('sampling', () => {
  for (const { settings, probabilities } of sampling)
    it(`draws as transformers’ warpers leave it: ${JSON.stringify(settings)}`, () => {
      const found = new Float64Array(scores.length);
      for (const { token, probability } of distribution(Float32Array.from(scores), new Set(), settings))
        found[token] = probability;
      probabilities.forEach((expected, token) => expect(found[token]).toBeCloseTo(expected, 6));
    });

  it('repeats itself with the same seed only', async () => {
    const settings = { doSample: true, maxNewTokens: 12, topK: 0 };
    const first = await generate(settings, { eosTokenId: 58, seed: 3 });
    expect(await generate(settings, { eosTokenId: 58, seed: 3 })).toEqual(first);
    expect(await generate(settings, { eosTokenId: 58, seed: 4 })).not.toEqual(first);
  });
});
