import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { trace, onDevice, reference, release } from '../check/experiment';
import { difference, roundingBound } from '../check/check';
import { differentiate } from './differentiate';
import { Executable } from './executable';
import { Graph } from './graph';
import { attention } from './ops/attention';
import { activation, add } from './ops/elementwise';
import { layerNorm } from './ops/layer-norm';
import { linear } from './ops/linear';
import { loss } from './ops/loss';
import { weightGradient } from './ops/weight-gradient';
import { ParameterLayout } from './parameter-layout';
import { compile, defaultChoice, type Program } from './plan';
import type { Tensor } from './tensor';
import { expectCase } from '../check/expect-case.node';

/* Algebra that has one tensor in two places: on a device, no kernel may bind it twice. */

const device = testDevice();

const copies = ({ calls }: Program) => calls.filter(({ label }) => label === 'copy').length;

describe('one tensor in two places of an operation', () => {
  const square = (g: Graph) => g.parameter('x', [8, 8]);
  const cases: Record<string, (g: Graph) => Tensor> = {
    'x + x': (g) => add(g, square(g), square(g)),
    'linear(x) + x, fused': (g) => add(g, linear(g, { x: square(g), weight: g.weight('w', [8, 8]) }), square(g)),
    'x + linear(x) of a trained weight': (g) =>
      add(g, square(g), linear(g, { x: square(g), weight: g.parameter('w', [8, 8]) })),
    'x times itself': (g) => linear(g, { x: square(g), weight: square(g) }),
    'x times itself, plus itself': (g) => add(g, linear(g, { x: square(g), weight: square(g) }), square(g)),
    'x as its own low-rank pair': (g) => {
      const x = g.parameter('x', [8, 8]);
      const wide = linear(g, { x: g.parameter('z', [8, 16]), weight: g.weight('w', [8, 16]) });
      return add(g, wide, linear(g, { x, weight: x }));
    },
    'gelu(x) + gelu(x)': (g) => {
      const y = activation(g, square(g), 'gelu');
      return add(g, y, y);
    },
    'the same scale for rows and columns': (g) => {
      const s = g.parameter('s', [8]);
      const inputs = { x: square(g), weight: g.weight('w', [8, 8]), rowScale: s, columnScale: s, bias: s };
      return linear(g, inputs);
    },
    'layer norm whose gain is its bias': (g) => {
      const gain = g.parameter('gain', [8]);
      return layerNorm(g, square(g), gain, gain, 1e-5);
    },
  };
  it.each(Object.entries(cases))('%s', async (_, build) => {
    expect(copies(await expectCase(device.memory, build))).toBeGreaterThan(0);
  });

  it('attention of x with itself', async () => {
    await expectCase(
      device.memory,
      (g) => {
        const x = g.parameter('x', [2 * 5, 8]);
        return attention(g, { q: x, k: x, v: x, lengths: g.input('lengths', [2], 'u32') }, { heads: 2, length: 5 });
      },
      { values: { lengths: [5, 3] } },
    );
  });

  it('xᵀx by the kernel of weight gradients', async () => {
    const build = (g: Graph) => {
      const x = g.input('x', [70, 8]);
      return add(g, weightGradient(g, x, x), g.parameter('p', [8, 8]));
    };
    const experiment = trace(build);
    const executable = await onDevice(device.memory, experiment, defaultChoice);
    executable.run();
    const expected = reference(experiment).get(experiment.scalar)!;
    expect(difference(await executable.read(experiment.scalar), expected).error).toBeLessThan(roundingBound);
    device.gpu.check();
    release(executable);
  });
});

describe('gradients and outputs that lie elsewhere already', () => {
  it('the sum of two parameters: one gradient for both', async () => {
    const program = await expectCase(device.memory, (g) => add(g, g.parameter('a', [6, 8]), g.parameter('b', [6, 8])));
    expect(copies(program)).toBe(1);
  });

  it('a sum of three, two of them the same', async () => {
    await expectCase(device.memory, (g) => {
      const a = g.parameter('a', [6, 8]);
      return add(g, add(g, a, g.parameter('b', [6, 8])), a);
    });
  });

  it('outputs that are an input, a weight, a parameter and a gradient; gradients that are an input and a parameter', async () => {
    const graph = new Graph();
    const [x, w, p] = [graph.input('x', [4, 4]), graph.weight('w', [4, 4]), graph.parameter('p', [4, 4])];
    const y = add(graph, add(graph, p, graph.parameter('q', [4, 4])), w);
    // The seed is an input, and so is the gradient of p and of q; for r a parameter is named as the gradient.
    const gradients = differentiate(graph, y, { seed: x });
    gradients.set(graph.parameter('r', [4, 4]), p);
    const layout = ParameterLayout.of(graph.named('parameter'));
    const program = compile(graph, { x, w, p, y }, gradients, layout);
    const flat = device.memory.flatBuffers(layout);
    const values = (name: string) => Float32Array.from({ length: 16 }, (_, i) => i + name.charCodeAt(0));
    device.memory.uploadWeight('w', values('w'));
    flat.parameters.write(new Map(['p', 'q', 'r'].map((name) => [name, values(name)])));
    const executable = await Executable.create(device.memory, program, flat);
    executable.write('x', values('x'));
    executable.run();
    expect(await executable.read(x)).toEqual(values('x'));
    expect(await executable.read(w)).toEqual(values('w'));
    expect(await executable.read(p)).toEqual(values('p'));
    expect((await executable.read(y))[3]).toBe(values('p')[3]! + values('q')[3]! + values('w')[3]!);
    const written = await flat.gradients.read();
    expect(Object.fromEntries(written)).toEqual({ p: values('x'), q: values('x'), r: values('p') });
    executable.dispose();
  });

  it('programs that need no copy have none', () => {
    const graph = new Graph();
    const x = graph.input('x', [6, 8]);
    const y = add(graph, linear(graph, { x, weight: graph.parameter('w', [8, 8]) }), graph.input('z', [6, 8]));
    const logits = linear(graph, { x: y, weight: graph.parameter('head', [3, 8]) });
    const scalar = loss(graph, 'crossEntropy', logits, graph.input('labels', [6]));
    const gradients = differentiate(graph, scalar);
    const program = compile(graph, { scalar }, gradients, ParameterLayout.of(graph.named('parameter')));
    expect(copies(program)).toBe(0);
  });
});
