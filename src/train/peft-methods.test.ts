import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adapterFiles, readAdapter } from '../checkpoint/adapter-files';
import { folderSource } from '../checkpoint/node';
import { memorySource, type FileSource } from '../checkpoint/source';
import { testEnvironment } from '../cli/runs.node';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { drawnWeight, relativeChange } from '../methods/core/drawing';
import { swapLayout } from '../models/core/load';
import { normalValues } from '../random';
import { drawnContender, drawnLayer, readLayer } from './drawn-layer';
import {
  batchOf,
  fixtureFolder,
  globalNorm,
  loadCase,
  openCheckpoint,
  relativeError,
  trainerOf,
  type LoadedCase,
  type TrainerChoices,
} from './fixtures.node';
import { openContenders } from './open';
import { parseRecipe, type RecipeJson } from './recipe';
import type { Trainer } from './trainer';

/*
 * Methods that PEFT has beside LoRA, from folders that it saved: where they start, their logits, every gradient and the losses of 20 AdamW
 * steps; the same folder again, and merged weights that compute the same. `reference/peft_methods_fixtures.py` computes what is expected,
 * in float64.
 */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const root = `${fixtureFolder}/peft-methods`;
const outputsOf = ({ tensor }: LoadedCase) => (tensor('scores') ?? tensor('logits'))!.data;

async function opened(checkpoint: string, source: FileSource, method: string) {
  const { model } = await openCheckpoint(checkpoint);
  const recipe = parseRecipe({ task: 'sample', methods: [{ method, adapter: './adapter' }] } as RecipeJson);
  return (await openContenders(recipe, model, testEnvironment(gpu, { adapter: () => source })))[0]!;
}

/** Runs with a trainer of a case whose own tensors start as given, and frees it. */
async function withTrainer<T>(
  loaded: LoadedCase,
  [method, settings]: readonly [string, object],
  start: ReadonlyMap<string, Float32Array>,
  use: (trainer: Trainer) => Promise<T>,
  choices: TrainerChoices = {},
): Promise<T> {
  const memory = new DeviceMemory(gpu);
  const tensor: LoadedCase['tensor'] = (name) => {
    const data = name.startsWith('initial.') ? start.get(name.slice('initial.'.length)) : undefined;
    return data ? { shape: [data.length], data } : loaded.tensor(name);
  };
  const given = { ...loaded.settings, method, settings: { ...settings } };
  const trainer = await trainerOf(memory, { ...loaded, tensor, settings: given }, choices);
  try {
    return await use(trainer);
  } finally {
    await trainer.dispose();
    memory.dispose();
  }
}

const values = async ({ flat }: Trainer) => flat.parameters.read();
const predicted = (loaded: LoadedCase) => (trainer: Trainer) => trainer.predict(batchOf(loaded.tensor, 0));

/** Weights with the method of a trainer merged in, by the names of the whole layers' tensors; checks the drawing beside them. */
async function merged({ options: { tuned } }: Trainer, own: ReadonlyMap<string, Float32Array>, checkpoint: string) {
  const { reader, model } = await openCheckpoint(checkpoint);
  const { method, settings } = tuned.options.contender!;
  const { adapted } = tuned;
  const layers = new Map<string, Float32Array>();
  for (const site of adapted.linearLayers) {
    const whole = adapted.linearLayers.find(({ name }) => name === site.partOf?.name);
    const { weight, bias } = await readLayer(reader, model, site, adapted.linearLayers, checkpoint);
    for (const [name, data, width] of [
      ['weight', weight, site.inFeatures],
      ['bias', bias, 1],
    ] as const) {
      const start = (site.partOf?.from ?? 0) * width;
      const all = whole && layers.get(`${whole.name}.${name}`);
      const trained = own.get(`${site.name}.${name}`);
      layers.set(`${site.name}.${name}`, all?.subarray(start, start + data.length) ?? trained?.slice() ?? data);
    }
  }
  const contender = drawnContender(tuned, 0, (name) => own.get(name));
  const tensor = (name: string) => contender.value(name)!;
  const changes = [...method.merge!({ settings, model: adapted, own: tensor, base: (name) => layers.get(name)! })];
  for (const site of adapted.linearLayers) {
    const after = changes.find(([name]) => name === `${site.name}.weight`)?.[1];
    if (!after) continue;
    const before = await readLayer(reader, model, site, adapted.linearLayers, checkpoint);
    const factors = method.drawing!.factors(drawnLayer(contender, site, before));
    expect(relativeChange(drawnWeight(method.drawing!, before.weight, factors), after), site.name).toBeLessThan(1e-6);
  }
  for (const [name, data] of changes) layers.get(name)!.set(data);
  return new Map([...own, ...[...layers].filter(([name]) => adapted.tensors.some((known) => known.name === name))]);
}

describe.each(readdirSync(root))('%s', (name) => {
  it('starts, computes and trains as PEFT does', async () => {
    const loaded = await loadCase(`peft-methods/${name}`);
    const { settings, tensor } = loaded;
    const method = settings.method!;
    const source = folderSource(`${root}/${name}`);
    const contender = await opened(settings.checkpoint, source, method);
    await withTrainer(loaded, [method, contender.settings], contender.start, async (trainer) => {
      const { tuned } = trainer.options;
      const { model } = tuned.options;
      expect(relativeError(await predicted(loaded)(trainer), outputsOf(loaded)), 'outputs').toBeLessThan(1e-5);
      const gradients = await trainer.gradients(batchOf(tensor, 0));
      expect(loaded.names.filter((key) => key.startsWith('gradients.'))).toHaveLength(gradients.size);
      const norm = globalNorm(gradients);
      for (const [key, gradient] of gradients) {
        const { data } = swapLayout(model, key, tensor(`gradients.${key}`)!);
        expect(relativeError(gradient, data, 1e-3 * norm), `gradient of ${key}`).toBeLessThan(1e-4);
      }
      for (let step = 0; step < settings.training!.maxSteps; step++) {
        const batch = batchOf(tensor, step % settings.batches);
        const { loss } = await (await trainer.submit([batch], settings.learningRates[step]!, step)).done;
        expect(Math.abs(loss - settings.losses[step]!), `loss of step ${step}`).toBeLessThan(1e-4);
      }

      const { adapted, own } = tuned;
      const format = contender.method.adapter!;
      const names = [...own.trained, ...(own.frozen ?? []), ...tuned.head.trained].map(
        (one) => format.folderName?.(one.name, contender.settings, adapted) ?? one.name,
      );
      const theirs = await readAdapter(source);
      const drawn = new Set(own.frozen?.map((one) => one.name));
      expect(names.filter((one) => theirs.tensors.has(one) || !drawn.has(one)).sort()).toEqual(
        [...theirs.tensors.keys()].sort(),
      );
      expect(theirs.config).toHaveProperty('peft_type', format.peftType);

      const ours = await predicted(loaded)(trainer);
      const weights = await merged(trainer, await values(trainer), settings.checkpoint);
      const after = await withTrainer(loaded, ['full', {}], weights, predicted(loaded));
      expect(relativeError(after, ours), 'merged').toBeLessThan(1e-5);
    });
  });
});

describe('where a method starts', () => {
  it.each(readdirSync(root))('%s: as PEFT does, and as the pre-trained model', async (name) => {
    const loaded = await loadCase(`peft-methods/${name}`);
    const first = (loaded.settings as unknown as { first: Record<string, number[]> }).first;
    const { method, settings } = await opened(
      loaded.settings.checkpoint,
      folderSource(`${root}/${name}`),
      loaded.settings.method!,
    );
    const base = await withTrainer(loaded, ['head', {}], new Map(), predicted(loaded), { identity: true });
    await withTrainer(
      loaded,
      [method.id, settings],
      new Map(),
      async (trainer) => {
        const own = await values(trainer);
        for (const [key, numbers] of Object.entries(first))
          expect(
            relativeError(own.get(key)!.slice(0, numbers.length), Float32Array.from(numbers), 1),
            key,
          ).toBeLessThan(1e-6);
        expect(relativeError(await predicted(loaded)(trainer), base)).toBeLessThan(1e-6);
      },
      { identity: true },
    );
  });
});

describe('frozen weights in f16, which the RoBERTa fixture loses nothing by', () => {
  it.each(['dora', 'ia3', 'hira'])('%s', async (id) => {
    const loaded = await loadCase(`peft-methods/${id}-roberta`);
    const { settings, start } = await opened(loaded.settings.checkpoint, folderSource(`${root}/${id}-roberta`), id);
    const use = async (trainer: Trainer) => {
      expect(relativeError(await predicted(loaded)(trainer), outputsOf(loaded))).toBeLessThan(1e-5);
      const [gradients, norm] = [await trainer.gradients(batchOf(loaded.tensor, 0)), loaded.settings.gradNorms[0]!];
      expect(Math.abs(globalNorm(gradients) / norm - 1)).toBeLessThan(1e-4);
    };
    await withTrainer(loaded, [id, settings], start, use, { weights: 'f16' });
  });
});

describe('VeRA’s projections', () => {
  it.each(['vera-roberta', 'vera-gpt2'])('are drawn as PyTorch draws them, bit for bit: %s', async (name) => {
    const loaded = await loadCase(`peft-methods/${name}`);
    const source = folderSource(`${root}/${name}`);
    const { tensors } = await readAdapter(source);
    const { settings } = await opened(loaded.settings.checkpoint, source, 'vera');
    await withTrainer(loaded, ['vera', settings], new Map(), (trainer) => {
      for (const own of trainer.options.tuned.own.frozen!)
        expect(own.initial(0), own.name).toEqual(tensors.get(own.name)!.data);
      return Promise.resolve();
    });
  });
});

describe('what is refused of a folder', () => {
  it.each([
    ['dora', 'dora-roberta', { use_dora: false }, /is a LoRA without use_dora/],
    ['lora', 'dora-roberta', {}, /uses use_dora/],
    ['ia3', 'ia3-roberta', { something_new: 1 }, /uses something_new/],
    ['vera', 'vera-roberta', { bias: 'all' }, /trains biases/],
    ['vera', 'vera-key-roberta', { save_projection: true }, /save it again with save_projection=True/],
    ['vera', 'vera-roberta', { r: 'x' }, /has no usable r/],
    ['hira', 'hira-roberta', { r: 0 }, /has no usable r/],
  ])('%s from %s with %j', async (method, name, change, words) => {
    const source = folderSource(`${root}/${name}`);
    const config = JSON.parse(new TextDecoder().decode(await source.read('adapter_config.json'))) as object;
    const files = new Map([
      ['adapter_config.json', new TextEncoder().encode(JSON.stringify({ ...config, ...change }))],
      ['adapter_model.safetensors', await source.read('adapter_model.safetensors')],
    ]);
    await expect(opened('tiny-roberta-random', memorySource(files, 'x'), method)).rejects.toMatchObject({
      code: 'adapter/unsupported',
      message: expect.stringMatching(words) as string,
    });
  });
});

/** Settings that adapt parts of GPT-2's c_attn, by method. */
const ofParts: [string, object][] = [
  ['lora', { rank: 2, targetModules: ['query', 'value', 'up'], rankPattern: { value: 1 }, alphaPattern: { value: 5 } }],
  ['dora', { rank: 2, targetModules: ['query', 'value', 'down'], rankPattern: { value: 1 } }],
  ['ia3', { targetModules: ['key', 'value', 'down'], feedforwardModules: ['down'] }],
  ['vera', { rank: 3, targetModules: ['query', 'value', 'up'] }],
  ['hira', { rank: 2, targetModules: ['key', 'value', 'down'] }],
];

describe('parts of GPT-2’s c_attn', () => {
  it.each(ofParts)('%s: merge, and go into a folder of whole layers', async (id, settings) => {
    const loaded = await loadCase('peft-methods/dora-gpt2');
    const { checkpoint } = loaded.settings;
    const { reader, model } = await openCheckpoint(checkpoint);
    await withTrainer(loaded, [id, settings], new Map(), async (trainer) => {
      const { tuned } = trainer.options;
      const { contender, adapted } = { contender: tuned.options.contender!, adapted: tuned.adapted };
      const started = await values(trainer);
      const moved = new Map(
        [...started].map(([key, data]) => {
          const noise = normalValues(data.length, 0.2, 1, key);
          return [key, data.map((value, i) => value + noise[i]!)];
        }),
      );
      trainer.flat.parameters.write(moved);
      const ours = await predicted(loaded)(trainer);
      expect(relativeError(ours, outputsOf(loaded))).toBeGreaterThan(1e-3);
      const weights = await merged(trainer, moved, checkpoint);
      expect(relativeError(await withTrainer(loaded, ['full', {}], weights, predicted(loaded)), ours)).toBeLessThan(
        1e-5,
      );

      const frozen = (tuned.own.frozen ?? []).map((one) => ({ ...one, data: tuned.frozenValues(one, 0) }));
      const tensors = new Map(
        [...tuned.own.trained.map((one) => ({ ...one, data: moved.get(one.name)! })), ...frozen].map(
          ({ name, shape, data }) => [name, { shape, data: data as Float32Array<ArrayBuffer> }],
        ),
      );
      const format = contender.method.adapter!;
      const layer = (site: (typeof adapted.linearLayers)[number]) =>
        readLayer(reader, model, site, adapted.linearLayers, checkpoint);
      const told = await format.portable!(contender.settings, adapted, tensors, layer);
      const config = { ...format.config(told.settings, adapted), peft_type: format.peftType };
      const again = await opened(checkpoint, memorySource(adapterFiles({ config, tensors: told.tensors }), 'ours'), id);
      const theirs = await withTrainer(loaded, [id, again.settings], again.start, predicted(loaded));
      expect(relativeError(theirs, ours)).toBeLessThan(1e-5);
    });
  });
});
