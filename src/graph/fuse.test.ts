import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device';
import { parseShader, PipelineCache, preprocess } from '../gpu/shader';
import { parseConfig } from '../models/config';
import { targetModules } from '../models/encoder';
import { classifierProgram, parameterLayout } from '../peft/classifier';
import { methods } from '../peft/registry';
import { DeviceMemory } from './executable';
import type { Graph } from './graph';
import { activation, add } from './ops/elementwise';
import { linear } from './ops/linear';
import type { PlannedCall } from './plan';
import { shaderSource } from './shaders';
import { expectCase } from './testing.node';
import { staticChoice } from './variants';

/* Fusion keeps to the storage buffers that one shader stage may bind. */

let gpu: Gpu;
let memory: DeviceMemory;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());
beforeEach(() => {
  memory = new DeviceMemory(gpu);
});
afterEach(() => memory.dispose());

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
      const { calls } = await expectCase(memory, everything, { maxStorageBuffers });
      for (const call of calls) expect(storageBuffers(call), call.label).toBeLessThanOrEqual(maxStorageBuffers);
      counts.push(calls.length);
    }
    expect(counts[0]).toBeGreaterThan(counts.at(-1)!);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  });

  it('what one operation alone cannot do without is refused by name', async () => {
    await expect(expectCase(memory, everything, { maxStorageBuffers: 3 })).rejects.toThrow(
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
  const config = parseConfig(
    { ...sizes, model_type: 'roberta', max_position_embeddings: 66, type_vocab_size: 2, layer_norm_eps: 1e-5 },
    'tiny',
  );
  const targetSets = Array.from({ length: 2 ** targetModules.length }, (_, bits) =>
    targetModules.filter((_module, i) => bits & (1 << i)),
  );
  it.each(methods.map((method) => [method.id, method] as const))('%s on all sets of targets', (_, method) => {
    let worst = 0;
    for (const maxStorageBuffers of [8, 16])
      for (const targets of targetSets)
        for (const dropout of [0, 0.1])
          for (const form of method.id === 'hut' ? ['fused', 'materialised'] : [undefined]) {
            const given = { ...(form ? { form } : { dropout }), targetModules: targets };
            const settings = targets.length ? method.schema.parse(given) : { targetModules: [] };
            const adaptation = { method, settings };
            const classifier = {
              config,
              numLabels: 2,
              lossKind: 'crossEntropy',
              weights: 'f32',
              adaptation,
            } as const;
            for (const training of [true, false]) {
              const options = {
                training,
                dropout,
                maxStorageBuffers,
                choice: staticChoice({ software: true, subgroups: true }),
              };
              const { calls } = classifierProgram(
                classifier,
                { batchSize: 2, length: 8 },
                parameterLayout(classifier),
                options,
              );
              for (const call of calls) {
                const count = storageBuffers(call);
                expect(count, `${call.label} of ${targets}`).toBeLessThanOrEqual(maxStorageBuffers);
                if (maxStorageBuffers === 8) worst = Math.max(worst, count);
              }
            }
          }
    expect(worst).toBe(8);
  });
});
