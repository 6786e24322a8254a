import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { difference, roundingBound } from '../check/check';
import { expectFiniteDifferences } from '../check/expect-case.node';
import { onDevice, reference, release, trace, type Build, type Experiment } from '../check/experiment';
import type { Hooks } from '../methods/core/method';
import { methodById } from '../methods/core/registry';
import { openModel } from '../models/core/registry';
import { taskOf } from '../train/fixtures.node';
import { TraceScope } from '../train/trace-scope';
import { TunedModel } from '../train/tuned-model';
import { uniformValues } from '../random';
import { Graph } from './graph';
import { interpret } from './interpret';
import { embedding } from './ops/embedding';
import { hutFactors } from './ops/hut';
import { layerNorm } from './ops/layer-norm';
import { linear } from './ops/linear';
import { defaultChoice } from './plan';
import { type KernelChoice, type Tensor } from './tensor';

/*
 * What full fine-tuning trains and nothing else does: embedding tables, norms, and matrices inside the encoder. On the GPU against the
 * float64 interpreter, whose gradients are held against finite differences.
 */

const device = testDevice();

type Values = Record<string, ArrayLike<number>>;

/** Loss and all gradients on the device, run once for each of `batches`, against float64. */
async function expectDevice(
  experiment: Experiment,
  batches: readonly Values[] = [{}],
  { bound = roundingBound, choice = defaultChoice }: { bound?: number; choice?: KernelChoice } = {},
): Promise<void> {
  const { gradients, scalar, nodes, given } = experiment;
  const executable = await onDevice(device.memory, experiment, choice);
  for (const batch of batches) {
    const expected = interpret(nodes, new Map([...given, ...Object.entries(batch)]));
    for (const { name, dataType } of executable.program.inputs) {
      const value = batch[name];
      if (value) executable.write(name, dataType === 'u32' ? Uint32Array.from(value) : Float32Array.from(value));
    }
    executable.run();
    expect(difference(await executable.read(scalar), expected.get(scalar)!).error).toBeLessThan(bound);
    // Some gradients are zero but for rounding (a key's bias): the whole gradient's size is what they are small against.
    const norm = Math.hypot(...[...gradients.values()].map((gradient) => length(expected.get(gradient)!)));
    for (const [{ name }, gradient] of gradients) {
      const want = expected.get(gradient)!;
      const scale = want.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3 * norm);
      (await executable.read(gradient)).forEach((value, i) => {
        if (!(Math.abs(value - want[i]!) <= bound * scale))
          throw new Error(`gradient of ${name}[${i}]: ${value} on the GPU, ${want[i]} in float64 (scale ${scale})`);
      });
    }
  }
  release(executable);
  device.gpu.check();
}

const length = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe('embedding tables', () => {
  const [rows, tokensPerRow, columns] = [5, 23, 6];
  const tokens = rows * tokensPerRow;
  const sizes = { word: 19, position: 26, typeTable: 2 };
  const tables = ['word', 'position', 'typeTable'] as const;

  /** `pad` fills what `lengths` leaves, and stands once among the real tokens. */
  const batch = (lengths: number[], pad: number, seed: number): Values => {
    const draw = (name: string, below: number) =>
      Uint32Array.from(uniformValues(tokens, 0.5, seed, name), (value) => Math.floor((value + 0.5) * 0.999 * below));
    const ids = draw('ids', 13);
    for (let n = 0; n < tokens; n++) if (n % tokensPerRow >= lengths[Math.floor(n / tokensPerRow)]!) ids[n] = pad;
    ids[1] = pad;
    return { ids, types: draw('types', 2), lengths: Uint32Array.from(lengths) };
  };

  const build =
    (attributes: { positionOffset: number; padPosition?: number; paddingIndex?: number }, trained: readonly string[]) =>
    (g: Graph): Tensor => {
      const table = (name: (typeof tables)[number]) =>
        trained.includes(name) ? g.parameter(name, [sizes[name], columns]) : g.weight(name, [sizes[name], columns]);
      const y = embedding(
        g,
        {
          ids: g.input('ids', [tokens], 'u32'),
          types: g.input('types', [tokens], 'u32'),
          lengths: g.input('lengths', [rows], 'u32'),
          word: [table('word')],
          position: table('position'),
          typeTable: table('typeTable'),
        },
        { length: tokensPerRow, ...attributes },
      );
      return linear(g, { x: y, weight: g.parameter('up', [8, columns]) });
    };

  type Model = { attributes: Parameters<typeof build>[0]; still: Record<string, number[]> };
  const roberta = { positionOffset: 2, padPosition: 1, paddingIndex: 1 };
  const models: Record<string, Model> = {
    RoBERTa: { attributes: roberta, still: { word: [1], position: [1] } },
    BERT: { attributes: { positionOffset: 0, paddingIndex: 0 }, still: { word: [0] } },
    'no padding index': { attributes: { positionOffset: 3 }, still: {} },
  };
  for (const [model, { attributes, still }] of Object.entries(models))
    it(`of ${model}: repeated ids, padding, one batch after another`, async () => {
      const pad = attributes.paddingIndex ?? 0;
      const batches = [batch([23, 7, 1, 23, 12], pad, 1), batch([3, 23, 22, 1, 2], pad, 2)];
      const experiment = trace(build(attributes, tables), batches[0]);
      expectFiniteDifferences(experiment, still);
      const values = reference(experiment);
      for (const [{ name }, gradient] of experiment.gradients)
        for (const row of still[name] ?? [])
          expect(length(values.get(gradient)!.subarray(row * columns, (row + 1) * columns))).toBe(0);
      await expectDevice(experiment, batches);
    });

  it.each(tables)('%s alone', async (name) => {
    const first = batch([23, 7, 1, 23, 12], 1, 3);
    await expectDevice(trace(build(roberta, [name]), first), [first]);
  });

  it('every gradient of a table is written, whatever lay there', async () => {
    const first = batch([23, 7, 1, 23, 12], 1, 4);
    const experiment = trace(build(roberta, tables), first);
    const executable = await onDevice(device.memory, experiment, defaultChoice);
    for (const buffer of executable.flat.gradients.chunks)
      device.gpu.device.queue.writeBuffer(buffer, 0, new Float32Array(buffer.size / 4).fill(7));
    executable.run();
    const expected = reference(experiment);
    for (const [{ name }, gradient] of experiment.gradients)
      expect(difference(await executable.read(gradient), expected.get(gradient)!).error, name).toBeLessThan(
        roundingBound,
      );
    release(executable);
  });
});

describe('layer norm', () => {
  for (const lanesPerRow of [1, 32])
    it(`over more rows than one dimension has workgroups, ${lanesPerRow} threads a row`, async () => {
      const rows = 70_000;
      const experiment = trace(
        (g) => layerNorm(g, g.parameter('x', [rows, 4]), g.parameter('gamma', [4]), g.parameter('beta', [4]), 1e-5),
        // Targets that keep the loss small, so that its sum over the rows rounds little.
        { target: new Float32Array(rows) },
      );
      await expectDevice(experiment, [{}], { choice: { ...defaultChoice, lanesPerRow } });
    });
});

/** Trains what a model would freeze, but for the names given. */
class TrainedGraph extends Graph {
  constructor(readonly frozen: (name: string) => boolean = () => false) {
    super();
  }
  override weight(name: string, shape: readonly number[], dataType?: 'f32' | 'f16'): Tensor {
    return this.frozen(name) ? super.weight(name, shape, dataType) : this.parameter(name, shape);
  }
}

describe('every weight of an encoder', () => {
  const [batchSize, tokensPerRow] = [3, 6];
  const modelOf = (type: 'roberta' | 'bert') =>
    openModel(
      {
        model_type: type,
        vocab_size: 17,
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 24,
        max_position_embeddings: 12,
        layer_norm_eps: 1e-5,
      },
      type,
    );
  const inputs = {
    inputIds: [3, 4, 5, 3, 2, 16, 7, 3, 1, 1, 1, 1, 9, 9, 9, 4, 1, 1],
    tokenTypeIds: [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0],
    lengths: [6, 2, 4],
  };

  for (const type of ['roberta', 'bert'] as const)
    for (const dropout of [0, 0.1])
      for (const hut of [false, true])
        it(`${type}, dropout ${dropout}${hut ? ', HUT on query and value' : ''}`, async () => {
          const isHut = (name: string) => hut && /self\.(query|value)/.test(name);
          const build: Build = (g) => {
            const hook: Hooks['linear'] = ({ site: { name, inFeatures, outFeatures }, x, weight, bias, plain }) => {
              if (!isHut(name)) return plain(x);
              const factors = hutFactors(g, {
                a: g.parameter(`${name}.a`, [inFeatures, 2]),
                b: g.parameter(`${name}.b`, [2, outFeatures]),
                gamma: g.parameter(`${name}.gamma`, [outFeatures]),
                beta: g.parameter(`${name}.beta`, [outFeatures]),
                bias,
              });
              const { rowScale, columnScale, shift } = factors;
              return linear(g, { x, weight, rowScale, columnScale, bias: shift });
            };
            const scope = new TraceScope({ graph: g, weights: 'f32', dropout, hooks: { linear: hook } });
            return modelOf(type).trace(scope, { batchSize, length: tokensPerRow });
          };
          // Parameters in many chunks: the largest matrix fills one alone.
          const chunkBytes = 24 * 16 * 4;
          const graph = new TrainedGraph((name) => name === 'direction' || isHut(name));
          const experiment = trace(build, inputs, { graph, chunkBytes });
          expect(experiment.layout.chunks.length).toBeGreaterThan(10);
          const names = [...experiment.gradients.keys()].map(({ name }) => name);
          // Three tables and their norm; in each block six matrices and biases and two norms, or HUT's four tensors for two of the six.
          expect(names).toHaveLength(5 + 2 * (16 + (hut ? 4 : 0)));
          const padding = type === 'roberta' ? { word: [1], position: [1] } : { word: [0] };
          const table = (kind: string) => `${type}.embeddings.${kind}_embeddings.weight`;
          const still = Object.fromEntries(Object.entries(padding).map(([kind, at]) => [table(kind), at]));
          expectFiniteDifferences(experiment, still);
          await expectDevice(experiment, [inputs], { bound: 1e-4 });
        });
});

describe('full fine-tuning of a RoBERTa-base shape, batch 16 × 128', () => {
  const model = openModel(
    {
      model_type: 'roberta',
      vocab_size: 50_265,
      hidden_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      intermediate_size: 3072,
      max_position_embeddings: 514,
      type_vocab_size: 1,
      layer_norm_eps: 1e-5,
    },
    'roberta-base',
  );
  const contender = { method: methodById('full')!, settings: {} };
  const tuned = new TunedModel({ model, task: taskOf(2), weights: 'f32', contender });
  const shape = { batchSize: 16, length: 128 };

  it('trains what RobertaForSequenceClassification has', () => {
    expect(tuned.layout(2 ** 30).count).toBe(124_647_170);
  });

  it.each([
    [160 * 2 ** 20, 3],
    [2 ** 30, 1],
  ])('plans with bindings of %d bytes, in %d chunks', (chunkBytes, chunks) => {
    const layout = tuned.layout(chunkBytes);
    expect(layout.chunks).toHaveLength(chunks);
    const { locations, arena, weights } = tuned.program(shape, layout, { training: true, dropout: 0.1, chunkBytes });
    const fits = (bytes: number) => bytes <= chunkBytes;
    expect(layout.chunks.every(fits) && arena.every(fits)).toBe(true);
    expect(weights).toHaveLength(0);
    const places = [...locations.values()].filter(({ space }) => space === 'gradients');
    expect(places).toHaveLength(layout.entries.size);
  });

  it('takes less device.memory where activations are computed again', () => {
    const layout = tuned.layout(2 ** 30);
    const arena = (gradientCheckpointing: boolean) => {
      const options = { training: true, dropout: 0.1, chunkBytes: 2 ** 30, gradientCheckpointing };
      return tuned.program(shape, layout, options).arena.reduce((sum, bytes) => sum + bytes, 0);
    };
    expect(arena(true)).toBeLessThan(0.3 * arena(false));
  });

  it('is refused by a device that cannot bind the word embeddings', () => {
    expect(() => tuned.layout(128 * 2 ** 20)).toThrow(
      /^roberta\.embeddings\.word_embeddings\.weight takes 148 MiB to train, but this device binds at most 128 MiB/,
    );
  });
});
