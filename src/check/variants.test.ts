import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import type { Graph } from '../graph/graph';
import { attention } from '../graph/ops/attention';
import { activation } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import type { KernelChoice, Tensor } from '../graph/tensor';
import { kernelCases, smallSize, type Size } from './cases';
import { everyVariant, testedChoices } from './choices.node';
import { expectOnDevice } from './expect-case.node';
import { reference, trace, type Build, type Experiment } from './experiment';

/*
 * Every kernel that training runs and its gradients, by variants chosen explicitly: rows of more tokens than a workgroup has threads,
 * sizes that end within a tile, and more rows than a dimension of a grid holds (row-wise kernels over as many are tested, by every
 * number of threads a row, in `full-training.test.ts`). `graph.test.ts` holds the same gradients, in float64,
 * against finite differences.
 */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

/** On memory of its own: cases name their weights alike. */
async function expectChoice({ experiment, expected }: Prepared, choice: KernelChoice): Promise<void> {
  const memory = new DeviceMemory(gpu);
  await expectOnDevice(memory, experiment, { choice }, expected);
  memory.dispose();
}

interface Prepared {
  readonly experiment: Experiment;
  readonly expected: ReadonlyMap<Tensor, Float64Array>;
}

/** Traced and computed in float64 once, for all choices. */
function once(build: Build, values?: Readonly<Record<string, ArrayLike<number>>>): () => Prepared {
  let prepared: Prepared | undefined;
  return () => {
    if (prepared) return prepared;
    const experiment = trace(build, values);
    return (prepared = { experiment, expected: reference(experiment) });
  };
}

const sizes: readonly Size[] = [
  smallSize,
  { batchSize: 2, length: 65, hiddenSize: 64 },
  { batchSize: 1, length: 130, hiddenSize: 128 },
];
const sizedCases = kernelCases.map(({ title, build, values }) => ({
  title,
  prepared: sizes.map((size) => once((g) => build(g, size), values?.(size))),
}));

/** More than a dimension of a grid holds, and no multiple of 4. */
const manyRows = 65_535 + 67;
const longCases: Record<string, () => Prepared> = {
  'linear layers': once((g) => {
    const x = g.parameter('x', [manyRows, 8]);
    const hidden = linear(g, { x, weight: g.parameter('w', [12, 8]), bias: g.parameter('b', [12]) });
    return linear(g, { x: activation(g, hidden, 'gelu'), weight: g.weight('v', [4, 12], 'f16') });
  }),
  attention: once(
    (g: Graph) => {
      const of = (name: string) => g.parameter(name, [manyRows, 8]);
      const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [manyRows / 2], 'u32') };
      return attention(g, inputs, { heads: 2, length: 2 });
    },
    { lengths: Uint32Array.from({ length: manyRows / 2 }, (_, i) => 1 + (i % 2)) },
  ),
};

describe.each(testedChoices)('kernels of the choice $name', ({ choice, runsOn }) => {
  beforeEach((context) => context.skip(!runsOn(gpu), 'this device has no subgroups'));

  it.each(sizedCases)('$title', async ({ prepared }) => {
    for (const prepare of prepared) await expectChoice(prepare(), choice);
  });
  it.runIf(everyVariant).each(Object.entries(longCases))('%s over more than 65,535 rows', async (_, prepare) => {
    await expectChoice(prepare(), choice);
  });
});
