/**
 * One small graph, run twice: by the float64 interpreter and by the kernels of a device. What differs is the kernels' error.
 *
 * A case is any graph; where its result is no scalar, `project` makes one whose gradient excites every value. The graph is
 * differentiated and fused exactly as in training, so what is held against float64 is what trains.
 */
import { fromFloat16Bits, toFloat16Bits } from '../checkpoint/float';
import { largestBinding } from '../gpu/device';
import { DeviceMemory, Executable } from '../graph/executable';
import { differentiate } from '../graph/differentiate';
import { Graph } from '../graph/graph';
import { interpret } from '../graph/interpret';
import { linear } from '../graph/ops/linear';
import { loss } from '../graph/ops/loss';
import { ParameterLayout } from '../graph/parameter-layout';
import { compile, type CompileOptions } from '../graph/plan';
import { elements, type KernelChoice, type Node, type Tensor } from '../graph/tensor';
import { uniformValues } from '../random';

/** Builds a graph; returns its loss `[1]`, or any `[rows, columns]` tensor. */
export type Build = (graph: Graph) => Tensor;

export interface Experiment {
  readonly graph: Graph;
  /** The graph as it was traced, before fusion. */
  readonly nodes: readonly Node[];
  /** `[1]` */
  readonly scalar: Tensor;
  /** By default of all parameters. */
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  readonly layout: ParameterLayout;
  /** Values of inputs, weights and parameters by name. */
  readonly given: ReadonlyMap<string, ArrayLike<number>>;
}

/** A scalar whose gradient excites every value of `y [rows, columns]`: mean squared error of `y · direction` against targets. */
export function project(graph: Graph, y: Tensor): Tensor {
  const logits = linear(graph, { x: y, weight: graph.weight('direction', [1, y.shape[1]!]) });
  return loss(graph, 'meanSquaredError', logits, graph.input('target', [y.shape[0]!]));
}

export interface TraceOptions {
  /** An empty one. */
  readonly graph?: Graph | undefined;
  /** The largest chunk of the parameters' layout. */
  readonly chunkBytes?: number | undefined;
  /** What gradients are wanted of; by default all parameters. */
  readonly withRespectTo?: ((graph: Graph) => readonly Tensor[]) | undefined;
}

/**
 * Traces and differentiates a case.
 *
 * @param values by name; what is missing is drawn from U(-1, 1), the same on every device; states start at zero
 */
export function trace(
  build: Build,
  values: Readonly<Record<string, ArrayLike<number>>> = {},
  { graph = new Graph(), chunkBytes, withRespectTo }: TraceOptions = {},
): Experiment {
  const y = build(graph);
  const scalar = y.shape.length === 1 ? y : project(graph, y);
  const gradients = differentiate(graph, scalar, withRespectTo && { withRespectTo: withRespectTo(graph) });
  const layout = ParameterLayout.of(graph.named('parameter'), chunkBytes);
  const given = new Map<string, ArrayLike<number>>();
  for (const { name, shape } of graph.named('state')) given.set(name, new Float64Array(elements(shape)));
  for (const tensor of (['input', 'weight', 'parameter'] as const).flatMap((role) => graph.named(role))) {
    const value = values[tensor.name] ?? uniformValues(elements(tensor.shape), 1, 1, tensor.name);
    // A packed weight is what its rounded values say, in both runs.
    const rounded = () => fromFloat16Bits(toFloat16Bits(Float32Array.from(value)));
    given.set(tensor.name, tensor.dataType === 'f16' ? rounded() : value);
  }
  return { graph, nodes: [...graph.nodes], scalar, gradients, layout, given };
}

/** Float64 values of every tensor. */
export const reference = ({ nodes, given }: Experiment): Map<Tensor, Float64Array> => interpret(nodes, given);

/** Compiles an experiment and uploads its values. Gradients that are no parameter's are outputs of the program. */
export async function onDevice(
  memory: DeviceMemory,
  { graph, scalar, gradients, layout, given }: Experiment,
  choice: KernelChoice,
  options: CompileOptions = {},
): Promise<Executable> {
  const isTrained = ([{ role }]: [Tensor, Tensor]) => role === 'parameter';
  const others = [...gradients].filter((entry) => !isTrained(entry)).map(([{ name }, gradient]) => [name, gradient]);
  const program = compile(
    graph,
    { scalar, ...Object.fromEntries(others) },
    new Map([...gradients].filter(isTrained)),
    layout,
    {
      choice,
      chunkBytes: largestBinding(memory.gpu),
      maxStorageBuffers: memory.gpu.limits.maxStorageBuffersPerShaderStage,
      ...options,
    },
  );
  const flat = memory.flatBuffers(layout);
  for (const weight of program.weights) {
    const values = Float32Array.from(given.get(weight.name)!);
    memory.uploadWeight(weight.name, weight.dataType === 'f16' ? toFloat16Bits(values) : values);
  }
  flat.parameters.write(new Map([...given].map(([name, values]) => [name, Float32Array.from(values)])));
  const executable = await Executable.create(memory, program, flat);
  for (const input of program.inputs) {
    const value = given.get(input.name)!;
    executable.write(input.name, input.dataType === 'u32' ? Uint32Array.from(value) : Float32Array.from(value));
  }
  memory.setSeed(0);
  return executable;
}

/** Frees what `onDevice` allocated beside the memory's own. */
export function release(executable: Executable): void {
  executable.dispose();
  executable.flat.dispose();
}
