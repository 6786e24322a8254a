import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { sameBits } from '../check/check';
import { onDevice, release, trace, type Experiment } from '../check/experiment';
import type { Graph } from './graph';
import { attention } from './ops/attention';
import { activation, add, dropout } from './ops/elementwise';
import { hutFactors } from './ops/hut';
import { layerNorm } from './ops/layer-norm';
import { linear } from './ops/linear';
import { runningAverage } from './ops/storage';
import { compile, defaultChoice, type CompileOptions, type Program } from './plan';
import type { KernelChoice, Tensor } from './tensor';
import { staticChoice } from './variants';

/* Recomputation: the same gradients, bit for bit, in less memory. */

const device = testDevice();

type Method = 'hut' | 'lora' | 'full' | 'top';
const [batchSize, length, hiddenSize, layers] = [2, 9, 16, 4];
const values = { lengths: [9, 5] };

/** A stack of transformer layers, each a segment. `top` trains nothing below its last layer. */
function encoder(g: Graph, method: Method, probability: number): Tensor {
  let site = 0;
  const drop = (x: Tensor) => dropout(g, x, probability, ++site);
  const layer = (index: number, x: Tensor): Tensor => {
    const trains = method === 'full' || (method === 'top' && index === layers - 1);
    const named = (name: string, shape: number[]) => g[trains ? 'parameter' : 'weight'](`${index}.${name}`, shape);
    const own = (name: string, shape: number[]) => g.parameter(`${index}.${name}`, shape);
    const dense = (name: string, from: Tensor, size: number): Tensor => {
      const inner = from.shape[1]!;
      const [weight, bias] = [named(`${name}.w`, [size, inner]), named(`${name}.b`, [size])];
      if (method === 'hut') {
        const made = { a: own(`${name}.A`, [inner, 2]), b: own(`${name}.B`, [2, size]) };
        const [gamma, beta] = [own(`${name}.gamma`, [size]), own(`${name}.beta`, [size])];
        const { rowScale, columnScale, shift } = hutFactors(g, { ...made, gamma, beta, bias });
        return linear(g, { x: from, weight, rowScale, columnScale, bias: shift });
      }
      const y = linear(g, { x: from, weight, bias });
      if (method !== 'lora') return y;
      const down = linear(g, { x: drop(from), weight: own(`${name}.A`, [4, inner]) });
      return add(g, y, linear(g, { x: down, weight: own(`${name}.B`, [size, 4]) }));
    };
    const norm = (of: Tensor, name: string) =>
      layerNorm(g, of, named(`${name}.gamma`, [hiddenSize]), named(`${name}.beta`, [hiddenSize]), 1e-5);
    const [q, k, v] = ['q', 'k', 'v'].map((name) => dense(name, x, hiddenSize)) as [Tensor, Tensor, Tensor];
    const lengths = g.input('lengths', [batchSize], 'u32');
    const context = attention(g, { q, k, v, lengths }, { heads: 2, length, probability, site: ++site });
    const attended = norm(add(g, drop(dense('o', context, hiddenSize)), x), 'norm1');
    const inside = activation(g, dense('up', attended, 2 * hiddenSize), 'gelu');
    return norm(add(g, drop(dense('down', inside, hiddenSize)), attended), 'norm2');
  };
  let x = drop(g.input('x', [batchSize * length, hiddenSize]));
  for (let index = 0; index < layers; index++) x = g.inSegment(index, () => layer(index, x));
  return activation(g, linear(g, { x, weight: g.parameter('pooler', [hiddenSize, hiddenSize]) }), 'tanh');
}

async function gradientsOf(experiment: Experiment, choice: KernelChoice, options: CompileOptions) {
  const executable = await onDevice(device.memory, experiment, choice, options);
  executable.run();
  const found = new Map<string, Float32Array>();
  for (const [{ name }, gradient] of experiment.gradients) found.set(name, await executable.read(gradient));
  found.set('scalar', await executable.read(experiment.scalar));
  device.gpu.check();
  release(executable);
  return { found, program: executable.program };
}

const bytes = ({ arena }: Program) => arena.reduce((total, size) => total + size, 0);

describe.each(['hut', 'lora', 'full', 'top'] as const)('%s', (method) => {
  for (const probability of [0, 0.2])
    for (const quads of [false, true])
      it(`the same gradients bit for bit, dropout ${probability}${quads ? ', by quads' : ''}`, async (context) => {
        context.skip(quads && !device.gpu.features.has('subgroups'), 'this device has no subgroups');
        const choice = quads ? staticChoice({ software: true, subgroups: true }) : defaultChoice;
        const experiment = trace((g) => encoder(g, method, probability), values);
        const without = await gradientsOf(experiment, choice, { gradientCheckpointing: false });
        expect(without.program.recomputedSegments).toBe(0);
        for (const gradientCheckpointing of [1, 2, true] as const) {
          const { found, program } = await gradientsOf(experiment, choice, { gradientCheckpointing });
          // Below the lowest trained layer nothing is kept, so nothing needs to be computed again.
          const possible = method === 'top' ? 1 : layers;
          expect(program.recomputedSegments).toBe(
            Math.min(Number(gradientCheckpointing === true ? layers : gradientCheckpointing), possible),
          );
          expect([...found.keys()]).toEqual([...without.found.keys()]);
          for (const [name, gradient] of found) expect(sameBits(gradient, without.found.get(name)!), name).toBe(true);
          expect(program.cost.dispatches).toBeGreaterThan(without.program.cost.dispatches);
        }
      });
});

describe('memory', () => {
  const plan = (options: CompileOptions, method: Method = 'full') => {
    const { graph, scalar, gradients, layout } = trace((g) => encoder(g, method, 0.1), values);
    return compile(graph, { scalar }, gradients, layout, options);
  };

  it('falls with every layer that is recomputed', () => {
    const sizes = [0, 1, 2, 3].map((gradientCheckpointing) => bytes(plan({ gradientCheckpointing })));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(new Set(sizes).size).toBe(sizes.length);
    // All but one layer's tensors are gone.
    expect(sizes.at(-1)!).toBeLessThan(0.6 * sizes[0]!);
  });

  it('auto takes as few layers as fit, none where all fit, and the smallest plan where none does', () => {
    const [none, one, two] = [0, 1, 2].map((gradientCheckpointing) => bytes(plan({ gradientCheckpointing })));
    const auto = (budgetBytes?: number) =>
      plan({ gradientCheckpointing: 'auto', budgetBytes: budgetBytes ?? Infinity });
    expect(auto().recomputedSegments).toBe(0);
    expect(auto(none).recomputedSegments).toBe(0);
    expect(auto(none! - 1).recomputedSegments).toBe(1);
    expect(auto(one).recomputedSegments).toBe(1);
    expect(auto(one! - 1).recomputedSegments).toBe(2);
    expect(bytes(auto(two))).toBe(two);
    const least = Math.min(...[0, 1, 2, 3, 4].map((gradientCheckpointing) => bytes(plan({ gradientCheckpointing }))));
    expect(bytes(auto(1))).toBe(least);
  });

  it('what the backward pass alone stores is not stored by the forward pass', () => {
    const flags = ['STORE_RAW', 'STORE_LOG_SUM_EXP', 'STORE_PREACTIVATION'];
    const stored = (gradientCheckpointing: boolean) => {
      const { calls } = plan({ gradientCheckpointing }, 'hut');
      const backward = calls.findIndex(({ label }) => label === 'lossGradient');
      const storing = calls.map(({ constants }) => flags.some((flag) => constants[flag] === true));
      const count = (part: readonly boolean[]) => part.filter(Boolean).length;
      return { forward: count(storing.slice(0, backward)), backward: count(storing.slice(backward)) };
    };
    const [kept, recomputed] = [stored(false), stored(true)];
    expect(kept.forward).toBeGreaterThan(layers * 7);
    // The pooler is in no layer.
    expect(recomputed).toEqual({ forward: 1, backward: kept.backward + kept.forward - 1 });
  });
});

it('what a segment writes over a state happens once', () => {
  const build = (g: Graph) => {
    const x = g.parameter('x', [6, 8]);
    return g.inSegment(0, () => {
      const hidden = activation(g, linear(g, { x, weight: g.parameter('w', [8, 8]) }), 'gelu');
      runningAverage(g, g.state('average', [6, 8]), hidden, 0.5);
      return activation(g, hidden, 'tanh');
    });
  };
  const { graph, scalar, gradients, layout } = trace(build);
  const { calls, recomputedSegments } = compile(graph, { scalar }, gradients, layout, { gradientCheckpointing: true });
  expect(recomputedSegments).toBe(1);
  expect(calls.filter(({ label }) => label === 'runningAverage')).toHaveLength(1);
});
