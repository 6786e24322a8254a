import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { Gpu } from '../gpu/device';
import type { Environment } from './environment';
import type { RunEvent } from './events';
import { prepare } from './prepare';
import { parseRecipe, type RecipeJson } from './recipe';
import { Run } from './run';
import { folder, smallRecipe, testEnvironment, trainedRun } from '../cli/runs.node';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const environment = (more: Partial<Environment> = {}) => testEnvironment(gpu, more);
const trained = (...[json, more, onEvent]: [RecipeJson, Partial<Environment>?, ((event: RunEvent) => void)?]) =>
  trainedRun(gpu, json, more, onEvent);

const losses = (run: Run) => run.results().methods.map((method) => method.steps.map((step) => step.loss));

describe('a run', () => {
  it('repeats bit for bit with the same seed, dropout included, and differs with another', async () => {
    const json: RecipeJson = {
      ...smallRecipe,
      methods: [{ method: 'hut' }, { method: 'lora', dropout: 0.1 }],
      training: { ...smallRecipe.training, dropout: 0.1 },
      evaluation: { limit: 1 },
    };
    const once = await trained(json);
    const again = await trained(json);
    const other = await trained({ ...json, training: { ...json.training, seed: 7 } });
    expect(losses(again)).toEqual(losses(once));
    expect(losses(other)).not.toEqual(losses(once));
    for (const run of [once, again, other]) await run.dispose();
  });

  it('learns: the loss of a repeated batch falls with both methods', async () => {
    // Eight sentences, two batches: an epoch is two steps.
    const lines = (await folderSource('public/data/sample').read('train.tsv')).slice();
    const train = new TextEncoder().encode(new TextDecoder().decode(lines).split('\n').slice(0, 9).join('\n'));
    const files = folder(new Map([['train.tsv', train]]), 'eight sentences');
    const json: RecipeJson = {
      ...smallRecipe,
      data: { train: 'train.tsv', validation: 'train.tsv' },
      training: { ...smallRecipe.training, maxSteps: 12, shuffle: false, schedule: 'constant' },
    };
    const run = await trained(json, { file: (path) => ({ source: files, path }) });
    for (const { id, steps } of run.results().methods) {
      const epoch = (index: number) => steps[2 * index]!.loss + steps[2 * index + 1]!.loss;
      expect(epoch(5), id).toBeLessThan(0.8 * epoch(0));
    }
    await run.dispose();
  });

  it('tells plan, steps and evaluations, and writes them into its results', async () => {
    const events: RunEvent[] = [];
    const run = await trained(
      {
        ...smallRecipe,
        training: { ...smallRecipe.training, maxSteps: 4 },
        evaluation: { everySteps: 2, limit: 8 },
      },
      {},
      (event) => events.push(event),
    );
    const results = run.results();
    expect(events.filter((event) => event.type === 'plan')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'step')).toHaveLength(8);
    expect(results.methods.map((method) => method.id)).toEqual(['hut', 'lora']);
    for (const method of results.methods) {
      expect(method.steps.map((step) => step.step)).toEqual([1, 2, 3, 4]);
      expect(method.steps.every((step) => step.gradNorm > 0 && step.milliseconds > 0)).toBe(true);
      expect(method.evaluations.map((evaluation) => evaluation.step)).toEqual([0, 2, 4]);
      // The untuned model is no result of training.
      const scores = method.evaluations.slice(1).map((evaluation) => evaluation.metrics['accuracy']!);
      expect(method.best!.metrics['accuracy']).toBe(Math.max(...scores));
      expect(method.cost.step.dispatches).toBeGreaterThan(50);
    }
    expect(results.methods[0]!.trainableParameters).toBe(4 * 2 * (2 * 256 * 8 + 2 * 256));
    expect(results.methods[1]!.trainableParameters).toBe(4 * 2 * 2 * 256 * 4);
    expect(results.adapter.software).toBe(gpu.identity.software);
    await run.dispose();
  });

  it('plans at least what it allocates', async () => {
    const run = await trained(smallRecipe);
    const { memory, plan } = run.prepared;
    expect(memory.bytes.peak).toBeLessThanOrEqual(plan.peakBytes);
    expect(memory.bytes.peak).toBeGreaterThan(0.9 * plan.peakBytes);
    await run.dispose();
  });

  it('accumulated micro-batches give the step of one large batch', async () => {
    const base: RecipeJson = {
      ...smallRecipe,
      methods: [{ method: 'lora' }],
      training: { ...smallRecipe.training, maxSteps: 2, shuffle: false, batchSize: 8 },
    };
    const whole = await trained(base);
    const split = await trained({ ...base, training: { ...base.training, batchSize: 4, gradientAccumulation: 2 } });
    losses(whole)[0]!.forEach((loss, i) => expect(losses(split)[0]![i]!).toBeCloseTo(loss, 5));
    await whole.dispose();
    await split.dispose();
  });

  it('stops a method whose loss is no longer finite, keeps its last good weights, and goes on with the others', async () => {
    // Scores this large overflow the squared error's gradient norm, but only from the second batch on.
    const rows = Array.from({ length: 16 }, (_, i) => `sentence number ${i},${i < 4 ? i : 1e30}`);
    const files = new Map([['t.csv', new TextEncoder().encode(`text,score\n${rows.join('\n')}\n`)]]);
    const json: RecipeJson = {
      task: 'custom',
      data: { train: 't.csv', validation: 't.csv', columns: { text: 'text', label: 'score' }, regression: true },
      methods: [{ method: 'lora' }],
      training: { ...smallRecipe.training, shuffle: false },
      evaluation: { limit: 4 },
    };
    const recipe = parseRecipe(json);
    const at = environment({ file: (path) => ({ source: folder(files, 'memory'), path }) });
    const run = new Run(await prepare(recipe, at));
    await expect(run.train()).rejects.toMatchObject({
      code: 'train/diverged',
      message: expect.stringContaining('step 2') as string,
    });
    const { steps, stopped } = run.results().methods[0]!;
    expect(steps).toHaveLength(1);
    expect(stopped!.code).toBe('train/diverged');

    const good = new Run(await prepare(parseRecipe({ ...json, training: { ...json.training, maxSteps: 1 } }), at));
    await good.train();
    // The learning rate of step 1 is the same in both schedules, so the weights after it are too.
    const weights = async (of: Run) => of.prepared.trainers[0]!.flat.parameters.read();
    expect(await weights(run)).toEqual(await weights(good));
    await run.dispose();
    await good.dispose();
  });

  it('stops when told to, and by a signal', async () => {
    const prepared = await prepare(parseRecipe(smallRecipe), environment());
    const run = new Run(prepared);
    await run.train({ beforeStep: (step) => (step === 2 ? 'stop' : 'continue') });
    expect(run.results().methods[0]!.steps).toHaveLength(2);
    const controller = new AbortController();
    await expect(
      run.train({ signal: controller.signal, beforeStep: () => (controller.abort(), 'continue') }),
    ).rejects.toThrow();
    await run.dispose();
  });
});
