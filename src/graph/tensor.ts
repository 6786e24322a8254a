/**
 * The nouns of the engine: tensors, nodes, and the operations that nodes apply.
 *
 * A model is traced into a list of nodes once per batch shape; nothing is computed while tracing. An operation tells everything
 * about itself in one object: its float64 reference, its vector-Jacobian product and the kernels it lowers to. Its type names its
 * inputs, attributes and outputs; a list of nodes holds operations of all types as plain `Node`s, and `applies` tells them apart.
 */
export type DataType = 'f32' | 'f16' | 'u32';

/**
 * Where a tensor lives: `input` is written before each run; `weight` is frozen and shared by all programs; `parameter` lives in
 * a method's flat trainable buffer; `state` keeps its values from one run to the next; `temporary` is placed in the arena by the
 * planner.
 */
export type TensorRole = 'input' | 'weight' | 'parameter' | 'state' | 'temporary';

export interface Tensor {
  readonly id: number;
  readonly name: string;
  /** Row-major. Activations are `[tokens, features]` with `tokens = batchSize * length`. */
  readonly shape: readonly number[];
  readonly dataType: DataType;
  readonly role: TensorRole;
  /** The value that every element has, where that is known while tracing. */
  readonly constant?: number;
  /** Set where the tensor lies in the storage of another. */
  readonly shares?: Sharing;
  /** Set for a frozen weight that is a block of rows, from `from` on, of a matrix too large for one binding. */
  readonly part?: { readonly of: string; readonly shape: readonly number[]; readonly from: number };
}

/**
 * How a tensor lies in another's storage: as a view that leaves it as it is, or as what an operation has written over it. What was
 * overwritten can be read no more: the compiler puts its other readers before, and refuses a graph in which that cannot be.
 */
export interface Sharing {
  readonly tensor: Tensor;
  /** Where it starts, in elements of the other. */
  readonly offset: number;
  readonly overwrites: boolean;
}

/** Tensors by name; an optional one may be missing or undefined. */
export type TensorMap = Readonly<Record<string, Tensor | undefined>>;

/** One value for each tensor of a map; where the tensor is optional, so is the value. */
export type ForEach<Tensors extends TensorMap, Value> = { readonly [Name in keyof Tensors]: Value };
/** The same, all optional. */
export type ForSome<Tensors extends TensorMap, Value> = { readonly [Name in keyof Tensors]?: Value | undefined };

/** An application of an operation. Passes that rewrite nodes (`fuse`) do so on copies. */
export interface Node<
  Inputs extends TensorMap = TensorMap,
  Attributes extends object = object,
  Outputs extends TensorMap = TensorMap,
> {
  readonly operation: Operation<Inputs, Attributes, Outputs>;
  inputs: Inputs;
  attributes: Attributes;
  outputs: Outputs;
  /** The part of the model, such as a layer, that recomputation takes as a whole; see `Graph.inSegment`. */
  readonly segment?: number | undefined;
  /** Whether `differentiate` appended it. */
  readonly backward: boolean;
}

/** One dispatch, by names: the shader's bindings to tensors, its `Params` fields to numbers. */
export interface KernelCall {
  /** File name in `shaders/`, without `.wgsl`. */
  readonly shader: string;
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly bindings: TensorMap;
  readonly params: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** Floating-point operations that this dispatch executes; an FMA counts two, a transcendental one. */
  readonly flops: number;
  /** Bytes that it touches of a binding that it reads only in part, by the binding's name; of all others, the whole. */
  readonly partialBytes?: Readonly<Record<string, number>>;
}

/** Reads a tensor's values in the float64 interpreter. */
export type Values = (tensor: Tensor) => Float64Array;

export interface Operation<
  Inputs extends TensorMap = TensorMap,
  Attributes extends object = object,
  Outputs extends TensorMap = TensorMap,
> {
  readonly name: string;
  /** Outputs without which the kernels run as well; unless something reads them, they are not stored. */
  readonly optionalOutputs?: readonly (keyof Outputs & string)[];
  /** Where one of its outputs lies in the storage of an input: see `Sharing`. */
  sharing?(attributes: Attributes): {
    readonly output: keyof Outputs & string;
    readonly input: keyof Inputs & string;
    readonly offset: number;
    readonly overwrites: boolean;
  };
  /** The mathematics, plainly, in float64: what every kernel is held against. Outputs of no mathematical meaning are left out. */
  reference(node: Node<Inputs, Attributes, Outputs>, values: Values): ForSome<Outputs, Float64Array>;
  /**
   * Given gradients of outputs (missing ones are zero, one at least is there), appends nodes to the graph and returns gradients of
   * those inputs for which `wanted` is true. An undefined gradient is zero; an input that the answer does not name has none that
   * this operation could compute, and asking for it is an error. Absent: the operation is not differentiable.
   */
  vjp?(
    graph: GraphBuilder,
    node: Node<Inputs, Attributes, Outputs>,
    gradients: ForSome<Outputs, Tensor>,
    wanted: (input: keyof Inputs & string) => boolean,
  ): ForSome<Inputs, Tensor>;
  lower(node: Node<Inputs, Attributes, Outputs>, choose: KernelChoice): KernelCall[];
}

/** Whether a node of any type applies this operation. */
export function applies<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
  node: Node,
  operation: Operation<Inputs, Attributes, Outputs>,
): node is Node<Inputs, Attributes, Outputs> {
  return node.operation === operation;
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
  /** @param outputs shape of each output @returns the node's outputs */
  apply<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
    operation: Operation<Inputs, Attributes, Outputs>,
    inputs: NoInfer<Inputs>,
    attributes: NoInfer<Attributes>,
    outputs: ForEach<NoInfer<Outputs>, readonly number[]>,
  ): Outputs;
  /** The same; returns the node itself, to which `addOutput` may add. */
  applyNode<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
    operation: Operation<Inputs, Attributes, Outputs>,
    inputs: NoInfer<Inputs>,
    attributes: NoInfer<Attributes>,
    outputs: ForEach<NoInfer<Outputs>, readonly number[]>,
  ): Node<Inputs, Attributes, Outputs>;
  /** An optional output of a node, added unless it is there: a value that only the backward pass needs. */
  addOutput<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
    node: Node<Inputs, Attributes, Outputs>,
    name: keyof Outputs & string,
    shape: readonly number[],
  ): Tensor;
}

/** The tensor whose storage this one lies in, by however many views, and where in it, in elements. */
export function storageOf(tensor: Tensor): { readonly base: Tensor; readonly offset: number } {
  let [base, offset] = [tensor, 0];
  while (base.shares) [base, offset] = [base.shares.tensor, offset + base.shares.offset];
  return { base, offset };
}

/** Some elements of a tensor, for a kernel that works on a tensor part by part; in the program they need no place of their own. */
export const part = (tensor: Tensor, offset: number, shape: readonly number[]): Tensor => ({
  ...tensor,
  shape,
  shares: { tensor, offset, overwrites: false },
});

/** Whether it is a frozen weight or a part of one: kernels bind these read-only. */
export const isFrozen = (tensor: Tensor): boolean => storageOf(tensor).base.role === 'weight';

/** What a shader must know of a weight to read it: see `shaders/weight.wgsl`. */
export const weightConstants = (weight: Tensor) => ({
  HALF_WEIGHTS: weight.dataType === 'f16',
  FROZEN_WEIGHT: isFrozen(weight),
});

/** The tensors that a map has. */
export function tensorsOf(map: TensorMap): Tensor[] {
  return Object.values(map).filter((tensor) => tensor !== undefined);
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The two sizes of a matrix. Throws an `Error` on any other shape. */
export function matrixShape({ name, shape }: Tensor): readonly [number, number] {
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined || shape.length !== 2)
    throw new Error(`${name} is [${shape}], not a matrix`);
  return [rows, columns];
}

export const bytesPerElement = ({ dataType }: Tensor): number => (dataType === 'f16' ? 2 : 4);

export function byteLength(tensor: Tensor): number {
  return elements(tensor.shape) * bytesPerElement(tensor);
}

/** WebGPU's limit on workgroups in one dimension, on every device. */
export const maxWorkgroups = 65_535;

/** At least `count` workgroups in two dimensions; kernels read `wid.y * groups.x + wid.x`. */
export function grid(count: number): [number, number, number] {
  const x = Math.min(Math.max(count, 1), maxWorkgroups);
  return [x, Math.ceil(Math.max(count, 1) / x), 1];
}
