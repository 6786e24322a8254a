/**
 * Differentiation: walks the traced nodes backwards once and appends the backward pass to the same graph, only along paths that
 * reach a parameter: no gradient is computed for a frozen weight, nor below the lowest adapted layer.
 */
import type { Graph } from './graph';
import { add } from './ops/elementwise';
import { tensorsOf, type Tensor } from './tensor';

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
  for (const node of graph.nodes.toReversed()) {
    const given = Object.fromEntries(
      Object.entries(node.outputs).map(([name, tensor]) => [name, tensor && gradients.get(tensor)]),
    );
    const isLoss = tensorsOf(node.outputs).includes(loss);
    if (!isLoss && tensorsOf(given).length === 0) continue;
    if (!tensorsOf(node.inputs).some((input) => input.requiresGradient)) continue;
    if (!node.operation.vjp) throw new Error(`${node.operation.name} has no vector-Jacobian product`);
    const wanted = (input: string) => node.inputs[input]?.requiresGradient === true;
    for (const [name, gradient] of Object.entries(node.operation.vjp(graph, node, given, wanted))) {
      const input = node.inputs[name];
      if (input?.requiresGradient && gradient) accumulate(input, gradient);
    }
  }
  return new Map(
    graph.named('parameter').flatMap((parameter) => {
      const gradient = gradients.get(parameter);
      return gradient ? [[parameter, gradient] as const] : [];
    }),
  );
}
