/* A method and a task from outside `src`, each one file: registered, and then treated like any other. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readSafetensors } from '../src/checkpoint/safetensors';
import { main } from '../src/cli/recipe';
import { bestLogits, folder, testEnvironment, trainedRun } from '../src/cli/runs.node';
import { makeBatch } from '../src/data/batching';
import { exportExtras } from '../src/export/extras';
import { adapterFolder, mergedFolder, predictionFiles } from '../src/export/folders';
import { Gpu } from '../src/gpu/device';
import { registerMethod } from '../src/methods/core/registry';
import { registerTask } from '../src/tasks/core/registry';
import type { Environment } from '../src/train/environment';
import { prepare } from '../src/train/prepare';
import { parseRecipe, type RecipeJson } from '../src/train/recipe';
import { Run } from '../src/train/run';
import { method } from './steered-keys';
import { task } from './two-numbers';

registerMethod(method);
registerTask(task);

/** The gradients and updates that a method is told of, under the id `watched`. */
const watched = new Map<number, Float32Array>();
registerMethod({
  ...method,
  id: 'watched',
  afterUpdate: async ({ step, gradient }) => void watched.set(step, await gradient('steer_up')),
});

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const small: RecipeJson = {
  task: 'two-numbers',
  methods: [{ method: 'steer' }],
  training: { maxSteps: 2, batchSize: 8, maxLength: 24, learningRate: 1e-2, warmupRatio: 0 },
  evaluation: { limit: 8 },
};
const prepared = (json: RecipeJson, environment: Partial<Environment> = {}) =>
  prepare(parseRecipe(json), testEnvironment(gpu, environment));

/** Answers of a run's contenders before any training. */
async function untrained(json: RecipeJson, environment: Partial<Environment> = {}) {
  const run = new Run(await prepared(json, environment));
  await run.evaluate(0);
  const answers = run.prepared.contenders.map(({ id }) => bestLogits(run, id).slice());
  await run.dispose();
  return answers;
}

const farthest = (one: Float32Array, other: Float32Array) =>
  Math.max(...one.map((value, i) => Math.abs(value - other[i]!)));

const scaleName = (layer: number) => `roberta.encoder.layer.${layer}.attention.self.key.steer_scale`;

describe('a method and a task in one file each', () => {
  it('trains, learns, evaluates, and gives everything back', async () => {
    const json: RecipeJson = {
      ...small,
      methods: [{ method: 'steer' }, { method: 'hut' }],
      training: { ...small.training, maxSteps: 30, learningRate: 0.02 },
      evaluation: { everySteps: 30, limit: 24 },
    };
    const run = await trainedRun(gpu, json);
    const results = run.results();
    expect(results.primaryMetric).toBe('explained_variance');
    expect(results.examples).toEqual({ train: 640, validation: 24 });
    for (const { id, best } of results.methods)
      // Whoever knows only the mean of the numbers explains nothing.
      expect(best!.metrics['explained_variance'], id).toBeGreaterThan(0.2);
    const [d, rank, layers] = [256, 8, 4];
    expect(results.methods[0]!.trainableParameters).toBe((1 + layers) * d * rank + d + layers * d + d);
    expect(results.methods[0]!.headParameters).toBe(2 * d + 2);

    const { splits, loaded } = run.prepared;
    const { rows } = splits.get('validation')!;
    const answers = bestLogits(run, 'steer');
    const lines = predictionFiles(run.prepared, answers).get('predictions.jsonl')!.trim().split('\n');
    const first = JSON.parse(lines[0]!) as { text: string; numbers: number[]; prediction: number[] };
    expect(lines).toHaveLength(24);
    expect(first.text).toBe(loaded.task.view(rows[0]).text);
    expect(first.prediction).toEqual([5 * answers[0]!, 5 * answers[1]!]);

    await expect(mergedFolder(run.prepared, 'steer')).rejects.toMatchObject({
      code: 'export/no-merge',
      message: 'Steered keys cannot be merged into the weights; take its adapter home instead.',
    });
    const merged = folder(await mergedFolder(run.prepared, 'hut'), 'merged');
    expect(JSON.parse(new TextDecoder().decode(await merged.read('config.json')))).toMatchObject({
      architectures: ['RobertaForTokenClassification'],
      num_labels: 2,
    });
    const [reopened] = await untrained({ ...json, methods: [{ method: 'head' }] }, { checkpoint: () => merged });
    expect(farthest(reopened!, bestLogits(run, 'hut'))).toBeLessThan(1e-5);

    // The folder says everything, the frozen projection included: another seed beside it draws another, and both are used.
    const files = await adapterFolder(run.prepared, 'steer');
    const adapter = folder(files, 'adapter');
    const [resumed, fresh, plain] = await untrained(
      {
        ...json,
        methods: [{ method: 'steer', adapter: './adapter' }, { method: 'steer' }, { method: 'head' }],
        training: { ...json.training, seed: 7 },
        data: { train: 'rows.jsonl', validation: 'rows.jsonl', numbers: ['a', 'b'] },
      },
      {
        adapter: () => adapter,
        file: (file) => ({ path: file, source: folder(new Map([[file, jsonLines(rows)]]), 'rows') }),
      },
    );
    expect(farthest(resumed!, answers)).toBeLessThan(1e-5);
    expect(farthest(fresh!, plain!), 'step 0 is the pre-trained model').toBeLessThan(1e-5);
    const tensors = readSafetensors(files.get('adapter_model.safetensors')!).tensors;
    expect(tensors.get('base_model.model.steer_projection')!.shape).toEqual([8, 256]);

    const extras = exportExtras({ kind: 'adapter', results, method: 'steer', task: loaded.task, weights: 'best' });
    expect(extras.get('README.md')).toContain('in units of 5, at the first token');
    expect(extras.get('continue.py')).toContain('columns: text, first, second\n');
    await run.dispose();
  });

  it.each(['attention', 'feedForward', 'block'] as const)('acts after %s', async (after) => {
    const run = new Run(await prepared({ ...small, methods: [{ method: 'steer', after }, { method: 'head' }] }));
    await run.evaluate(0);
    expect(farthest(bestLogits(run, 'steer'), bestLogits(run, 'head'))).toBeLessThan(1e-5);
    const { trainers, splits, tokenizer, tuned } = run.prepared;
    const sites = tuned[0]!.adapted.hiddenSites.filter((site) => site.after === after);
    expect(sites.map(({ layer }) => layer)).toEqual([0, 1, 2, 3]);
    const batch = makeBatch(splits.get('train')!.encoded, Uint32Array.of(0, 1), tokenizer);
    const gradients = await trainers[0]!.gradients(batch);
    for (const { name } of sites) expect(Math.hypot(...gradients.get(`${name}.steer_up`)!), name).toBeGreaterThan(0);
    await run.dispose();
  });

  it('adds its penalty to the loss, and its gradient to the gradients', async () => {
    const penalty = 20;
    const { trainers, splits, tokenizer, memory } = await prepared({
      ...small,
      methods: [
        { method: 'steer', penalty: 0 },
        { method: 'steer', penalty },
      ],
    });
    const scales = [0, 1, 2, 3].map((layer) =>
      Float32Array.from({ length: 256 }, (_, i) => 1 + 0.1 * Math.sin(i + layer)),
    );
    const batch = makeBatch(splits.get('train')!.encoded, Uint32Array.of(0, 1, 2), tokenizer);
    const measured = [];
    for (const trainer of trainers) {
      scales.forEach((values, layer) => trainer.flat.parameters.writeOne(scaleName(layer), values));
      const gradients = await trainer.gradients(batch);
      const { done } = await trainer.submit([batch], 0, 0);
      measured.push({ gradients, ...(await done) });
    }
    const [without, penalised] = measured;
    const distance = scales.flatMap((values) => [...values]).reduce((sum, s) => sum + (s - 1) ** 2, 0) / (4 * 256);
    expect(penalised!.loss - without!.loss).toBeCloseTo(penalty * distance, 5);
    scales.forEach((values, layer) => {
      const [one, other] = [without, penalised].map(({ gradients } = without!) => gradients.get(scaleName(layer))!);
      other!.forEach((value, i) =>
        expect(value - one![i]!).toBeCloseTo((penalty * 2 * (values[i]! - 1)) / (4 * 256), 6),
      );
    });
    for (const trainer of trainers) await trainer.dispose();
    memory.dispose();
  });

  it('acts after updates: bounds its scales, and spends its budget by what it kept', async () => {
    const limit = 0.015;
    const run = await trainedRun(gpu, {
      ...small,
      methods: [{ method: 'steer', limit, budget: 1 }],
      training: { ...small.training, maxSteps: 6, schedule: 'constant' },
    });
    const values = await run.prepared.trainers[0]!.flat.parameters.read();
    const scales = [0, 1, 2, 3].map((layer) => values.get(scaleName(layer))!);
    const moved = scales.filter((scale) => scale.some((value) => value !== 1));
    expect(moved).toHaveLength(1);
    // Adam moves each value by about 0.01 a step.
    expect(Math.max(...moved[0]!.map((value) => Math.abs(value - 1)))).toBeCloseTo(limit, 6);
    await run.dispose();
  });

  it('is told the mean gradient of an update’s micro-batches', async () => {
    const json: RecipeJson = {
      ...small,
      methods: [{ method: 'watched' }],
      training: { ...small.training, maxSteps: 1, shuffle: false, maxGradNorm: 0.01 },
    };
    const gradientOf = async (training: RecipeJson['training']) => {
      const run = await trainedRun(gpu, { ...json, training: { ...json.training, ...training } });
      await run.dispose();
      return watched.get(1)!;
    };
    const whole = await gradientOf({});
    const split = await gradientOf({ batchSize: 4, gradientAccumulation: 2 });
    const largest = Math.max(...whole.map(Math.abs));
    expect(farthest(whole, split) / largest).toBeLessThan(1e-4);
  });

  it('has fields of its own in the recipe, which other tasks refuse', () => {
    const recipe = parseRecipe(small);
    expect(recipe.training['unit']).toBe(5);
    expect(recipe).toMatchObject({ answers: { decimals: 0 } });
    expect(() => parseRecipe({ ...small, training: { unit: 0 } })).toThrow('training.unit');
    expect(() => parseRecipe({ ...small, answers: { decimals: 9 } })).toThrow('answers.decimals');
    expect(() => parseRecipe({ ...small, task: 'sample', training: { unit: 5 } })).toThrow('unit');
    expect(() => parseRecipe({ ...small, task: 'sample', answers: {} })).toThrow('answers');
    expect(() => parseRecipe({ ...small, task: 'sample', data: { train: 'a.csv', numbers: ['a', 'b'] } })).toThrow(
      'data.numbers is for "two-numbers"',
    );
  });

  it('is planned and trained by the command line', async () => {
    const at = await mkdtemp(path.join(tmpdir(), 'examples-'));
    const printed: string[] = [];
    const print = (text: unknown) => printed.push(String(text)) > 0;
    const spies = [
      vi.spyOn(console, 'log').mockImplementation(print),
      vi.spyOn(console, 'error').mockImplementation(print),
      vi.spyOn(process.stderr, 'write').mockImplementation(print),
    ];
    const file = path.join(at, 'recipe.json');
    const out = path.join(at, 'out');
    await writeFile(file, JSON.stringify({ ...small, training: { ...small.training, maxSteps: 1 } }));
    try {
      expect(await main([file, '--dry-run'])).toBe(0);
      const plan = JSON.parse(printed.splice(0).join('')) as { methods: { id: string; headParameters: number }[] };
      expect(plan.methods).toMatchObject([{ id: 'steer', headParameters: 514 }]);
      expect(await main([file, '--out', out]), printed.join('\n')).toBe(0);
      expect(printed.join('\n')).toContain('steer: Steered keys cannot be merged into the weights; see adapter/.');
      const { tensors } = readSafetensors(await readFile(path.join(out, 'steer/adapter/adapter_model.safetensors')));
      expect(tensors.get(`base_model.model.${scaleName(0)}`)!.shape).toEqual([256]);
      expect((await readFile(path.join(out, 'steer/predictions.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(8);
    } finally {
      for (const spy of spies) spy.mockRestore();
      await rm(at, { recursive: true });
    }
  });
});

function jsonLines(rows: readonly unknown[]): Uint8Array {
  const lines = (rows as { text: string; numbers: [number, number] }[]).map(({ text, numbers: [a, b] }) =>
    JSON.stringify({ text, a, b }),
  );
  return new TextEncoder().encode(lines.join('\n'));
}
