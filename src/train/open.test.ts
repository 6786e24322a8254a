import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAdapter } from '../checkpoint/adapter-files';
import { folderSource } from '../checkpoint/node';
import { readSafetensors, writeSafetensors } from '../checkpoint/safetensors';
import { memorySource, type FileSource } from '../checkpoint/source';
import { testEnvironment } from '../cli/runs.node';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { batchOf, fixtureFolder, loadCase, openCheckpoint, taskOf, trainerOf } from './fixtures.node';
import { openContenders } from './open';
import { parseRecipe, type RecipeJson } from './recipe';
import { TunedModel } from './tuned-model';

/*
 * Adapter folders as PEFT writes them: their settings are read, their weights give PEFT's logits, what a recipe says against them is
 * refused by field, and what would be computed wrongly is refused at all.
 */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const peftFolders = readdirSync(`${fixtureFolder}/peft-folders`);

/** The first contender of a recipe, opened with an adapter folder for a fixture's checkpoint. */
async function opened(checkpoint: string, source: FileSource, method: NonNullable<RecipeJson['methods']>[number]) {
  const { model } = await openCheckpoint(checkpoint);
  const recipe = parseRecipe({ task: 'sample', methods: [{ ...method, adapter: './adapter' }] });
  const environment = testEnvironment(gpu, { adapter: () => source });
  return { model, contender: (await openContenders(recipe, model, environment))[0]! };
}

describe('folders by PEFT’s save_pretrained', () => {
  it.each(peftFolders)('%s: the logits PEFT gave, and the same folder again', async (name) => {
    const loaded = await loadCase(`peft-folders/${name}`);
    const source = folderSource(`${fixtureFolder}/peft-folders/${name}`);
    const { model, contender } = await opened(loaded.settings.checkpoint, source, { method: 'lora' });
    const memory = new DeviceMemory(gpu);
    const settings = { ...loaded.settings, method: 'lora', settings: { ...contender.settings } };
    const trainer = await trainerOf(memory, { ...loaded, settings });
    const started = await trainer.flat.parameters.read();
    trainer.flat.parameters.write(new Map([...started, ...contender.start]));
    const expected = loaded.tensor('logits')!.data;
    const scale = Math.max(...expected.map(Math.abs));
    const distance = (logits: Float32Array) =>
      Math.max(...logits.map((value, i) => Math.abs(value - expected[i]!))) / scale;
    expect(distance(await trainer.predict(batchOf(loaded.tensor, 0)))).toBeLessThan(1e-5);
    // Without what the folder trained it is another model.
    const head = new Map([...contender.start].filter(([key]) => key.startsWith('classifier')));
    trainer.flat.parameters.write(new Map([...started, ...head]));
    expect(distance(await trainer.predict(batchOf(loaded.tensor, 0)))).toBeGreaterThan(1e-3);
    await trainer.dispose();
    memory.dispose();

    // What we would write holds the same tensors under the same names.
    const { tensors } = await readAdapter(source);
    const format = contender.method.adapter!;
    const tuned = new TunedModel({ model, task: taskOf(2), weights: 'f32', contender });
    const written = [...tuned.own.trained, ...tuned.head.trained].map(
      (tensor) => format.folderName?.(tensor.name, contender.settings, tuned.adapted) ?? tensor.name,
    );
    // With trained biases PEFT saves those of the head again, under its own wrapper's names.
    const theirs = [...tensors.keys()].filter((key) => !/\.(modules_to_save|original_module)\./.test(key));
    expect(written.sort()).toEqual(theirs.sort());
  });
});

describe('PEFT’s folders of GPT-2’s c_attn', () => {
  it.each([
    ['gpt2-tiny-peft-qkv', { rank: 4, alpha: 8, useRslora: false, targetModules: ['qkv'] }],
    ['gpt2-tiny-peft-all', { rank: 2, alpha: 3, useRslora: true, targetModules: ['output', 'up', 'down', 'qkv'] }],
  ])('%s starts where PEFT did', async (name, settings) => {
    const source = folderSource(`${fixtureFolder}/peft-folders-gpt2/${name}`);
    const { contender, model } = await opened('gpt2-tiny', source, { method: 'lora' });
    expect(contender.settings).toMatchObject(settings);
    // What `src/train/gpt2.test.ts` trains from, step for step as PEFT.
    const { names, tensor } = await loadCase(name);
    const initial = names.filter((key) => key.startsWith('initial.')).map((key) => key.slice('initial.'.length));
    expect([...contender.start.keys()].sort()).toEqual(initial.sort());
    for (const [key, values] of contender.start) expect(values).toEqual(tensor(`initial.${key}`)!.data);

    const format = contender.method.adapter!;
    const { adapted } = new TunedModel({ model, task: taskOf(2), weights: 'f32' });
    expect(format.config(contender.settings, adapted)).toMatchObject({ fan_in_fan_out: true });
  });
});

describe('a recipe beside an adapter', () => {
  const lora = () => folderSource(`${fixtureFolder}/peft-lora-roberta`);
  const open = (method: NonNullable<RecipeJson['methods']>[number], source = lora()) =>
    opened('tiny-roberta-random', source, method);

  it('takes the settings from the folder', async () => {
    const { contender } = await open({ method: 'lora' });
    expect(contender.settings).toMatchObject({ rank: 4, alpha: 8, targetModules: ['query', 'value'], bias: 'none' });
    const hut = await open(
      { method: 'hut', form: 'materialised' },
      folderSource(`${fixtureFolder}/hut-adapter-roberta`),
    );
    expect(hut.contender.settings).toEqual({ rank: 4, targetModules: ['query', 'value'], form: 'materialised' });
  });

  it('may repeat them', async () => {
    const { contender } = await open({ method: 'lora', rank: 4, targetModules: ['value', 'query'] });
    expect(contender.settings).toMatchObject({ rank: 4 });
  });

  it.each([
    [{ rank: 8 }, /methods\[0\]\.rank is 8, but the adapter .* has 4; leave the field out, or set it to that/],
    [{ alpha: 16 }, /methods\[0\]\.alpha is 16, .* has 8/],
    [{ dropout: 0.5 }, /methods\[0\]\.dropout is 0\.5, .* has 0;/],
    [{ targetModules: ['query'] }, /methods\[0\]\.targetModules is \["query"\], .* has \["query","value"\]/],
    [{ useRslora: true }, /methods\[0\]\.useRslora is true, .* has false/],
    [{ bias: 'all' }, /methods\[0\]\.bias is "all", .* has "none"/],
  ])('contradicts it only with a sentence: %j', async (settings, words) => {
    await expect(open({ method: 'lora', ...settings })).rejects.toMatchObject({
      code: 'adapter/mismatch',
      message: expect.stringMatching(words) as string,
    });
  });

  it('names the method that the folder is for', async () => {
    await expect(open({ method: 'hut' })).rejects.toMatchObject({
      code: 'adapter/mismatch',
      message: expect.stringMatching(/is LORA, but methods\[0\] of the recipe is hut/) as string,
    });
    expect(() => parseRecipe({ task: 'sample', methods: [{ method: 'full', adapter: './a' }] })).toThrow(
      /Full fine-tuning has no adapters to start from/,
    );
  });
});

describe('what is refused of a folder', () => {
  it('biases that it says it trains and does not hold', async () => {
    const source = folderSource(`${fixtureFolder}/peft-folders/bias-lora-only-roberta`);
    const { tensors } = readSafetensors(await source.read('adapter_model.safetensors'));
    const lost = [...tensors.keys()].find((key) => key.endsWith('query.base_layer.bias'))!;
    tensors.delete(lost);
    const files = new Map([
      ['adapter_config.json', await source.read('adapter_config.json')],
      ['adapter_model.safetensors', writeSafetensors(tensors)],
    ]);
    await refused(memorySource(files, 'x'), 'adapter/mismatch', /has no tensor .*query\.bias/);
  });

  const files = new Map(
    ['adapter_config.json', 'adapter_model.safetensors'].map((name) => [
      name,
      new Uint8Array(readFileSync(`${fixtureFolder}/peft-lora-roberta/${name}`)),
    ]),
  );
  const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as Record<string, unknown>;
  const changed = (json: object, model = files.get('adapter_model.safetensors')!) =>
    memorySource(
      new Map([
        ['adapter_config.json', new TextEncoder().encode(JSON.stringify({ ...config, ...json }))],
        ['adapter_model.safetensors', model],
      ]),
      'x',
    );
  const refused = async (source: FileSource, code: string, words: RegExp) =>
    expect(opened('tiny-roberta-random', source, { method: 'lora' })).rejects.toMatchObject({
      name: 'UserError',
      code,
      message: expect.stringMatching(words) as string,
    });

  it.each<[object, string, RegExp]>([
    [{ peft_type: 'IA3' }, 'adapter/mismatch', /is IA3, but methods\[0\]/],
    [{ use_dora: true }, 'adapter/unsupported', /The adapter x uses use_dora/],
    [{ lora_bias: true }, 'adapter/unsupported', /uses lora_bias/],
    [{ init_lora_weights: 'pissa' }, 'adapter/unsupported', /changes the base model/],
    [{ something_new: { a: 1 } }, 'adapter/unsupported', /uses something_new/],
    [{ r: 0 }, 'adapter/unsupported', /has no usable r /],
    [{ lora_alpha: 'x' }, 'adapter/unsupported', /has no usable lora_alpha/],
  ])('%j', async (json, code, words) => refused(changed(json), code, words));

  it('tensors that do not fit: a missing partner, another rank’s, or none at all', async () => {
    const { tensors } = readSafetensors(files.get('adapter_model.safetensors')!);
    const withTensors = (change: (copy: typeof tensors) => void) => {
      const copy = new Map(tensors);
      change(copy);
      return changed({}, writeSafetensors(copy));
    };
    const [a, tensor] = [...tensors].find(([key]) => key.endsWith('lora_A.weight'))!;
    const b = a.replace('lora_A', 'lora_B');
    await refused(
      withTensors((copy) => copy.delete(b)),
      'adapter/mismatch',
      /has no tensor .*lora_B\.weight/,
    );
    await refused(
      withTensors((copy) => (copy.delete(a), copy.delete(b))),
      'adapter/unsupported',
      /says that it adapts .*query, but holds no factors for it/,
    );
    await refused(
      withTensors((copy) => copy.set(b, tensor)),
      'adapter/mismatch',
      /lora_B\.weight as \[4, 32\], where its settings make it \[32, 4\]/,
    );
    await refused(
      withTensors((copy) => copy.set(`${a}.lora_magnitude_vector`, tensor)),
      'adapter/unsupported',
      /no plain LoRA/,
    );
    await refused(
      withTensors((copy) => [...copy.keys()].forEach((key) => key.includes('lora') && copy.delete(key))),
      'adapter/unsupported',
      /holds no LoRA factors/,
    );
    await refused(
      withTensors((copy) => copy.set('base_model.model.roberta.pooler.dense.bias', tensor)),
      'adapter/mismatch',
      /holds roberta\.pooler\.dense\.bias, which LoRA does not train/,
    );
  });
});
