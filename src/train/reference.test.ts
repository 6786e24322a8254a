import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { everyVariant, testedChoices } from '../check/choices.node';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { scheduleFactor, warmupStepsOf, type ScheduleName } from '../optim/schedule';
import {
  batchOf,
  fixtureFolder,
  globalNorm,
  loadCase,
  relativeError,
  trainerOf,
  type TrainerChoices,
} from './fixtures.node';

/*
 * Whole models against PyTorch, transformers and peft: logits, every gradient, and the losses of 20 AdamW steps, from the
 * fixtures that reference/make_fixtures.py computes in float64.
 */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const cases = ['roberta', 'bert'].flatMap((model) =>
  ['lora', 'hut'].flatMap((method) => ['query-value', 'all'].map((targets) => `${model}-${method}-${targets}`)),
);

async function compare(
  name: string,
  options: TrainerChoices,
  bounds: { logits: number; gradients: number; losses: number },
) {
  const loaded = await loadCase(name);
  const memory = new DeviceMemory(gpu);
  const trainer = await trainerOf(memory, loaded, options);
  const { settings, tensor } = loaded;
  const training = settings.training!;
  const first = batchOf(tensor, 0);

  expect(relativeError(await trainer.predict(first), tensor('logits')!.data), 'logits').toBeLessThan(bounds.logits);

  const accumulation = training.gradientAccumulation;
  if (accumulation === 1) {
    const gradients = await trainer.gradients(first);
    const names = loaded.names.filter((key) => key.startsWith('gradients.'));
    expect(names.length).toBe(gradients.size);
    const norm = globalNorm(gradients);
    for (const [key, gradient] of gradients)
      // A gradient that is zero in exact arithmetic (β of a key) is compared with the global norm.
      expect(relativeError(gradient, tensor(`gradients.${key}`)!.data, 1e-3 * norm), `gradient of ${key}`).toBeLessThan(
        bounds.gradients,
      );
  }

  for (let step = 0; step < training.maxSteps; step++) {
    const batches = Array.from({ length: accumulation }, (_, i) =>
      batchOf(tensor, (step * accumulation + i) % settings.batches),
    );
    const { done } = await trainer.submit(batches, settings.learningRates[step]!, step);
    const { loss, gradNorm } = await done;
    expect(Math.abs(loss - settings.losses[step]!), `loss of step ${step}`).toBeLessThan(bounds.losses);
    expect(Math.abs(gradNorm / settings.gradNorms[step]! - 1), `gradient norm of step ${step}`).toBeLessThan(
      100 * bounds.losses,
    );
  }
  await trainer.dispose();
  memory.dispose();
}

const tight = { logits: 1e-5, gradients: 1e-4, losses: 1e-4 };
/** What rounding frozen matrices to f16 may change; see `float16` in each case.json. */
const half = { logits: 2e-3, gradients: 1e-2, losses: 3e-3 };

/** What trains tensors of the model itself, or with other scales: the same bounds. */
const variants = ['roberta', 'bert'].flatMap((model) =>
  ['full', 'top-layers', 'bitfit', 'head', 'lora-rslora', 'lora-bias-all', 'lora-bias-lora-only'].map(
    (method) => `${model}-${method}`,
  ),
);

describe('training against PyTorch', () => {
  for (const name of [...cases, ...variants, 'bert-lora-regression', 'roberta-hut-accumulation'])
    it(name, () => compare(name, {}, tight));
  for (const name of cases.filter((name) => name.includes('hut')))
    it(`${name}, materialised`, () => compare(name, { settings: { form: 'materialised' } }, tight));
  // The RoBERTa fixture's own weights are f16, so storing them as f16 loses nothing; BERT's are f32.
  for (const name of cases.filter((name) => name.startsWith('roberta')))
    it(`${name}, frozen weights in f16`, () => compare(name, { weights: 'f16' }, tight));
  for (const name of cases.filter((name) => name.startsWith('bert')))
    it(`${name}, frozen weights rounded to f16`, () => compare(name, { weights: 'f16' }, half));
  it('HUT materialised with frozen weights in f16', () =>
    compare('roberta-hut-all', { weights: 'f16', settings: { form: 'materialised' } }, tight));
});

describe('training against PyTorch, rows of more tokens than a workgroup has threads', () => {
  for (const name of ['roberta-lora-long', 'roberta-hut-long'])
    for (const weights of ['f32', 'f16'] as const) it(`${name}, ${weights}`, () => compare(name, { weights }, tight));
});

describe('span heads against PyTorch', () => {
  for (const model of ['roberta', 'bert'])
    for (const method of ['hut', 'lora', 'full'])
      it(`${model}-span-${method}`, () => compare(`${model}-span-${method}`, {}, tight));
  it('roberta-span-long', () => compare('roberta-span-long', {}, tight));
});

/** Both models and methods, by f32 and f16 weights. */
const explicit: readonly (readonly [string, TrainerChoices, typeof tight])[] = [
  ['bert-lora-all', { weights: 'f16' }, half],
  ['bert-hut-all', { settings: { form: 'materialised' } }, tight],
  ['roberta-hut-long', { weights: 'f16' }, tight],
];

for (const { name: kernels, choice, runsOn } of testedChoices)
  describe(`training against PyTorch, kernels of the choice ${kernels}`, () => {
    beforeEach((context) => context.skip(!runsOn(gpu), 'this device has no subgroups'));
    for (const [name, options, bounds] of everyVariant ? explicit : explicit.slice(0, 1))
      it(`${name} ${JSON.stringify(options)}`, () => compare(name, { ...options, choice }, bounds));
  });

describe('identity at step 0', () => {
  for (const model of ['roberta', 'bert'])
    for (const method of ['hut', 'lora'])
      it(`${model}: ${method} starts as the pre-trained model, bit for bit`, async () => {
        const loaded = await loadCase(`${model}-identity`);
        const base = await loadCase(`${model}-identity`);
        const targetModules = ['query', 'key', 'value', 'output', 'up', 'down'];
        const predict = async (given: typeof loaded, chosen: string | undefined) => {
          const memory = new DeviceMemory(gpu);
          const settings = { ...given.settings, rank: 4, targetModules, ...(chosen && { method: chosen }) };
          const trainer = await trainerOf(memory, { ...given, settings }, { identity: true });
          const logits = await trainer.predict(batchOf(given.tensor, 0));
          await trainer.dispose();
          memory.dispose();
          return logits;
        };
        const logits = await predict(loaded, method);
        expect(logits).toEqual(await predict(base, undefined));
        expect(relativeError(logits, loaded.tensor('logits')!.data)).toBeLessThan(1e-5);
      });
});

describe('schedules against transformers', () => {
  const { schedules } = JSON.parse(readFileSync(`${fixtureFolder}/optim.json`, 'utf8')) as {
    schedules: { schedule: ScheduleName; warmupSteps: number; totalSteps: number; multipliers: number[] }[];
  };
  for (const { schedule, warmupSteps, totalSteps, multipliers } of schedules)
    it(`${schedule}, ${warmupSteps} of ${totalSteps}`, () => {
      multipliers.forEach((multiplier, step) =>
        expect(scheduleFactor(schedule, step, warmupSteps, totalSteps)).toBeCloseTo(multiplier, 12),
      );
    });
  it('rounds warm-up up', () => {
    expect(warmupStepsOf(0.06, 300)).toBe(18);
    expect(warmupStepsOf(0.06, 20)).toBe(2);
  });
});
