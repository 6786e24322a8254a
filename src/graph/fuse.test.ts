import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { parseShader, PipelineCache, preprocess } from '../gpu/shader';
import { methods } from '../methods/core/registry';
import { openModel } from '../models/core/registry';
import { taskOf } from '../train/fixtures.node';
import { TunedModel } from '../train/tuned-model';
import type { Graph } from './graph';
import { activation, add } from './ops/elementwise';
import { linear } from './ops/linear';
import type { PlannedCall } from './plan';
import { shaderSource } from './shaders';
import { expectCase } from '../check/expect-case.node';
import { staticChoice } from './variants';

/* Fusion keeps to the storage buffers that one shader stage may bind. */

const device = testDevice();

const counted = new Map<string, number>();
/** Storage buffers that the shader itself declares. */
function storageBuffers({ shader, constants }: PlannedCall): number {
  const key = PipelineCache.key(shader, constants);
  const known = counted.get(key);
  if (known !== undefined) return known;
  const { bindings } = parseShader(preprocess(shaderSource(shader), constants, shaderSource));
  const count = bindings.filter(({ type }) => type !== 'uniform').length;
  counted.set(key, count);
  return count;
}

/** Everything an epilogue can take at once: scales or a low-rank pair, bias, activation or gate, residual, and what they store. */
function everything(g: Graph) {
  const x = g.parameter('x', [9, 16]);
  const [bias, rowScale] = [g.parameter('bias', [24]), g.parameter('rowScale', [16])];
  const main = linear(g, { x, weight: g.weight('w', [24, 16]), bias, rowScale });
  const pair = linear(g, { x: linear(g, { x, weight: g.parameter('A', [4, 16]) }), weight: g.parameter('B', [24, 4]) });
  return add(
    g,
    activation(g, add(g, add(g, main, pair), g.parameter('z', [9, 24])), 'gelu'),
    g.parameter('r', [9, 24]),
  );
}

describe('the budget of storage buffers', () => {
  it('more of them, more is fused; the numbers are the same', async () => {
    const counts: number[] = [];
    for (const maxStorageBuffers of [5, 6, 7, 8]) {
      const { calls } = await expectCase(device.memory, everything, { maxStorageBuffers });
      for (const call of calls) expect(storageBuffers(call), call.label).toBeLessThanOrEqual(maxStorageBuffers);
      counts.push(calls.length);
    }
    expect(counts[0]).toBeGreaterThan(counts.at(-1)!);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  });

  it('what one operation alone cannot do without is refused by name', async () => {
    await expect(expectCase(device.memory, everything, { maxStorageBuffers: 3 })).rejects.toThrow(
      /linear \(linear.*\) binds \d storage buffers; this device allows 3/,
    );
  });

  const sizes = {
    vocab_size: 100,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 32,
  };
  const model = openModel(
    { ...sizes, model_type: 'roberta', max_position_embeddings: 66, type_vocab_size: 2, layer_norm_eps: 1e-5 },
    'tiny',
  );
  const roles = ['query', 'key', 'value', 'output', 'up', 'down'];
  const targetSets = Array.from({ length: 2 ** roles.length - 1 }, (_, set) =>
    roles.filter((_role, i) => (set + 1) & (1 << i)),
  );
  /** What of a method's settings changes its graph, beside its targets. */
  const variants: Readonly<Record<string, readonly object[]>> = {
    hut: [{}, { form: 'materialised' }],
    lora: [{}, { dropout: 0.1 }, { bias: 'all' }],
    'top-layers': [{ layers: 1 }],
  };
  /** The most storage buffers that a method's programs bind in one dispatch. */
  function worst(method: (typeof methods)[number], settings: object, maxStorageBuffers: number): number {
    const contender = { method, settings: method.schema.parse(settings) };
    const tuned = new TunedModel({ model, task: taskOf(2), weights: 'f32', contender });
    const choice = staticChoice({ software: true, subgroups: true });
    const counts = [0, 0.1].flatMap((dropout) =>
      [true, false].flatMap((training) => {
        const options = { training, dropout, maxStorageBuffers, choice };
        return tuned.program({ batchSize: 2, length: 8 }, tuned.layout(), options).calls.map(storageBuffers);
      }),
    );
    return Math.max(...counts);
  }

  it.each(methods.map((method) => ({ id: method.id, method })))('$id on all sets of targets', ({ id, method }) => {
    // A method without targets refuses the setting.
    const targeted = method.schema.safeParse({ targetModules: ['query'] }).success;
    const sets = targeted ? targetSets.map((targetModules) => ({ targetModules })) : [{}];
    for (const maxStorageBuffers of [8, 16])
      for (const targets of sets)
        for (const variant of variants[id] ?? [{}])
          expect(
            worst(method, { ...targets, ...variant }, maxStorageBuffers),
            JSON.stringify({ ...targets, ...variant }),
          ).toBeLessThanOrEqual(maxStorageBuffers);
  });
});
