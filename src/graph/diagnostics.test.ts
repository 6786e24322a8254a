import { expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { onDevice, reference, release, type Build } from '../check/experiment';
import { Graph } from './graph';
import { attention } from './ops/attention';
import { attentionProbabilities, interpolate, rowDot } from './ops/diagnostics';
import { ParameterLayout } from './parameter-layout';
import { defaultChoice } from './plan';
import { elements, type KernelChoice, type Tensor } from './tensor';
import { staticChoice } from './variants';

/* What looks into a model, on the device against the float64 interpreter. Nothing of it is differentiated. */

const device = testDevice();

const wave = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + seed) + Math.cos(0.31 * i * seed));

/** @returns the values in float64 */
async function check(
  build: Build,
  values: Readonly<Record<string, ArrayLike<number>>> = {},
  choice: KernelChoice = defaultChoice,
): Promise<ArrayLike<number>> {
  const graph = new Graph();
  const y = build(graph);
  const given = new Map(
    graph.named('input').map(({ name, shape }, i) => [name, values[name] ?? wave(elements(shape), i + 1)]),
  );
  const experiment = {
    ...{ graph, nodes: [...graph.nodes], scalar: y, gradients: new Map<Tensor, Tensor>() },
    ...{ layout: new ParameterLayout(), given },
  };
  const expected = reference(experiment).get(y)!;
  const executable = await onDevice(device.memory, experiment, choice);
  executable.run();
  const actual = await executable.read(y);
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - expected[i]!), `element ${i}`).toBeLessThan(1e-5));
  release(executable);
  return expected;
}

for (const causal of [false, true])
  for (const mean of [false, true])
    for (const how of ['on any device', 'by quads'])
      it(`attention’s probabilities${causal ? ', causal' : ''}${mean ? ', mean of heads' : ''}, ${how}`, async (context) => {
        const quads = how === 'by quads';
        context.skip(quads && !device.gpu.features.has('subgroups'), 'this device has no subgroups');
        const [heads, length, hidden, lengths] = [2, 7, 16, [7, 3, 1]];
        const p = await check(
          (graph) => {
            const of = (name: string) => graph.input(name, [3 * length, hidden]);
            const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: graph.input('lengths', [3], 'u32') };
            return attentionProbabilities(graph, attention(graph, inputs, { heads, length, causal }), mean);
          },
          { lengths: Uint32Array.from(lengths) },
          quads ? staticChoice({ software: true, subgroups: true }) : defaultChoice,
        );
        // A token attends with a whole; padding does not attend.
        const rows = Array.from(p).length / length;
        for (let row = 0; row < rows; row++) {
          const at = row % (3 * length);
          const sum = Array.from({ length }, (_, key) => p[row * length + key]!).reduce((a, b) => a + b);
          expect(sum).toBeCloseTo(at % length < lengths[Math.floor(at / length)]! ? 1 : 0, 12);
        }
      });

it('interpolates, each part of the batch at its own share', async () => {
  const y = await check((graph) =>
    interpolate(graph, {
      start: graph.input('start', [6, 20]),
      end: graph.input('end', [6, 20]),
      share: graph.input('share', [3]),
    }),
  );
  const [start, end, share] = [wave(120, 1), wave(120, 2), wave(3, 3)];
  expect(y[59]).toBeCloseTo(start[59]! + share[1]! * (end[59]! - start[59]!), 12);
});

it('multiplies rows with rows, more rows than a workgroup has threads', async () => {
  const y = await check((graph) => rowDot(graph, graph.input('a', [130, 12]), graph.input('b', [130, 12])));
  const [a, b] = [wave(1560, 1), wave(1560, 2)];
  expect(y[129]).toBeCloseTo(
    Array.from({ length: 12 }, (_, i) => a[1548 + i]! * b[1548 + i]!).reduce((x, z) => x + z),
    12,
  );
});
