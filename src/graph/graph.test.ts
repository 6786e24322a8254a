import { beforeEach, describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { expectCase } from '../check/expect-case.node';
import { project, type Build } from '../check/experiment';
import { uniformValues } from '../random';
import { differentiate } from './differentiate';
import { Graph } from './graph';
import { interpret } from './interpret';
import { attention } from './ops/attention';
import { activation, activations, add, dropout } from './ops/elementwise';
import { embedding } from './ops/embedding';
import { hutFactors, hutTransform } from './ops/hut';
import { layerNorm } from './ops/layer-norm';
import { linear } from './ops/linear';
import { loss } from './ops/loss';
import { selectRows } from './ops/select';
import { defaultChoice } from './plan';
import { elements, type KernelChoice } from './tensor';
import { staticChoice } from './variants';

/* Every operation, three ways: on the GPU, in float64, and by finite differences. */

const device = testDevice();

interface Case {
  readonly build: Build;
  readonly values?: Readonly<Record<string, ArrayLike<number>>>;
}

const check = (test: Case, choice: KernelChoice = defaultChoice) =>
  expectCase(device.memory, test.build, { values: test.values ?? {}, choice });

describe('linear', () => {
  const shapes = [
    { rows: 5, inner: 8, columns: 12 },
    { rows: 33, inner: 20, columns: 36 },
    { rows: 7, inner: 6, columns: 3 },
  ];
  for (const { rows, inner, columns } of shapes)
    for (const layout of ['nk', 'kn'] as const) {
      const weightShape = layout === 'nk' ? [columns, inner] : [inner, columns];
      it(`trained weight and bias, ${layout} ${rows}×${inner}×${columns}`, async () => {
        await check({
          build: (g) =>
            linear(
              g,
              {
                x: g.parameter('x', [rows, inner]),
                weight: g.parameter('w', weightShape),
                bias: g.parameter('b', [columns]),
              },
              { layout, alpha: 0.7 },
            ),
        });
      });
      it(`row and column scales on a frozen weight, ${layout} ${rows}×${inner}×${columns}`, async () => {
        await check({
          build: (g) =>
            linear(
              g,
              {
                x: g.parameter('x', [rows, inner]),
                weight: g.weight('w', weightShape),
                bias: g.parameter('b', [columns]),
                rowScale: g.parameter('rowScale', [inner]),
                columnScale: g.parameter('columnScale', [columns]),
              },
              { layout },
            ),
        });
      });
      it(`a scale below which nothing trains, ${layout} ${rows}×${inner}×${columns}`, async () => {
        await check({
          build: (g) =>
            linear(
              g,
              {
                x: g.input('x', [rows, inner]),
                weight: g.weight('w', weightShape),
                rowScale: g.parameter('rowScale', [inner]),
                columnScale: g.parameter('columnScale', [columns]),
              },
              { layout },
            ),
        });
      });
    }

  it('a low-rank pair, residual and activation are folded into one dispatch each way', async () => {
    const program = await check({
      build: (g) => {
        const x = g.parameter('x', [9, 16]);
        const down = linear(g, { x, weight: g.parameter('A', [4, 16]) });
        const pair = linear(g, { x: down, weight: g.parameter('B', [24, 4]) }, { alpha: 2 });
        const h = activation(
          g,
          add(g, linear(g, { x, weight: g.weight('w1', [24, 16]), bias: g.weight('b1', [24]) }), pair),
          'gelu',
        );
        return add(g, linear(g, { x: h, weight: g.weight('w2', [16, 24]), bias: g.weight('b2', [16]) }), x);
      },
    });
    const labelsOf = program.calls.map((call) => call.label);
    expect(labelsOf).not.toContain('add');
    expect(labelsOf).not.toContain('activation');
    expect(labelsOf).not.toContain('activationGradient');
    // Forward: A, w1 with the pair and GELU, w2 with the residual, the projection. Backward: the projection, w2 with the gate, B, w1 with the pair.
    expect(labelsOf.filter((label) => label === 'linear')).toHaveLength(8);
  });
});

describe('element-wise', () => {
  for (const kind of activations)
    it(`${kind} after a sum, unfused`, async () => {
      await check({
        build: (g) => activation(g, add(g, g.parameter('x', [6, 8]), g.input('z', [6, 8])), kind),
        values: { x: uniformValues(48, 4, 3, 'x') },
      });
    });
  it('dropout zeroes the share it says, and its gradient the same elements', async () => {
    await check({ build: (g) => dropout(g, g.parameter('x', [16, 32]), 0.25, 7) });
    const graph = new Graph();
    const x = graph.input('x', [100, 100]);
    const y = interpret((dropout(graph, x, 0.25, 3), graph.nodes), new Map([['x', new Float64Array(10_000).fill(1)]]));
    const dropped = [...y.values()].at(-1)!.filter((value) => value === 0).length;
    expect(Math.abs(dropped / 10_000 - 0.25)).toBeLessThan(0.02);
  });
});

describe('layer norm', () => {
  for (const lanesPerRow of [1, 32])
    it(`input, gain and bias, ${lanesPerRow} lanes a row`, async () => {
      await check(
        {
          build: (g) =>
            layerNorm(g, g.parameter('x', [37, 20]), g.parameter('gamma', [20]), g.parameter('beta', [20]), 1e-5),
        },
        { ...defaultChoice, lanesPerRow },
      );
    });
});

describe.each(['on any device', 'by quads'])('attention, %s', (how) => {
  const [heads, length, hidden] = [2, 7, 16];
  const quads = how === 'by quads';
  const choice = quads ? staticChoice({ software: true, subgroups: true }) : defaultChoice;
  beforeEach((context) => context.skip(quads && !device.gpu.features.has('subgroups'), 'this device has no subgroups'));
  for (const options of [{}, { causal: true }, { probability: 0.3, site: 5 }])
    for (const trained of [['q', 'k', 'v'], ['q', 'v'], ['k'], ['v'], ['q']])
      it(`${JSON.stringify(options)}, gradient in ${trained}`, async () => {
        const build = (g: Graph) => {
          const of = (name: string) =>
            trained.includes(name) ? g.parameter(name, [3 * length, hidden]) : g.input(name, [3 * length, hidden]);
          const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [3], 'u32') };
          return attention(g, inputs, { heads, length, ...options });
        };
        await check({ build, values: { lengths: [7, 3, 1] } }, choice);
      });
  for (const causal of [false, true])
    it(`more queries than a workgroup${causal ? ', causal' : ''}`, async () => {
      const build = (g: Graph) => {
        const of = (name: string) => g.parameter(name, [2 * 70, 8]);
        const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [2], 'u32') };
        return attention(g, inputs, { heads: 1, length: 70, causal });
      };
      await check({ build, values: { lengths: [70, 41] } }, choice);
    });
});

describe('embedding, selection and losses', () => {
  it('sums word, position and type, padded as RoBERTa pads', async () => {
    await check({
      build: (g) => {
        const u = (name: string, shape: number[]) => g.input(name, shape, 'u32');
        const table = (name: string, size: number) => g.weight(name, [size, 8]);
        const x = embedding(
          g,
          {
            ids: u('ids', [8]),
            types: u('types', [8]),
            lengths: u('lengths', [2]),
            word: [table('word', 11)],
            position: table('position', 9),
            typeTable: table('type', 2),
          },
          { length: 4, positionOffset: 2, padPosition: 1 },
        );
        return add(g, x, g.parameter('p', [8, 8]));
      },
      values: { ids: [0, 10, 3, 3, 5, 1, 1, 1], types: [0, 0, 1, 1, 0, 0, 0, 0], lengths: [4, 1] },
    });
  });
  it('takes every n-th row', async () => {
    await check({ build: (g) => selectRows(g, g.parameter('x', [12, 8]), 4) });
  });
  it('cross-entropy, more rows than threads', async () => {
    const rows = 70;
    await check({
      build: (g) => loss(g, 'crossEntropy', g.parameter('z', [rows, 3]), g.input('labels', [rows])),
      values: { labels: Array.from({ length: rows }, (_, i) => i % 3), z: uniformValues(rows * 3, 8, 4, 'z') },
    });
  });
  it('squared error', async () => {
    await check({ build: (g) => loss(g, 'meanSquaredError', g.parameter('z', [5, 1]), g.input('labels', [5])) });
  });
});

describe('HUT', () => {
  const build = (form: 'fused' | 'materialised') => (g: Graph) => {
    const factors = hutFactors(g, {
      a: g.parameter('A', [8, 3]),
      b: g.parameter('B', [3, 12]),
      gamma: g.parameter('gamma', [12]),
      beta: g.parameter('beta', [12]),
      bias: g.weight('bias', [12]),
    });
    const [x, weight] = [g.parameter('x', [10, 8]), g.weight('w', [12, 8])];
    if (form === 'fused')
      return linear(g, {
        x,
        weight,
        rowScale: factors.rowScale,
        columnScale: factors.columnScale,
        bias: factors.shift,
      });
    return linear(g, { x, weight: hutTransform(g, weight, factors, 'nk'), bias: factors.shift });
  };
  it('fused', async () => void (await check({ build: build('fused') })));
  it('materialised', async () => void (await check({ build: build('materialised') })));
  it('both forms have the same gradients in float64', () => {
    const run = (form: 'fused' | 'materialised') => {
      const graph = new Graph();
      const scalar = project(graph, build(form)(graph));
      const gradients = differentiate(graph, scalar);
      const given = new Map(
        [...graph.named('input'), ...graph.named('weight'), ...graph.named('parameter')].map((tensor) => [
          tensor.name,
          uniformValues(elements(tensor.shape), 1, 1, tensor.name),
        ]),
      );
      const values = interpret(graph.nodes, given);
      return Object.fromEntries([...gradients].map(([parameter, gradient]) => [parameter.name, values.get(gradient)!]));
    };
    const [fused, materialised] = [run('fused'), run('materialised')];
    expect(Object.keys(fused).sort()).toEqual(Object.keys(materialised).sort());
    for (const [name, gradient] of Object.entries(fused))
      gradient.forEach((value, i) => expect(value).toBeCloseTo(materialised[name]![i]!, 10));
  });
});
