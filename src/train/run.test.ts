import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { memorySource, type FileSource } from '../checkpoint/source';
import { readSafetensors } from '../checkpoint/safetensors';
import { toFloat32 } from '../checkpoint/float';
import { nodeEnvironment } from '../cli/environment';
import { UserError } from '../errors';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { defaultChoice } from '../graph/plan';
import { adapterFolder, mergedFolder, predictionLines } from './export';
import type { RunEvent } from './events';
import { batchOf, contenderOf, fixtureFolder, loadCase } from './fixtures.node';
import { prepare, type Environment } from './prepare';
import { parseRecipe, type RecipeJson } from './recipe';
import { Run } from './run';
import { adapterStart } from './start';

/* A whole run on the bundled checkpoint and the bundled sample: what the command line and the page do, a few steps of it. */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const environment = (more: Partial<Environment> = {}): Environment => ({
  ...nodeEnvironment('.', '.'),
  gpu: async () => gpu,
  choice: async () => defaultChoice,
  ...more,
});

const small: RecipeJson = {
  task: 'sample',
  methods: [
    { method: 'hut', learningRate: 5e-3 },
    { method: 'lora', rank: 4 },
  ],
  training: { maxSteps: 3, batchSize: 4, maxLength: 16, warmupRatio: 0 },
  evaluation: { limit: 8 },
};

async function trained(json: RecipeJson, more: Partial<Environment> = {}, onEvent?: (event: RunEvent) => void) {
  const run = new Run(await prepare(parseRecipe(json), environment(more), { ...(onEvent && { onEvent }) }));
  await run.train({ onEvent });
  return run;
}

const losses = (run: Run) => run.results().methods.map((method) => method.steps.map((step) => step.loss));

const folder = (files: Map<string, Uint8Array>, label: string): FileSource => memorySource(files, label);

describe('a run', () => {
  it('repeats bit for bit with the same seed, dropout included, and differs with another', async () => {
    const json: RecipeJson = {
      ...small,
      methods: [{ method: 'hut' }, { method: 'lora', dropout: 0.1 }],
      training: { ...small.training, dropout: 0.1 },
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
      ...small,
      data: { train: 'train.tsv', validation: 'train.tsv' },
      training: { ...small.training, maxSteps: 12, shuffle: false, schedule: 'constant' },
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
      { ...small, training: { ...small.training, maxSteps: 4 }, evaluation: { everySteps: 2, limit: 8 } },
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
      expect(method.evaluations.map((evaluation) => evaluation.step)).toEqual([2, 4]);
      const scores = method.evaluations.map((evaluation) => evaluation.metrics['accuracy']!);
      expect(method.best!.metrics['accuracy']).toBe(Math.max(...scores));
      expect(method.cost.step.dispatches).toBeGreaterThan(50);
    }
    expect(results.methods[0]!.trainableParameters).toBe(4 * 2 * (2 * 256 * 8 + 2 * 256));
    expect(results.methods[1]!.trainableParameters).toBe(4 * 2 * 2 * 256 * 4);
    expect(results.adapter.software).toBe(gpu.identity.software);
    await run.dispose();
  });

  it('plans at least what it allocates', async () => {
    const run = await trained(small);
    expect(run.prepared.memory.bytes.peak).toBeLessThan(1.1 * run.prepared.peakBytes);
    expect(run.prepared.memory.bytes.peak).toBeGreaterThan(0.5 * run.prepared.peakBytes);
    await run.dispose();
  });

  it('accumulated micro-batches give the step of one large batch', async () => {
    const base: RecipeJson = {
      ...small,
      methods: [{ method: 'lora' }],
      training: { ...small.training, maxSteps: 2, shuffle: false, batchSize: 8 },
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
      training: { ...small.training, shuffle: false },
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
    const weights = async (of: Run) => of.prepared.contenders[0]!.contender.flat.parameters.read();
    expect(await weights(run)).toEqual(await weights(good));
    await run.dispose();
    await good.dispose();
  });

  it('stops when told to, and by a signal', async () => {
    const prepared = await prepare(parseRecipe(small), environment());
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

describe('exports', () => {
  it('merged folders and adapters come back as what they were', async () => {
    const run = await trained(small);
    const { prepared } = run;
    for (const { contender, method } of prepared.contenders) {
      const logits = run.bestLogits(contender.id)!;
      const scale = Math.max(...logits.map(Math.abs));
      const near = (other: Float32Array) =>
        other.forEach((value, i) => expect(Math.abs(value - logits[i]!) / scale, method.id).toBeLessThan(1e-5));

      const merged = folder(await mergedFolder(prepared, contender), 'merged');
      const reopened = await prepare(
        parseRecipe({ ...small, methods: [{ method: 'lora' }] }),
        environment({ checkpoint: () => merged }),
      );
      expect(reopened.headFromCheckpoint).toBe(true);
      const base = new Run(reopened);
      await base.evaluate(0);
      near(base.bestLogits('lora')!);
      await base.dispose();

      const adapter = await adapterFolder(prepared, contender);
      const { learningRate: _, ...json } = { ...small.methods!.find((given) => given.method === method.id)! };
      const resumed = new Run(
        await prepare(
          parseRecipe({ ...small, methods: [{ ...json, adapter: './adapter' }] }),
          environment({ adapter: () => folder(adapter, 'adapter') }),
        ),
      );
      await resumed.evaluate(0);
      near(resumed.bestLogits(method.id)!);
      await resumed.dispose();
    }
    const lines = predictionLines(prepared, run.bestLogits('hut')!)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string; logits: number[]; prediction: number; inputIds: number[] });
    expect(lines).toHaveLength(8);
    expect(lines[0]!.text).toBe(prepared.loaded.validation[0]!.text);
    expect(lines[0]!.prediction).toBe(lines[0]!.logits[1]! > lines[0]!.logits[0]! ? 1 : 0);
    await run.dispose();
  });

  it('a LoRA folder written by PEFT gives the logits PEFT gave', async () => {
    const loaded = await loadCase('peft-lora-roberta');
    loaded.settings = { ...loaded.settings, method: 'lora', rank: 4, alpha: 8, targetModules: ['query', 'value'] };
    const memory = new DeviceMemory(gpu);
    const contender = await contenderOf(memory, loaded);
    const { classifier } = contender.options;
    const start = await adapterStart(
      classifier.adaptation!,
      classifier,
      folderSource(`${fixtureFolder}/peft-lora-roberta`),
    );
    contender.flat.parameters.write(start);
    const logits = await contender.predict(batchOf(loaded.tensor, 0));
    const expected = loaded.tensor('logits')!.data;
    const scale = Math.max(...expected.map(Math.abs));
    logits.forEach((value, i) => expect(Math.abs(value - expected[i]!) / scale).toBeLessThan(1e-5));
    await expect(
      adapterStart(
        { ...classifier.adaptation!, settings: { ...classifier.adaptation!.settings, rank: 8 } as never },
        classifier,
        folderSource(`${fixtureFolder}/peft-lora-roberta`),
      ),
    ).rejects.toMatchObject({ code: 'adapter/mismatch' });
    await contender.dispose();
    memory.dispose();
  });

  it('what HUT merges is Eq. 10 in the stored weights', async () => {
    const run = await trained({ ...small, methods: [{ method: 'hut', targetModules: ['down'], learningRate: 5e-3 }] });
    const { contender } = run.prepared.contenders[0]!;
    const merged = readSafetensors((await mergedFolder(run.prepared, contender)).get('model.safetensors')!).tensors;
    const name = 'roberta.encoder.layer.1.output.dense';
    const [weight, original] = [
      toFloat32(merged.get(`${name}.weight`)!),
      (await run.prepared.reader.read(`${name}.weight`)).data,
    ];
    const values = await contender.flat.parameters.read();
    const [a, b, gamma] = ['hut_A', 'hut_B', 'hut_gamma'].map((suffix) => values.get(`${name}.${suffix}`)!) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [rank, inFeatures, outFeatures] = [8, 1024, 256];
    for (const [o, i] of [
      [0, 0],
      [17, 901],
      [255, 1023],
    ] as const) {
      let [rowMean, columnMean] = [0, 0];
      for (let r = 0; r < rank; r++) {
        rowMean += a[i * rank + r]! / rank;
        columnMean += b[r * outFeatures + o]! / rank;
      }
      expect(weight[o * inFeatures + i]!).toBeCloseTo(
        original[o * inFeatures + i]! * rowMean * columnMean * gamma[o]!,
        6,
      );
    }
    await run.dispose();
  });
});

describe('what is refused, and how', () => {
  const refused = async (
    json: RecipeJson | Record<string, unknown>,
    code: string,
    words: RegExp,
    more: Partial<Environment> = {},
  ) => {
    let caught: unknown;
    try {
      const prepared = await prepare(parseRecipe(json), environment(more));
      prepared.memory.dispose();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(UserError);
    expect((caught as UserError).code).toBe(code);
    expect((caught as UserError).message).toMatch(words);
    // One sentence or two, no stack, no path of ours.
    expect((caught as UserError).message.length).toBeLessThan(300);
  };
  const checkpoint = (change: (files: Map<string, Uint8Array>) => void) => async () => {
    const source = folderSource('public/checkpoints/tiny-roberta');
    const files = new Map<string, Uint8Array>();
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'])
      files.set(name, await source.read(name));
    change(files);
    return { checkpoint: () => folder(files, 'folder') };
  };
  const edited = (files: Map<string, Uint8Array>, change: (config: Record<string, unknown>) => void) => {
    const config = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>;
    change(config);
    files.set('config.json', new TextEncoder().encode(JSON.stringify(config)));
  };
  const table = (text: string): Partial<Environment> => ({
    file: (path) => ({ source: folder(new Map([[path, new TextEncoder().encode(text)]]), 'files'), path }),
  });
  const sst2 = { ...small, task: 'sst2', data: { train: 'train.tsv', validation: 'train.tsv' } };

  it('recipes', async () => {
    await refused({ ...small, methods: [{ method: 'lora', rank: 0 }] }, 'recipe/invalid', /methods\[0\]\.rank.*>=1/);
    await refused(
      { ...small, methods: [{ method: 'lora', targetModules: ['dense'] }] },
      'recipe/invalid',
      /targetModules\[0\].*"query"/,
    );
    await refused(
      { ...small, methods: [{ method: 'adapters' }] },
      'recipe/method',
      /no method "adapters".*hut and lora/,
    );
    await refused({ ...small, methods: [{ method: 'hut', alpha: 3 }] }, 'recipe/invalid', /methods\[0\].*alpha/);
    await refused({ ...small, training: { batchSize: 1e9 } }, 'recipe/invalid', /training\.batchSize.*1024/);
    await refused({ ...small, training: { maxLength: 512 } }, 'recipe/max-length', /512.*256/);
    await refused({ ...small, task: 'custom' }, 'recipe/data', /data\.columns/);
    await refused({ ...small, checkpoint: './no/such/folder' }, 'checkpoint/missing', /no folder/);
  });
  it('checkpoints', async () => {
    await refused(
      small,
      'source/missing-file',
      /config\.json/,
      await checkpoint((files) => files.delete('config.json'))(),
    );
    await refused(
      small,
      'weights/missing',
      /no weights/,
      await checkpoint((files) => files.delete('model.safetensors'))(),
    );
    await refused(
      small,
      'safetensors/truncated',
      /model\.safetensors/,
      await checkpoint((files) =>
        files.set('model.safetensors', files.get('model.safetensors')!.slice(0, 1_000_000)),
      )(),
    );
    await refused(
      small,
      'model/architecture',
      /gpt2.*roberta and bert/,
      await checkpoint((files) => edited(files, (config) => (config['model_type'] = 'gpt2')))(),
    );
    await refused(
      small,
      'model/shape',
      /\[8192, 256\]/,
      await checkpoint((files) => edited(files, (config) => (config['vocab_size'] = 9000)))(),
    );
    await refused(
      small,
      'model/missing-weight',
      /layer\.4/,
      await checkpoint((files) => edited(files, (config) => (config['num_hidden_layers'] = 5)))(),
    );
    await refused(
      small,
      'data/tokenizer-missing',
      /tokenizer/,
      await checkpoint((files) => (files.delete('tokenizer.json'), files.delete('tokenizer_config.json')))(),
    );
    await refused(
      small,
      'model/tokenizer',
      /do not belong together/,
      await checkpoint((files) => edited(files, (config) => (config['vocab_size'] = 100)))(),
    );
  });
  it('data', async () => {
    await refused(sst2, 'data/column-missing', /label/, table('sentence\tmood\nfine\t1\n'));
    await refused(sst2, 'data/label-out-of-range', /7/, table('sentence\tlabel\nfine\t7\n'));
    await refused(sst2, 'data/empty-split', /train\.tsv/, table('sentence\tlabel\n'));
  });
  it('a model that no buffer of the device can hold, before anything is allocated', async () => {
    const limits = { maxBufferSize: 2 ** 20, maxStorageBufferBindingSize: 2 ** 20 };
    const tiny = new Proxy(gpu, {
      get: (target, key) => (key === 'limits' ? limits : Reflect.get(target, key, target)),
    });
    await refused(
      { ...small, training: { ...small.training, batchSize: 4, maxLength: 32 } },
      'model/too-large',
      /word_embeddings.*8 MiB.*1 MiB/,
      { gpu: async () => tiny },
    );
    await refused(
      { ...small, training: { ...small.training, batchSize: 256, maxLength: 256 } },
      'model/too-large',
      /One tensor of this run needs/,
      { gpu: async () => tiny },
    );
  });
  it('no adapter', async () => {
    const scope = globalThis as { navigator?: unknown };
    const before = Object.getOwnPropertyDescriptor(scope, 'navigator');
    Object.defineProperty(scope, 'navigator', {
      configurable: true,
      value: { gpu: { requestAdapter: async () => null } },
    });
    try {
      await refused(small, 'gpu/unavailable', /no adapter was found/, { gpu: () => Gpu.open() });
    } finally {
      if (before) Object.defineProperty(scope, 'navigator', before);
      else delete scope.navigator;
    }
  });
});
