import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { uniformValues } from '../random';
import { differentiate } from './differentiate';
import { Executable } from './executable';
import { Graph } from './graph';
import { attention } from './ops/attention';
import { activation, add, scale } from './ops/elementwise';
import { embedding } from './ops/embedding';
import { linear } from './ops/linear';
import { loss } from './ops/loss';
import { columnReduce } from './ops/reduce';
import { selectRows } from './ops/select';
import { weightGradient } from './ops/weight-gradient';
import { ParameterLayout } from './parameter-layout';
import { compile, defaultChoice, type PlannedCall } from './plan';
import { elements, maxWorkgroups, type KernelChoice, type Tensor } from './tensor';
import { expectCase } from '../check/expect-case.node';
import { linearVariants, staticChoice } from './variants';

/* What each dispatch of a program says it costs, and that none is larger than a device allows. */

const calls = (build: (g: Graph) => Tensor, choice?: KernelChoice): readonly PlannedCall[] => {
  const graph = new Graph();
  const y = build(graph);
  const gradients = y.shape.length === 1 ? differentiate(graph, y) : new Map<Tensor, Tensor>();
  const layout = ParameterLayout.of(graph.named('parameter'));
  return compile(graph, { y }, gradients, layout, choice && { choice }).calls;
};

describe('what a dispatch costs', () => {
  const [batchSize, length, hiddenSize, heads] = [3, 32, 16, 2];
  const tokens = batchSize * length;

  const attending = (causal: boolean) => (g: Graph) => {
    const of = (name: string) => g.parameter(name, [tokens, hiddenSize]);
    const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [batchSize], 'u32') };
    const o = attention(g, inputs, { heads, length, causal });
    const logits = linear(g, { x: o, weight: g.weight('head', [1, hiddenSize]) });
    return loss(g, 'meanSquaredError', logits, g.input('labels', [tokens]));
  };
  const flopsOf = (all: readonly PlannedCall[]) =>
    Object.fromEntries(
      all
        .filter(({ shader }) => shader.startsWith('attention'))
        .map(({ shader, constants, flops }) => [`${shader}${constants['QUERIES'] === false ? ' keys' : ''}`, flops]),
    );

  it('attention: products on the passes that compute them', () => {
    const products = 2 * tokens * length * hiddenSize;
    const pairs = tokens * length * heads;
    expect(flopsOf(calls(attending(false)))).toEqual({
      attention: 2 * products + 3 * pairs,
      'attention-statistics': 2 * tokens * hiddenSize,
      'attention-gradient': 3 * products + 6 * pairs,
      'attention-gradient keys': 4 * products + 6 * pairs,
    });
  });

  it('causal attention: the keys that a thread visits, not all of them', () => {
    const full = flopsOf(calls(attending(false)));
    for (const own of [1, 4]) {
      const choice = { ...defaultChoice, attention: () => ({ own, block: 4, workgroup: 4, quad: false }) };
      const causal = flopsOf(calls(attending(true), choice));
      // Queries `first … first + own - 1` visit the keys up to the last of them.
      let visited = 0;
      for (let query = 0; query < length; query++) visited += (Math.floor(query / own) + 1) * own;
      for (const shader of ['attention', 'attention-gradient', 'attention-gradient keys'])
        expect(causal[shader]! / full[shader]!).toBeCloseTo(visited / length ** 2, 12);
    }
  });

  it('an embedding reads a row a token of each table, not the tables', () => {
    const look = (vocabulary: number) =>
      calls((g) => {
        const u = (name: string, size: number) => g.input(name, [size], 'u32');
        const inputs = { ids: u('ids', tokens), types: u('types', tokens), lengths: u('lengths', batchSize) };
        const table = (name: string, size: number) => g.weight(name, [size, hiddenSize]);
        const tables = {
          word: [table('word', vocabulary)],
          position: table('position', length),
          typeTable: table('type', 2),
        };
        return embedding(g, { ...inputs, ...tables }, { length, positionOffset: 0 });
      })[0]!.bytes;
    const values = 4 * hiddenSize;
    // ids, types and lengths; word rows; all of the position and type tables, which are smaller than what is looked up; the result.
    const expected = 4 * (2 * tokens + batchSize) + tokens * values + (length + 2) * values + tokens * values;
    expect(look(50_000)).toBe(expected);
    expect(look(100_000)).toBe(expected);
  });

  it('selecting rows reads these', () => {
    const [call] = calls((g) => selectRows(g, g.input('x', [tokens, hiddenSize]), length));
    expect(call!.bytes).toBe(2 * 4 * batchSize * hiddenSize);
  });

  it('a sum over tokens adds its partial sums in the dispatch that does', () => {
    const all = calls((g) => weightGradient(g, g.input('a', [1000, 8]), g.input('b', [1000, 12])));
    expect(all.map(({ shader, flops }) => [shader, flops])).toEqual([
      ['weight-gradient', 2 * 1000 * 8 * 12],
      ['sum-partials', 16 * 8 * 12],
    ]);
  });
});

describe('more than 65,535 workgroups', () => {
  const device = testDevice();
  const rows = maxWorkgroups + 1001;
  /** One row of outputs a workgroup, so that rows alone pass the limit. */
  const oneRow: KernelChoice = {
    ...defaultChoice,
    linear: () => ({ shader: 'linear', constants: { ROWS: 1, VECTORS: 1, THREADS_X: 1, THREADS_Y: 1 }, tile: [1, 4] }),
  };
  /** Whether there are more workgroups than one dimension holds. */
  const folds = ({ workgroups: [x, y, z] }: PlannedCall) => x * y * z > maxWorkgroups;

  it('rows of a linear layer and of its gradients, element-wise operations', async () => {
    const { calls: all } = await expectCase(
      device.memory,
      (g) => {
        const y = linear(g, {
          x: g.parameter('x', [rows, 4]),
          weight: g.parameter('w', [4, 4]),
          bias: g.parameter('b', [4]),
        });
        return activation(g, add(g, y, y), 'tanh');
      },
      { choice: oneRow },
    );
    expect(all.filter((call) => call.label === 'linear' && folds(call)).length).toBeGreaterThan(1);
  });

  it('columns of a linear layer', async () => {
    const columns = 4 * (maxWorkgroups + 5);
    const { calls: all } = await expectCase(
      device.memory,
      (g) => linear(g, { x: g.parameter('x', [2, 4]), weight: g.weight('w', [columns, 4]) }),
      { choice: oneRow },
    );
    expect(folds(all[0]!)).toBe(true);
  });

  it.each(['quad 16×16', 'block 8×8 tall', 'tiled 64×64'] as const)('tiles %s, told to fold', async (name) => {
    if (name.startsWith('quad') && !device.gpu.features.has('subgroups')) return;
    const graph = new Graph();
    const [x, weight] = [graph.input('x', [70, 32]), graph.weight('w', [192, 32])];
    const y = linear(graph, { x, weight });
    const choice = { ...staticChoice(device.gpu.identity), linear: () => linearVariants[name] };
    const program = compile(graph, { y }, new Map(), new ParameterLayout(), { choice });
    const [call] = program.calls;
    const [across, down] = call!.workgroups;
    const tiles = across * down;
    // As many groups in another grid, three wide, and some that have nothing to do.
    const folded: PlannedCall = {
      ...call!,
      constants: { ...call!.constants, FOLDED: true },
      params: { ...call!.params, groupsAcross: 3 },
      workgroups: [3, Math.ceil(tiles / 3) + 1, 1],
    };
    const results: Float32Array[] = [];
    for (const calls of [program.calls, [folded]]) {
      device.memory.uploadWeight('w', uniformValues(192 * 32, 1, 1, 'w'));
      const layout = new ParameterLayout();
      const executable = await Executable.create(
        device.memory,
        { ...program, calls },
        device.memory.flatBuffers(layout),
      );
      executable.write('x', uniformValues(70 * 32, 1, 1, 'x'));
      executable.run();
      results.push(await executable.read(y));
    }
    device.gpu.check();
    expect(results[1]).toEqual(results[0]);
    expect(results[0]!.some((value) => value !== 0)).toBe(true);
  });

  it('a layer of sizes that are no multiple of 4', async () => {
    // Eight rows a workgroup.
    const { calls: all } = await expectCase(device.memory, (g) =>
      linear(g, { x: g.parameter('x', [8 * maxWorkgroups + 3, 1]), weight: g.parameter('w', [1, 1]) }),
    );
    expect(all.some(folds)).toBe(true);
  });

  it('rows and heads of attention', async () => {
    const { calls: all } = await expectCase(
      device.memory,
      (g) => {
        const of = (name: string) => g.parameter(name, [rows, 8]);
        const inputs = { q: of('q'), k: of('k'), v: of('v'), lengths: g.input('lengths', [rows / 2], 'u32') };
        return attention(g, inputs, { heads: 2, length: 2 });
      },
      { values: { lengths: Array.from({ length: rows / 2 }, (_, i) => 1 + (i % 2)) } },
    );
    expect(all.filter(({ shader }) => shader === 'attention').every(folds)).toBe(true);
    expect(all.filter(({ shader }) => shader === 'attention-gradient').every(folds)).toBe(true);
  });

  /** Small whole numbers, of which sums and products are exact. */
  const whole = (count: number, from = 0) => Float32Array.from({ length: count }, (_, i) => ((i + from) % 7) - 3);

  async function compute(build: (g: Graph) => Tensor): Promise<Float32Array> {
    const graph = new Graph();
    const y = build(graph);
    const layout = new ParameterLayout();
    const program = compile(graph, { y }, new Map(), layout);
    expect(program.calls.some(folds)).toBe(true);
    const executable = await Executable.create(device.memory, program, device.memory.flatBuffers(layout));
    for (const { name, shape } of program.inputs) executable.write(name, whole(elements(shape), name.length));
    executable.run();
    const result = await executable.read(y);
    device.gpu.check();
    return result;
  }
  const many = 64 * maxWorkgroups + 128;

  it('element-wise operations and selected rows', async () => {
    const x = whole(2 * many, 1);
    const doubled = await compute((g) => scale(g, g.input('x', [many, 1]), 2));
    expect(doubled.every((value, i) => value === 2 * x[i]!)).toBe(true);
    const chosen = await compute((g) => selectRows(g, g.input('x', [2 * many, 1]), 2));
    expect(chosen.every((value, i) => value === x[2 * i]!)).toBe(true);
  });

  it('chunks of a sum over tokens', async () => {
    const sums = await compute((g) => columnReduce(g, g.input('x', [many, 2]), { sum: true }).sum!);
    const expected = [0, 0];
    whole(2 * many, 1).forEach((value, i) => (expected[i % 2]! += value));
    expect([...sums]).toEqual(expected);
  });

  it('a wide gradient of a weight', async () => {
    const wide = 4 * many;
    const product = await compute((g) => weightGradient(g, g.input('aa', [1, 1]), g.input('b', [1, wide])));
    const [factor, b] = [whole(1, 2)[0]!, whole(wide, 1)];
    expect(product.every((value, i) => value === factor * b[i]!)).toBe(true);
  });
});
