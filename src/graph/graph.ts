/** Tracing: a `Graph` records the nodes that models, operations and `differentiate` apply, in order. */
import {
  tensorsOf,
  type DataType,
  type ForEach,
  type GraphBuilder,
  type Node,
  type Operation,
  type Tensor,
  type TensorMap,
  type TensorRole,
} from './tensor';

type Shape = readonly number[];

export class Graph implements GraphBuilder {
  readonly nodes: Node[] = [];
  readonly #named = new Map<string, Tensor>();
  #nextId = 0;

  #declare(role: TensorRole, name: string, shape: Shape, dataType: DataType): Tensor {
    const known = this.#named.get(name);
    if (known) {
      if (known.shape.join() !== shape.join()) throw new Error(`${name} traced as [${known.shape}] and [${shape}]`);
      return known;
    }
    const tensor: Tensor = { id: this.#nextId++, name, shape, dataType, role, requiresGradient: role === 'parameter' };
    this.#named.set(name, tensor);
    return tensor;
  }

  /** A tensor written before each run. The same name gives the same tensor. */
  input(name: string, shape: Shape, dataType: 'f32' | 'u32' = 'f32'): Tensor {
    return this.#declare('input', name, shape, dataType);
  }

  /** A frozen tensor. */
  weight(name: string, shape: Shape, dataType: 'f32' | 'f16' = 'f32'): Tensor {
    return this.#declare('weight', name, shape, dataType);
  }

  /** A trainable tensor. */
  parameter(name: string, shape: Shape): Tensor {
    return this.#declare('parameter', name, shape, 'f32');
  }

  /** Inputs, weights and parameters in the order they were first used. */
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
      shape ? [[name, this.#output(operation.name, name, shape, inputs)]] : [],
    );
    // The keys of `outputs` are those of `Outputs`; a record built from entries cannot say so.
    const node = { operation, inputs, attributes, outputs: Object.fromEntries(made) as Outputs };
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
    const tensor = this.#output(node.operation.name, name, shape, node.inputs);
    node.outputs = { ...node.outputs, [name]: tensor };
    return tensor;
  }

  #output(operation: string, name: string, shape: Shape, inputs: TensorMap): Tensor {
    const id = this.#nextId++;
    const requiresGradient = tensorsOf(inputs).some((input) => input.requiresGradient);
    return { id, name: `${operation}.${name}#${id}`, shape, dataType: 'f32', role: 'temporary', requiresGradient };
  }
}
