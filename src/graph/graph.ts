/** Tracing: a `Graph` records the nodes that models, operations and `differentiate` apply, in order. */
import { alignment } from './chunks';
import { constantOperation } from './ops/elementwise';
import {
  bytesPerElement,
  elements,
  storageOf,
  type DataType,
  type ForEach,
  type GraphBuilder,
  type Node,
  type Operation,
  type Sharing,
  type Tensor,
  type TensorMap,
  type TensorRole,
} from './tensor';

type Shape = readonly number[];

export class Graph implements GraphBuilder {
  readonly nodes: Node[] = [];
  readonly #named = new Map<string, Tensor>();
  #nextId = 0;
  #segment: number | undefined;
  #backward = false;

  #declare(role: TensorRole, name: string, shape: Shape, dataType: DataType, part?: Tensor['part']): Tensor {
    const known = this.#named.get(name);
    if (known) {
      if (known.shape.join() !== shape.join()) throw new Error(`${name} traced as [${known.shape}] and [${shape}]`);
      return known;
    }
    const tensor: Tensor = { id: this.#nextId++, name, shape, dataType, role, ...(part && { part }) };
    this.#named.set(name, tensor);
    return tensor;
  }

  /** A tensor written before each run. The same name gives the same tensor. */
  input(name: string, shape: Shape, dataType: 'f32' | 'u32' = 'f32'): Tensor {
    return this.#declare('input', name, shape, dataType);
  }

  /** A frozen tensor, or some rows of one. */
  weight(name: string, shape: Shape, dataType: 'f32' | 'f16' = 'f32', part?: Tensor['part']): Tensor {
    return this.#declare('weight', name, shape, dataType, part);
  }

  /** A trainable tensor. */
  parameter(name: string, shape: Shape): Tensor {
    return this.#declare('parameter', name, shape, 'f32');
  }

  /** A tensor that keeps its values from one run to the next, zero before the first; programs of one owner share it by name. */
  state(name: string, shape: Shape, dataType: 'f32' | 'u32' = 'f32'): Tensor {
    return this.#declare('state', name, shape, dataType);
  }

  /** A tensor all of whose elements are `value`. */
  constant(value: number, shape: Shape): Tensor {
    const node = this.applyNode(constantOperation, {}, { value }, { y: shape });
    node.outputs = { y: { ...node.outputs.y, constant: value } };
    return node.outputs.y;
  }

  /** Runs `trace`; what it applies belongs to segment `segment`, such as a layer's number, which may be recomputed as a whole. */
  inSegment<Result>(segment: number, trace: () => Result): Result {
    const outer = this.#segment;
    this.#segment = segment;
    try {
      return trace();
    } finally {
      this.#segment = outer;
    }
  }

  /** Runs `trace`; what it applies belongs to the backward pass. */
  inBackward<Result>(trace: () => Result): Result {
    const outer = [this.#segment, this.#backward] as const;
    [this.#segment, this.#backward] = [undefined, true];
    try {
      return trace();
    } finally {
      [this.#segment, this.#backward] = outer;
    }
  }

  /** Inputs, weights, parameters and states in the order they were first used. */
  named(role: TensorRole): Tensor[] {
    return [...this.#named.values()].filter((tensor) => tensor.role === role);
  }

  apply<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
    operation: Operation<Inputs, Attributes, Outputs>,
    inputs: NoInfer<Inputs>,
    attributes: NoInfer<Attributes>,
    outputs: ForEach<NoInfer<Outputs>, Shape>,
  ): Outputs {
    return this.applyNode(operation, inputs, attributes, outputs).outputs;
  }

  applyNode<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
    operation: Operation<Inputs, Attributes, Outputs>,
    inputs: NoInfer<Inputs>,
    attributes: NoInfer<Attributes>,
    outputs: ForEach<NoInfer<Outputs>, Shape>,
  ): Node<Inputs, Attributes, Outputs> {
    const made = Object.entries<Shape | undefined>(outputs).flatMap(([name, shape]) =>
      shape ? [[name, this.#output(operation, name, shape, inputs, attributes)]] : [],
    );
    const node = {
      operation,
      inputs,
      attributes,
      // The keys of `outputs` are those of `Outputs`; a record built from entries cannot say so.
      outputs: Object.fromEntries(made) as Outputs,
      segment: this.#segment,
      backward: this.#backward,
    };
    this.nodes.push(node);
    return node;
  }

  addOutput<Inputs extends TensorMap, Attributes extends object, Outputs extends TensorMap>(
    node: Node<Inputs, Attributes, Outputs>,
    name: keyof Outputs & string,
    shape: Shape,
  ): Tensor {
    const known = node.outputs[name];
    if (known) return known;
    const tensor = this.#output(node.operation, name, shape, node.inputs, node.attributes);
    node.outputs = { ...node.outputs, [name]: tensor };
    return tensor;
  }

  #output(operation: Operation, name: string, shape: Shape, inputs: TensorMap, attributes: object): Tensor {
    const id = this.#nextId++;
    const output: Tensor = { id, name: `${operation.name}.${name}#${id}`, shape, dataType: 'f32', role: 'temporary' };
    const sharing = operation.sharing?.(attributes);
    const tensor = sharing?.output === name ? inputs[sharing.input] : undefined;
    if (!sharing || !tensor) return output;
    const { offset, overwrites } = sharing;
    const shared = { ...output, dataType: tensor.dataType, shares: { tensor, offset, overwrites } };
    assertShareable(shared, operation.name);
    return shared;
  }
}

function assertShareable(tensor: Tensor & { readonly shares: Sharing }, operation: string): void {
  const { tensor: whole, offset, overwrites } = tensor.shares;
  if (offset < 0 || offset + elements(tensor.shape) > elements(whole.shape))
    throw new Error(
      `${operation}: [${tensor.shape}] from element ${offset} reaches beyond ${whole.name} [${whole.shape}]`,
    );
  const { base, offset: start } = storageOf(tensor);
  const bytes = start * bytesPerElement(base);
  if (bytes % alignment)
    throw new Error(
      `${operation}: element ${offset} of ${whole.name} is byte ${bytes} of its storage, not a multiple of ${alignment}`,
    );
  if (overwrites && base.role === 'weight')
    throw new Error(
      `${operation}: ${base.name} is a frozen weight, which all programs share, and cannot be overwritten`,
    );
}
