import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { difference, roundingBound } from '../check/check';
import { project } from '../check/experiment';
import { uniformValues } from '../random';
import { differentiate } from './differentiate';
import { Executable } from './executable';
import { Graph } from './graph';
import { interpret } from './interpret';
import { activation, add } from './ops/elementwise';
import { linear } from './ops/linear';
import { assign, runningAverage, view } from './ops/storage';
import { ParameterLayout } from './parameter-layout';
import { compile } from './plan';
import { States } from './states';
import type { Tensor } from './tensor';
import { expectCase } from '../check/expect-case.node';

/* Views, tensors that live across runs, and operations that write over what they read. */

const device = testDevice();

const values = (name: string, count: number) => uniformValues(count, 1, 3, name);
const none = new ParameterLayout();

/** A program of inputs, weights and states only. */
async function program(graph: Graph, outputs: Record<string, Tensor>, states?: States): Promise<Executable> {
  const compiled = compile(graph, outputs, new Map(), none);
  for (const { name, shape } of compiled.weights) device.memory.uploadWeight(name, values(name, shape[0]! * shape[1]!));
  return Executable.create(device.memory, compiled, device.memory.flatBuffers(none), states);
}

/** Runs with one input `x` and reads an output. */
async function run(executable: Executable, x: Float32Array, output: string): Promise<Float32Array> {
  executable.write('x', x);
  executable.run();
  const read = await executable.read(executable.program.outputs[output]!);
  device.gpu.check();
  return read;
}

describe('views', () => {
  // 64 values are 256 bytes, at which a binding may start.
  const second = (g: Graph, whole: Tensor) => view(g, whole, 64, [8, 8]);
  const sources: Record<string, (g: Graph) => Tensor> = {
    'a weight': (g) => g.weight('w', [16, 8]),
    'a parameter': (g) => g.parameter('w', [16, 8]),
    'an input': (g) => g.input('w', [16, 8]),
    'a temporary': (g) => activation(g, g.parameter('w', [16, 8]), 'tanh'),
    'a state': (g) => g.state('w', [16, 8]),
    'a view': (g) => view(g, g.weight('w', [24, 8]), 64, [16, 8]),
  };
  it.each(Object.entries(sources))('of %s, as the weight of a linear layer', async (_, source) => {
    await expectCase(device.memory, (g) => linear(g, { x: g.parameter('x', [5, 8]), weight: second(g, source(g)) }));
  });
  it.each(Object.entries(sources))('of %s, as the input of a linear layer', async (_, source) => {
    await expectCase(device.memory, (g) => linear(g, { x: second(g, source(g)), weight: g.parameter('v', [4, 8]) }));
  });
  it('both halves of a parameter, and the whole, have their share in its gradient', async () => {
    await expectCase(device.memory, (g) => {
      const whole = g.parameter('w', [16, 8]);
      const halves = linear(g, { x: view(g, whole, 0, [8, 8]), weight: second(g, whole) });
      return add(g, halves, view(g, activation(g, whole, 'gelu'), 64, [8, 8]));
    });
  });
  it('parts that overlap, and the whole, in one operation', async () => {
    await expectCase(device.memory, (g) => {
      const whole = g.parameter('w', [24, 8]);
      const overlapping = add(g, view(g, whole, 0, [16, 8]), view(g, whole, 64, [16, 8]));
      return add(g, overlapping, view(g, add(g, whole, view(g, whole, 0, [24, 8])), 0, [16, 8]));
    });
  });
  it('cost no dispatch and no memory', () => {
    const arena = (part: boolean) => {
      const graph = new Graph();
      const x = graph.input('x', [8, 8]);
      const hidden = activation(graph, activation(graph, x, 'tanh'), 'relu');
      const y = part ? activation(graph, view(graph, hidden, 0, [8, 8]), 'gelu') : activation(graph, hidden, 'gelu');
      const { arena: chunks, cost } = compile(graph, { y }, new Map(), none);
      return { chunks, dispatches: cost.dispatches };
    };
    expect(arena(true)).toEqual(arena(false));
  });
  it('are refused where no binding can start, or beyond the end', () => {
    const graph = new Graph();
    const w = graph.weight('w', [16, 8]);
    expect(() => view(graph, w, 8, [8, 8])).toThrow('element 8 of w is byte 32 of its storage, not a multiple of 256');
    expect(() => view(graph, view(graph, w, 64, [8, 8]), 32, [2, 8])).toThrow(/not a multiple of 256/);
    expect(() => view(graph, w, 64, [9, 8])).toThrow(/reaches beyond w \[16,8\]/);
  });
});

describe('states', () => {
  const average = (states: States) => {
    const graph = new Graph();
    const [state, x] = [graph.state('average', [10, 7]), graph.input('x', [10, 7])];
    const y = runningAverage(graph, state, x, 0.75);
    return { graph, y, executable: program(graph, { y }, states) };
  };

  it('a running average over several runs and programs, zero before the first', async () => {
    const states = new States(device.memory);
    const [first, second] = [average(states), average(states)];
    const executables = [await first.executable, await second.executable];
    let expected: ArrayLike<number> = new Float64Array(70);
    for (let i = 0; i < 5; i++) {
      const x = values(`x${i}`, 70);
      const given = new Map<string, ArrayLike<number>>(Object.entries({ average: expected, x }));
      const y = interpret(first.graph.nodes, given).get(first.y)!;
      expected = y;
      expect(difference(await run(executables[i % 2]!, x, 'y'), y).error).toBeLessThan(roundingBound);
    }
    states.clear();
    expect(await run(executables[0]!, values('x', 70), 'y')).toEqual(values('x', 70).map((value) => 0.25 * value));
    executables.forEach((executable) => executable.dispose());
    states.dispose();
  });

  it('is kept though nothing reads it in the program, and two owners do not meet', async () => {
    const [one, two] = [new States(device.memory), new States(device.memory)];
    const write = async (states: States) => {
      const graph = new Graph();
      const x = graph.input('x', [10, 7]);
      runningAverage(graph, graph.state('average', [10, 7]), x, 0.5);
      return program(graph, { unrelated: activation(graph, x, 'relu') }, states);
    };
    const read = async (states: States) => {
      const graph = new Graph();
      return program(graph, { state: graph.state('average', [10, 7]), x: graph.input('x', [10, 7]) }, states);
    };
    const x = values('x', 70);
    const writer = await write(one);
    await run(writer, x, 'unrelated');
    expect(await run(await read(one), x, 'state')).toEqual(x.map((value) => 0.5 * value));
    expect(await run(await read(two), x, 'state')).toEqual(new Float32Array(70));
  });

  it('a cache is filled part by part, and read whole', async () => {
    const states = new States(device.memory);
    const at = (part: number) => {
      const graph = new Graph();
      const x = graph.input('x', [4, 8]);
      const cache = assign(graph, graph.state('cache', [16, 8]), x, part * 32);
      return program(graph, { y: linear(graph, { x, weight: cache }) }, states);
    };
    const cache = new Float64Array(128);
    for (const part of [0, 2, 1, 3, 0]) {
      const x = values(`x${part}`, 32);
      cache.set(x, part * 32);
      const expected = Float64Array.from({ length: 64 }, (_, i) => {
        const [row, column] = [Math.floor(i / 16), i % 16];
        return x.subarray(row * 8, row * 8 + 8).reduce((sum, value, k) => sum + value * cache[column * 8 + k]!, 0);
      });
      expect(difference(await run(await at(part), x, 'y'), expected).error).toBeLessThan(roundingBound);
    }
  });

  it('of another size is refused', async () => {
    const states = new States(device.memory);
    const of = (rows: number) => {
      const graph = new Graph();
      return program(graph, { y: activation(graph, graph.state('s', [rows, 8]), 'tanh') }, states);
    };
    await of(4);
    await expect(of(5)).rejects.toThrow('state s has 128 bytes, this program wants 160');
  });
});

describe('writing over what is read', () => {
  const trace = () => {
    const graph = new Graph();
    const [state, x] = [graph.state('s', [8, 8]), graph.input('x', [8, 8])];
    return { graph, state, x };
  };

  it('readers of the old value come before, however they were traced', async () => {
    const { graph, state, x } = trace();
    const y = runningAverage(graph, state, x, 0.5);
    const late = activation(graph, view(graph, state, 0, [8, 8]), 'relu');
    const states = new States(device.memory);
    const executable = await program(graph, { y, late }, states);
    const ones = new Float32Array(64).fill(1);
    expect((await run(executable, ones, 'late'))[0]).toBe(0);
    expect((await run(executable, ones, 'late'))[0]).toBe(0.5);
    expect((await run(executable, ones, 'y'))[0]).toBe(0.875);
  });
  it('with itself', async () => {
    const { graph, state } = trace();
    const x = graph.input('x', [8, 8]);
    const filled = assign(graph, state, x);
    const y = runningAverage(graph, filled, filled, 0.25);
    expect((await run(await program(graph, { y }), new Float32Array(64).fill(3), 'y'))[5]).toBe(3);
  });
  it('what needs the old value after the new one is refused', () => {
    const { graph, state, x } = trace();
    const written = runningAverage(graph, state, x, 0.5);
    for (const y of [add(graph, written, state), add(graph, activation(graph, written, 'tanh'), state)])
      expect(() => compile(graph, { y }, new Map(), none)).toThrow(
        'runningAverage overwrites s, which add reads afterwards',
      );
  });
  it('what is read after the run is refused', () => {
    const { graph, state, x } = trace();
    const hidden = activation(graph, x, 'tanh');
    const y = runningAverage(graph, hidden, state, 0.5);
    expect(() => compile(graph, { hidden, y }, new Map(), none)).toThrow(/overwrites activation.*read after the run/);
    expect(() => compile(graph, { y }, new Map(), none)).not.toThrow();
  });
  it('a second writer of the same value is refused', () => {
    const { graph, state, x } = trace();
    const y = add(graph, runningAverage(graph, state, x, 0.5), runningAverage(graph, state, x, 0.1));
    expect(() => compile(graph, { y }, new Map(), none)).toThrow('which runningAverage reads afterwards');
  });
  it('a temporary: the result lies in its place', () => {
    const { graph, x } = trace();
    const hidden = activation(graph, x, 'tanh');
    const y = activation(graph, runningAverage(graph, hidden, x, 0.5), 'relu');
    const { locations } = compile(graph, { y }, new Map(), none);
    const written = graph.nodes.find(({ operation }) => operation.name === 'runningAverage')!.outputs['y']!;
    expect(locations.get(written)).toEqual(locations.get(hidden));
  });
  it('weights are refused, and so are gradients through it', () => {
    const { graph, state, x } = trace();
    expect(() => assign(graph, graph.weight('w', [8, 8]), x)).toThrow(/w is a frozen weight/);
    expect(() => assign(graph, state, x, 1)).toThrow(/does not fit s/);
    const y = project(graph, runningAverage(graph, state, graph.parameter('p', [8, 8]), 0.5));
    expect(() => differentiate(graph, y)).toThrow('runningAverage cannot be differentiated');
  });
});
