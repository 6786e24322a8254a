/**
 * Checks operations three ways: the GPU against the float64 interpreter, forward and backward, fused as it is in training; and the
 * interpreter's own gradients against central finite differences.
 */
import { expect } from 'vitest';
import type { Gpu } from '../gpu/device';
import { differentiate } from './differentiate';
import { DeviceMemory, Executable } from './executable';
import { Graph } from './graph';
import { interpret } from './interpret';
import { linear } from './ops/linear';
import { loss } from './ops/loss';
import { ParameterLayout } from './parameter-layout';
import { compile, defaultChoice } from './plan';
import { elements, type KernelChoice, type Tensor } from './tensor';

export function random(count: number, seed: number, scale = 1): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state / 4294967296) * 2 - 1) * scale;
  });
}

/** A small graph. */
export interface Case {
  /** Returns the loss itself, or any `[rows, columns]` tensor, which `project` turns into a scalar. */
  build(graph: Graph): Tensor;
  values?: Record<string, ArrayLike<number>>;
}

/** A scalar whose gradient excites every output: mean squared error of `y · direction` against a target, row by row. */
export function project(graph: Graph, y: Tensor): Tensor {
  const columns = y.shape[1]!;
  const logits = linear(graph, { x: y, weight: graph.weight('direction', [1, columns]) });
  return loss(graph, 'meanSquaredError', logits, graph.input('target', [y.shape[0]!]));
}

export async function checkOperation(gpu: Gpu, test: Case, choice: KernelChoice = defaultChoice, tolerance = 2e-5) {
  const graph = new Graph();
  const y = test.build(graph);
  const scalar = y.shape.length === 1 ? y : project(graph, y);
  const gradients = differentiate(graph, scalar);
  const given = new Map<string, ArrayLike<number>>();
  const layout = new ParameterLayout();
  for (const role of ['input', 'weight', 'parameter'] as const)
    graph
      .named(role)
      .forEach((tensor, i) =>
        given.set(tensor.name, test.values?.[tensor.name] ?? random(elements(tensor.shape), i + 1 + role.length)),
      );
  for (const parameter of graph.named('parameter')) layout.add(parameter.name, parameter.shape);
  const nodes = [...graph.nodes];
  const expected = interpret(nodes, given);

  // Finite differences of the interpreter, along a random direction of each parameter.
  expect(gradients.size).toBe(graph.named('parameter').length);
  for (const [parameter, gradient] of gradients) {
    const base = Float64Array.from(given.get(parameter.name)!);
    const direction = random(base.length, 99);
    const at = (h: number) =>
      interpret(nodes, new Map([...given, [parameter.name, base.map((value, i) => value + h * direction[i]!)]])).get(
        scalar,
      )![0]!;
    const h = 1e-4;
    const numeric = (at(h) - at(-h)) / (2 * h);
    const analytic = expected.get(gradient)!.reduce((sum, value, i) => sum + value * direction[i]!, 0);
    expect(analytic, `${parameter.name} against finite differences`).toBeCloseTo(numeric, 5);
  }

  const program = compile(graph, { scalar }, gradients, layout, { choice });
  const memory = new DeviceMemory(gpu);
  const flat = memory.flatBuffers(layout);
  for (const weight of program.weights) memory.uploadWeight(weight.name, Float32Array.from(given.get(weight.name)!));
  flat.parameters.write(new Map([...given].map(([name, values]) => [name, Float32Array.from(values)])));
  const executable = await Executable.create(memory, program, flat);
  for (const input of program.inputs) {
    const value = given.get(input.name)!;
    executable.write(input.name, input.dataType === 'u32' ? Uint32Array.from(value) : Float32Array.from(value));
  }
  memory.setSeed(0);
  executable.run();
  const close = async (tensor: Tensor, name: string) => {
    const actual = await executable.read(tensor);
    const reference = expected.get(tensor)!;
    const scale = Math.max(1e-6, ...reference.map(Math.abs));
    actual.forEach((value, i) => {
      if (!(Math.abs(value - reference[i]!) <= tolerance * scale))
        throw new Error(`${name}[${i}]: ${value} on the GPU, ${reference[i]} in float64 (scale ${scale})`);
    });
  };
  await close(scalar, 'loss');
  for (const [parameter, gradient] of gradients) await close(gradient, `gradient of ${parameter.name}`);
  executable.dispose();
  memory.dispose();
  return program;
}
