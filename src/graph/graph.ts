/**
 * Tracing and differentiation.
 *
 * `Graph` records nodes; `differentiate` walks them backwards once and appends the backward pass to the same list, only along
 * paths that reach a parameter: no gradient is computed for a frozen weight, nor below the lowest adapted layer.
 */
import { add } from './ops/elementwise';
import type { Attributes, DataType, GraphBuilder, Node, Operation, Tensor, TensorRecord, TensorRole } from './tensor';

export class Graph implements GraphBuilder {
  readonly nodes: Node[] = [];
  readonly #named = new Map<string, Tensor>();
  #nextId = 0;

  #named_(role: TensorRole, name: string, shape: readonly number[], dataType: DataType): Tensor {
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
  input(name: string, shape: readonly number[], dataType: 'f32' | 'u32' = 'f32'): Tensor {
    return this.#named_('input', name, shape, dataType);
  }

  /** A frozen tensor. */
  weight(name: string, shape: readonly number[], dataType: 'f32' | 'f16' = 'f32'): Tensor {
    return this.#named_('weight', name, shape, dataType);
  }

  /** A trainable tensor. */
  parameter(name: string, shape: readonly number[]): Tensor {
    return this.#named_('parameter', name, shape, 'f32');
  }

  /** Inputs, weights and parameters in the order they were first used. */
  named(role: TensorRole): Tensor[] {
    return [...this.#named.values()].filter((tensor) => tensor.role === role);
  }

  apply(
    operation: Operation,
    inputs: Record<string, Tensor | undefined>,
    attributes: Attributes,
    outputs: Record<string, readonly number[]>,
  ): TensorRecord {
    const present = Object.fromEntries(
      Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] !== undefined),
    );
    const node: Node = { operation, inputs: present, attributes, outputs: {} };
    for (const [name, shape] of Object.entries(outputs)) this.addOutput(node, name, shape);
    this.nodes.push(node);
    return node.outputs;
  }

  addOutput(node: Node, name: string, shape: readonly number[]): Tensor {
    const id = this.#nextId++;
    const requiresGradient = Object.values(node.inputs).some((input) => input.requiresGradient);
    return (node.outputs[name] = {
      id,
      name: `${node.operation.name}.${name}#${id}`,
      shape,
      dataType: 'f32',
      role: 'temporary',
      requiresGradient,
      producer: node,
    });
  }
}

/**
 * Appends the backward pass of a scalar loss.
 *
 * @param loss `[1]`, the output of a loss operation
 * @returns the gradient of every parameter that the loss depends on, each of its parameter's shape
 */
export function differentiate(graph: Graph, loss: Tensor): Map<Tensor, Tensor> {
  const gradients = new Map<Tensor, Tensor>();
  const accumulate = (tensor: Tensor, contribution: Tensor) => {
    const known = gradients.get(tensor);
    gradients.set(tensor, known ? add(graph, known, contribution) : contribution);
  };
  const forward = [...graph.nodes];
  for (const node of forward.reverse()) {
    const given = Object.fromEntries(
      Object.entries(node.outputs).map(([name, tensor]) => [name, gradients.get(tensor)]),
    );
    const isLoss = node === loss.producer;
    if (!isLoss && Object.values(given).every((gradient) => gradient === undefined)) continue;
    if (!Object.values(node.inputs).some((input) => input.requiresGradient)) continue;
    if (!node.operation.vjp) throw new Error(`${node.operation.name} has no vector-Jacobian product`);
    const wanted = (input: string) => node.inputs[input]?.requiresGradient === true;
    for (const [input, gradient] of Object.entries(node.operation.vjp(graph, node, given, wanted)))
      if (gradient && wanted(input)) accumulate(node.inputs[input]!, gradient);
  }
  return new Map(
    graph.named('parameter').flatMap((parameter) => {
      const gradient = gradients.get(parameter);
      return gradient ? [[parameter, gradient] as const] : [];
    }),
  );
}
