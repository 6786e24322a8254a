import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { UserError } from '../errors';
import { Gpu } from '../gpu/device';
import type { Environment } from './environment';
import { prepare } from './prepare';
import { parseRecipe, type RecipeJson } from './recipe';
import { folder, smallRecipe, testEnvironment } from '../cli/runs.node';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const environment = (more: Partial<Environment> = {}) => testEnvironment(gpu, more);

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
  const sst2 = { ...smallRecipe, task: 'sst2', data: { train: 'train.tsv', validation: 'train.tsv' } };

  it('recipes', async () => {
    await refused(
      { ...smallRecipe, methods: [{ method: 'lora', rank: 0 }] },
      'recipe/invalid',
      /methods\[0\]\.rank.*>=1/,
    );
    await refused(
      { ...smallRecipe, methods: [{ method: 'lora', targetModules: ['denser'] }] },
      'recipe/target',
      /targetModules.*"denser".*query, key/,
    );
    await refused(
      { ...smallRecipe, methods: [{ method: 'adapters' }] },
      'recipe/method',
      /no method "adapters".*hut, .*lora, /,
    );
    await refused({ ...smallRecipe, methods: [{ method: 'hut', alpha: 3 }] }, 'recipe/invalid', /methods\[0\].*alpha/);
    await refused({ ...smallRecipe, training: { batchSize: 1e9 } }, 'recipe/invalid', /training\.batchSize.*1024/);
    await refused({ ...smallRecipe, training: { maxLength: 512 } }, 'recipe/max-length', /512.*256/);
    await refused({ ...smallRecipe, task: 'custom' }, 'recipe/data', /data\.columns/);
    await refused({ ...smallRecipe, checkpoint: './no/such/folder' }, 'checkpoint/missing', /no folder/);
  });
  it('checkpoints', async () => {
    await refused(
      smallRecipe,
      'source/missing-file',
      /config\.json/,
      await checkpoint((files) => files.delete('config.json'))(),
    );
    await refused(
      smallRecipe,
      'weights/missing',
      /no weights/,
      await checkpoint((files) => files.delete('model.safetensors'))(),
    );
    await refused(
      smallRecipe,
      'safetensors/truncated',
      /model\.safetensors/,
      await checkpoint((files) =>
        files.set('model.safetensors', files.get('model.safetensors')!.slice(0, 1_000_000)),
      )(),
    );
    await refused(
      smallRecipe,
      'model/architecture',
      /t5.*roberta and bert and gpt2/,
      await checkpoint((files) => edited(files, (config) => (config['model_type'] = 't5')))(),
    );
    await refused(
      smallRecipe,
      'model/shape',
      /\[8192, 256\]/,
      await checkpoint((files) => edited(files, (config) => (config['vocab_size'] = 9000)))(),
    );
    await refused(
      smallRecipe,
      'model/missing-weight',
      /layer\.4/,
      await checkpoint((files) => edited(files, (config) => (config['num_hidden_layers'] = 5)))(),
    );
    await refused(
      smallRecipe,
      'data/tokenizer-missing',
      /tokenizer/,
      await checkpoint((files) => (files.delete('tokenizer.json'), files.delete('tokenizer_config.json')))(),
    );
    await refused(
      smallRecipe,
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
      { ...smallRecipe, methods: [{ method: 'full' }] },
      'model/too-large',
      /word_embeddings.*8 MiB to train.*1 MiB/,
      { gpu: async () => tiny },
    );
    await refused(
      { ...smallRecipe, training: { ...smallRecipe.training, batchSize: 256, maxLength: 256 } },
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
      await refused(smallRecipe, 'gpu/unavailable', /no adapter was found/, { gpu: () => Gpu.open() });
    } finally {
      if (before) Object.defineProperty(scope, 'navigator', before);
      else delete scope.navigator;
    }
  });
});
