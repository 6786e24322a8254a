/**
 * The nouns of the engine: tensors, nodes, and the operations that nodes apply.
 *
 * A model is traced into a list of nodes once per batch shape; nothing is computed while tracing. An operation tells everything
 * about itself in one object: its float64 reference, its vector-Jacobian product, the kernels it lowers to and its FLOPs.
 */
export type DataType = 'f32' | 'f16' | 'u32';

/**
 * Where a tensor lives: `input` is written before each run; `weight` is frozen and shared by all programs; `parameter` lives in
 * a method's flat trainable buffer; `temporary` is placed in the arena by the planner.
 */
export type TensorRole = 'input' | 'weight' | 'parameter' | 'temporary';

export interface Tensor {
  readonly id: number;
  readonly name: string;
  /** Row-major. Activations are `[tokens, features]` with `tokens = batchSize * length`. */
  readonly shape: readonly number[];
  readonly dataType: DataType;
  readonly role: TensorRole;
  /** True for parameters and for everything computed from one. */
  readonly requiresGradient: boolean;
  readonly producer?: Node;
}

export type Attributes = Readonly<Record<string, number | string | boolean | undefined>>;
export type TensorRecord = Readonly<Record<string, Tensor>>;

export interface Node {
  readonly operation: Operation;
  inputs: Record<string, Tensor>;
  attributes: Attributes;
  outputs: Record<string, Tensor>;
}

/** One dispatch, by names: the shader's bindings to tensors, its `Params` fields to numbers. */
export interface KernelCall {
  /** File name in `shaders/`, without `.wgsl`. */
  readonly shader: string;
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly bindings: TensorRecord;
  readonly params: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
}

/** Reads a tensor's values in the float64 interpreter. */
export type Values = (tensor: Tensor) => Float64Array;

export interface Operation {
  readonly name: string;
  /** The mathematics, plainly, in float64: what every kernel is held against. */
  reference(node: Node, values: Values): Record<string, Float64Array>;
  /**
   * Given gradients of outputs (missing ones are zero), appends nodes to the graph and returns gradients of those inputs
   * for which `wanted` is true. Absent: the operation is not differentiable.
   */
  vjp?(
    graph: GraphBuilder,
    node: Node,
    gradients: Record<string, Tensor | undefined>,
    wanted: (input: string) => boolean,
  ): Record<string, Tensor | undefined>;
  lower(node: Node, choose: KernelChoice): KernelCall[];
  /** Floating-point operations executed; an FMA counts two, a transcendental one. */
  flops(node: Node): number;
}

/** Which variant of a kernel family to use; answered by the autotuner, or by defaults where there is no device. */
export interface KernelChoice {
  linear(shape: LinearShape): LinearVariant;
  /** Threads that share one row in row-wise kernels: 1 suits software adapters, 32 or more a GPU. */
  readonly lanesPerRow: number;
  attention(shape: AttentionShape): AttentionVariant;
}

export interface AttentionShape {
  readonly headSize: number;
  readonly length: number;
}

export interface AttentionVariant {
  /** Queries (or keys, in their gradient) of one thread. */
  readonly own: number;
  /** Keys (or queries) it takes in one turn. */
  readonly block: number;
  /** Threads of a workgroup. */
  readonly workgroup: number;
  /** Whether its four threads share what they load. */
  readonly quad: boolean;
}

export interface LinearShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** `nk`: weight is `[out, in]` (a forward Linear); `kn`: `[in, out]`. */
  readonly layout: 'nk' | 'kn';
  readonly halfWeights: boolean;
}

export interface LinearVariant {
  readonly shader: string;
  readonly constants: Readonly<Record<string, number | boolean>>;
  /** Output rows and columns of one workgroup. */
  readonly tile: readonly [number, number];
}

/** What operations and models need of a graph while tracing. */
export interface GraphBuilder {
  apply(
    operation: Operation,
    inputs: Record<string, Tensor | undefined>,
    attributes: Attributes,
    outputs: Record<string, readonly number[]>,
  ): TensorRecord;
  /** Adds an output to a node after the fact: a value that only the backward pass needs. */
  addOutput(node: Node, name: string, shape: readonly number[]): Tensor;
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function byteLength(tensor: Tensor): number {
  return elements(tensor.shape) * (tensor.dataType === 'f16' ? 2 : 4);
}

/** A workgroup grid of at least `count` groups within WebGPU's 65,535 per dimension; kernels read `wid.y * groups.x + wid.x`. */
export function grid(count: number): [number, number, number] {
  const x = Math.min(Math.max(count, 1), 65_535);
  return [x, Math.ceil(Math.max(count, 1) / x), 1];
}
