import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { project } from '../check/experiment';
import { differentiate } from './differentiate';
import { Graph } from './graph';
import { interpret } from './interpret';
import { attention } from './ops/attention';
import { activation, add, scale } from './ops/elementwise';
import { embedding } from './ops/embedding';
import { hutFactors, hutTransform } from './ops/hut';
import { layerNorm } from './ops/layer-norm';
import { linear } from './ops/linear';
import { loss } from './ops/loss';
import { ParameterLayout } from './parameter-layout';
import { compile } from './plan';
import type { Tensor } from './tensor';
import { expectCase } from '../check/expect-case.node';

/* Gradients of any scalar in any tensor; and what has none says so. */

const device = testDevice();

const classes = (g: Graph, x: Tensor, name: string) =>
  loss(
    g,
    'crossEntropy',
    linear(g, { x, weight: g.parameter(`${name}.weight`, [3, 8]) }),
    g.input(`${name}.labels`, [6]),
  );
const labels = { 'one.labels': [0, 1, 2, 2, 1, 0], 'two.labels': [2, 2, 1, 0, 0, 1] };

describe('of any scalar', () => {
  it('a sum of two losses', async () => {
    await expectCase(
      device.memory,
      (g) => {
        const x = g.parameter('x', [6, 8]);
        return add(g, classes(g, x, 'one'), classes(g, x, 'two'));
      },
      { values: labels },
    );
  });

  it('a weighted sum, one loss taken twice', async () => {
    await expectCase(
      device.memory,
      (g) => {
        const x = g.parameter('x', [6, 8]);
        const [one, two] = [classes(g, x, 'one'), classes(g, x, 'two')];
        return add(g, add(g, scale(g, one, 0.3), one), scale(g, two, -2));
      },
      { values: labels },
    );
  });

  it('a scalar that is no loss: a linear layer of one output', async () => {
    const graph = new Graph();
    const y = linear(graph, { x: graph.parameter('x', [1, 4]), weight: graph.weight('w', [1, 4]) });
    const [gradient] = differentiate(graph, y).values();
    const values = interpret(
      graph.nodes,
      new Map([
        ['x', [1, 2, 3, 4]],
        ['w', [5, 6, 7, 8]],
      ]),
    );
    expect([...values.get(gradient!)!]).toEqual([5, 6, 7, 8]);
  });

  it('a tensor with a seed, whose gradient is linear in the seed', () => {
    const graph = new Graph();
    const x = graph.parameter('x', [2, 4]);
    const y = activation(graph, x, 'tanh');
    const gradient = differentiate(graph, y, { seed: graph.input('seed', [2, 4]) }).get(x)!;
    const at = (seed: number[]) =>
      interpret(
        graph.nodes,
        new Map([
          ['x', Array(8).fill(0.5)],
          ['seed', seed],
        ]),
      ).get(gradient)!;
    expect(at([1, 0, 0, 0, 0, 0, 0, 2])[7]).toBeCloseTo(2 * (1 - Math.tanh(0.5) ** 2), 12);
    expect(at([1, 0, 0, 0, 0, 0, 0, 2])[1]).toBe(0);
    expect(() => differentiate(graph, y)).toThrow(/no scalar: it needs a seed/);
    expect(() => differentiate(graph, y, { seed: graph.input('short', [2]) })).toThrow(/seed is \[2\]/);
  });

  it('a seed of one costs nothing', () => {
    const graph = new Graph();
    const scalar = loss(graph, 'meanSquaredError', graph.parameter('z', [5, 1]), graph.input('labels', [5]));
    const gradients = differentiate(graph, scalar);
    const layout = ParameterLayout.of(graph.named('parameter'));
    const { calls } = compile(graph, { scalar }, gradients, layout);
    expect(calls.map((call) => call.label)).toEqual(['loss', 'lossGradient']);
  });
});

describe('in any tensor', () => {
  const tokens = (g: Graph) => {
    const u = (name: string, shape: number[]) => g.input(name, shape, 'u32');
    const table = (name: string, size: number) => g.weight(name, [size, 8]);
    return embedding(
      g,
      {
        ids: u('ids', [8]),
        types: u('types', [8]),
        lengths: u('lengths', [2]),
        word: [table('word', 11)],
        position: table('position', 9),
        typeTable: table('type', 2),
      },
      { length: 4, positionOffset: 0 },
    );
  };
  const values = { ids: [0, 10, 3, 3, 5, 1, 1, 1], types: [0, 0, 1, 1, 0, 0, 0, 0], lengths: [4, 2] };
  const encode = (g: Graph, x: Tensor) => {
    const of = (name: string) => linear(g, { x, weight: g.weight(name, [8, 8]), bias: g.weight(`${name}.bias`, [8]) });
    const [heads, length] = [2, 4];
    const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [2], 'u32') };
    const context = attention(g, inputs, { heads, length });
    return layerNorm(g, add(g, context, x), g.weight('gamma', [8]), g.weight('beta', [8]), 1e-5);
  };

  it('embedded tokens, of a model nothing of which trains', async () => {
    let embedded: Tensor | undefined;
    const program = await expectCase(device.memory, (g) => encode(g, (embedded = tokens(g))), {
      values,
      withRespectTo: () => [embedded!],
    });
    expect(Object.keys(program.outputs)).toEqual(['scalar', embedded!.name]);
  });

  it('an input, a frozen weight and a parameter at once', async () => {
    const program = await expectCase(
      device.memory,
      (g) => linear(g, { x: g.input('x', [6, 8]), weight: g.weight('w', [4, 8]), bias: g.parameter('b', [4]) }),
      {
        withRespectTo: (g) => [
          ...g.named('input').filter(({ name }) => name === 'x'),
          g.weight('w', [4, 8]),
          g.parameter('b', [4]),
        ],
      },
    );
    expect(Object.keys(program.outputs)).toEqual(['scalar', 'x', 'w']);
  });

  it('nothing below what is asked for, and no entry for what the scalar does not depend on', () => {
    const graph = new Graph();
    const below = linear(graph, { x: graph.parameter('x', [4, 8]), weight: graph.parameter('w', [8, 8]) });
    const y = project(graph, activation(graph, below, 'relu'));
    const before = graph.nodes.length;
    const stranger = graph.parameter('stranger', [8]);
    const found = differentiate(graph, y, { withRespectTo: [below, stranger] });
    expect([...found.keys()]).toEqual([below]);
    const appended = graph.nodes.slice(before).map((node) => node.operation.name);
    expect(appended).toEqual(['constant', 'lossGradient', 'linear', 'activationGradient']);
    expect(differentiate(graph, y, { withRespectTo: [stranger] }).size).toBe(0);
  });
});

describe('trained biases and weights under scales', () => {
  const factors = (g: Graph, bias: Tensor) =>
    hutFactors(g, {
      a: g.parameter('A', [8, 3]),
      b: g.parameter('B', [3, 12]),
      gamma: g.parameter('gamma', [12]),
      beta: g.parameter('beta', [12]),
      bias,
    });
  it("HUT with the layer's bias trained: β and bias have one gradient", async () => {
    await expectCase(device.memory, (g) => {
      const { rowScale, columnScale, shift } = factors(g, g.parameter('bias', [12]));
      return linear(g, {
        x: g.parameter('x', [10, 8]),
        weight: g.weight('w', [12, 8]),
        rowScale,
        columnScale,
        bias: shift,
      });
    });
  });
  it.each(['rowScale', 'columnScale', 'shift'] as const)('HUT of which only %s is used', async (used) => {
    await expectCase(
      device.memory,
      (g) => {
        const made = factors(g, g.weight('bias', [12]));
        const chosen = { [used === 'shift' ? 'bias' : used]: made[used] };
        return linear(g, { x: g.input('x', [10, 8]), weight: g.weight('w', [12, 8]), ...chosen });
      },
      { withRespectTo: (g) => g.named('parameter').filter(({ name }) => name !== 'x') },
    );
  });
  for (const layout of ['nk', 'kn'] as const)
    for (const scales of [['rowScale'], ['columnScale'], ['rowScale', 'columnScale']])
      it(`a trained weight under ${scales}, ${layout}`, async () => {
        await expectCase(device.memory, (g) => {
          const of = (name: string, size: number) => (scales.includes(name) ? g.parameter(name, [size]) : undefined);
          const inputs = { rowScale: of('rowScale', 8), columnScale: of('columnScale', 12) };
          const weight = g.parameter('w', layout === 'nk' ? [12, 8] : [8, 12]);
          return linear(g, { x: g.parameter('x', [10, 8]), weight, ...inputs }, { layout, alpha: 0.5 });
        });
      });
  it('HUT materialised on a trained weight', async () => {
    await expectCase(device.memory, (g) => {
      const made = factors(g, g.parameter('bias', [12]));
      const weight = hutTransform(g, g.parameter('w', [12, 8]), made, 'nk');
      return linear(g, { x: g.parameter('x', [10, 8]), weight, bias: made.shift });
    });
  });
});

describe('what cannot be differentiated says what and where', () => {
  it('labels, lengths, ids', () => {
    const graph = new Graph();
    const target = graph.input('labels', [5]);
    const scalar = loss(graph, 'meanSquaredError', graph.parameter('z', [5, 1]), target);
    expect(() => differentiate(graph, scalar, { withRespectTo: [target] })).toThrow(
      'loss cannot be differentiated in its labels, labels',
    );
    const lengths = graph.input('lengths', [1], 'u32');
    const q = graph.input('q', [5, 8]);
    const context = project(graph, attention(graph, { q, k: q, v: q, lengths }, { heads: 2, length: 5 }));
    expect(() => differentiate(graph, context, { withRespectTo: [lengths] })).toThrow(/^attention cannot .* lengths/);
  });
  it('a gradient of a gradient', () => {
    const graph = new Graph();
    const x = graph.parameter('x', [5, 8]);
    const first = differentiate(graph, project(graph, activation(graph, x, 'gelu'))).get(x)!;
    expect(() => differentiate(graph, project(graph, first))).toThrow('activationGradient cannot be differentiated');
  });
});
