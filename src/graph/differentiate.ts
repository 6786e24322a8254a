/**
 * Differentiation: walks the traced nodes backwards once and appends the backward pass to the same graph, only along paths that
 * reach a tensor asked for: no gradient is computed for a frozen weight, nor below the lowest adapted layer.
 */
import type { Graph } from './graph';
import { add } from './ops/elementwise';
import { elements, tensorsOf, type Tensor } from './tensor';

export interface DifferentiateOptions {
  /** What gradients are wanted of: parameters, inputs, weights or anything computed. By default all parameters. */
  readonly withRespectTo?: readonly Tensor[];
  /** Gradient of `of`, in its shape; by default 1, for which `of` must be a scalar. */
  readonly seed?: Tensor;
}

/**
 * Appends the backward pass of a tensor.
 *
 * @returns the gradient of every tensor asked for that `of` depends on, each of that tensor's shape
 * @throws Error where an operation on the way cannot be differentiated; it names the operation and the input
 */
export function differentiate(graph: Graph, of: Tensor, options: DifferentiateOptions = {}): Map<Tensor, Tensor> {
  const targets = options.withRespectTo ?? graph.named('parameter');
  const { seed } = options;
  if (!seed && elements(of.shape) !== 1)
    throw new Error(`differentiate: ${of.name} is [${of.shape}], no scalar: it needs a seed`);
  if (seed && seed.shape.join() !== of.shape.join())
    throw new Error(`differentiate: the seed is [${seed.shape}], ${of.name} is [${of.shape}]`);

  /** The targets and everything computed from one. */
  const active = new Set<Tensor>(targets);
  const nodes = [...graph.nodes];
  for (const node of nodes)
    if (tensorsOf(node.inputs).some((input) => active.has(input)))
      for (const output of tensorsOf(node.outputs)) active.add(output);
  if (!active.has(of)) return new Map();

  return graph.inBackward(() => {
    const gradients = new Map<Tensor, Tensor>([[of, seed ?? graph.constant(1, of.shape)]]);
    for (const node of nodes.reverse()) {
      const given = Object.fromEntries(
        Object.entries(node.outputs).map(([name, output]) => [name, output && gradients.get(output)]),
      );
      if (tensorsOf(given).length === 0) continue;
      const wanted = Object.entries(node.inputs).flatMap(([name, input]) =>
        input && active.has(input) ? [{ name, input }] : [],
      );
      if (!wanted.length) continue;
      const { name: operation } = node.operation;
      if (!node.operation.vjp) throw new Error(`${operation} cannot be differentiated`);
      const names = new Set(wanted.map(({ name }) => name));
      const found = node.operation.vjp(graph, node, given, (name) => names.has(name));
      for (const { name, input } of wanted) {
        if (!(name in found)) throw new Error(`${operation} cannot be differentiated in its ${name}, ${input.name}`);
        const [known, contribution] = [gradients.get(input), found[name]];
        if (contribution) gradients.set(input, known ? add(graph, known, contribution) : contribution);
      }
    }
    return new Map(
      targets.flatMap((target) => {
        const gradient = gradients.get(target);
        return gradient ? [[target, gradient] as const] : [];
      }),
    );
  });
}
