/** What the engine's tests share: a graph run in float64, held against finite differences, and on a device, held against float64. */
import { expect } from 'vitest';
import { difference, roundingBound } from './check';
import { onDevice, reference, release, trace, type Build, type Experiment } from './experiment';
import { uniformValues } from '../random';
import type { DeviceMemory } from '../graph/executable';
import { Graph } from '../graph/graph';
import { interpret } from '../graph/interpret';
import { defaultChoice, type CompileOptions, type Program } from '../graph/plan';
import { elements, type Tensor } from '../graph/tensor';

export interface CaseOptions extends CompileOptions {
  /** Values by name; what is missing is drawn. */
  readonly values?: Readonly<Record<string, ArrayLike<number>>>;
  /** By default all parameters. */
  readonly withRespectTo?: (graph: Graph) => readonly Tensor[];
}

/**
 * Derivatives of an experiment's scalar along a random direction in each named tensor that a gradient was asked of.
 *
 * @param still rows of a tensor that do not move, by its name
 */
export function expectFiniteDifferences(
  experiment: Experiment,
  still: Readonly<Record<string, readonly number[]>> = {},
): void {
  const { gradients, given, nodes, scalar } = experiment;
  const expected = reference(experiment);
  for (const [tensor, gradient] of gradients) {
    const values = given.get(tensor.name);
    if (!values) continue;
    const direction = uniformValues(elements(tensor.shape), 1, 2, tensor.name);
    const columns = tensor.shape.at(-1)!;
    for (const row of still[tensor.name] ?? []) direction.fill(0, row * columns, (row + 1) * columns);
    const base = Float64Array.from(values);
    const at = (h: number) => {
      const moved = base.map((value, i) => value + h * direction[i]!);
      return interpret(nodes, new Map([...given, [tensor.name, moved]])).get(scalar)![0]!;
    };
    const h = 1e-5;
    const numeric = (at(h) - at(-h)) / (2 * h);
    const analytic = expected.get(gradient)!.reduce((sum, value, i) => sum + value * direction[i]!, 0);
    expect(Math.abs(analytic - numeric), tensor.name).toBeLessThan(Math.max(1e-6, 3e-8 * Math.abs(numeric)));
  }
}

/**
 * Scalar and gradients on the device against float64.
 *
 * @param expected the experiment's `reference`, where it is run more than once
 */
export async function expectOnDevice(
  memory: DeviceMemory,
  experiment: Experiment,
  { choice = defaultChoice, ...options }: CompileOptions = {},
  expected: ReadonlyMap<Tensor, Float64Array> = reference(experiment),
): Promise<Program> {
  const executable = await onDevice(memory, experiment, choice, options);
  executable.run();
  const tensors = new Map([['scalar', experiment.scalar]]);
  for (const [tensor, gradient] of experiment.gradients) tensors.set(`gradient of ${tensor.name}`, gradient);
  for (const [name, tensor] of tensors)
    expect(difference(await executable.read(tensor), expected.get(tensor)!).error, name).toBeLessThan(roundingBound);
  memory.gpu.check();
  release(executable);
  return executable.program;
}

/** Scalar and gradients in float64 against finite differences, and on the device against float64. */
export async function expectCase(memory: DeviceMemory, build: Build, options: CaseOptions = {}): Promise<Program> {
  const { values, withRespectTo, ...compileOptions } = options;
  const experiment = trace(build, values, { withRespectTo });
  if (!withRespectTo) expect(experiment.gradients.size).toBe(experiment.graph.named('parameter').length);
  expectFiniteDifferences(experiment);
  return expectOnDevice(memory, experiment, compileOptions);
}
