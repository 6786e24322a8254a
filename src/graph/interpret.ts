/** Runs a graph in float64 on the CPU, node by node, by the operations' own references: what the GPU is held against. */
import { elements, type Node, type Tensor } from './tensor';

/**
 * @param nodes in execution order
 * @param given values of inputs, weights and parameters by name
 * @returns the value of every tensor computed
 */
export function interpret(
  nodes: readonly Node[],
  given: ReadonlyMap<string, ArrayLike<number>>,
): Map<Tensor, Float64Array> {
  const computed = new Map<Tensor, Float64Array>();
  const values = (tensor: Tensor): Float64Array => {
    let value = computed.get(tensor);
    if (!value) {
      const source = given.get(tensor.name);
      if (!source) throw new Error(`interpret: no value for ${tensor.name}`);
      if (source.length !== elements(tensor.shape))
        throw new Error(`interpret: ${tensor.name} has ${source.length} values, its shape is [${tensor.shape}]`);
      computed.set(tensor, (value = Float64Array.from(source)));
    }
    return value;
  };
  for (const node of nodes)
    for (const [name, value] of Object.entries(node.operation.reference(node, values))) {
      const tensor = node.outputs[name];
      if (tensor && value) computed.set(tensor, value);
    }
  return computed;
}
