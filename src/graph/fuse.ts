/**
 * Fusion: fewer dispatches, fewer bytes, the same numbers.
 *
 * Runs after differentiation on the whole graph. What follows a matmul element by element moves into its epilogue:
 *
 *     activation(linear)                    → linear with `activation` (its input kept as `preactivation` where the backward needs it)
 *     activationGradient(linear, gate)      → linear with `gate`
 *     add(linear, linear of small rank)     → linear with the low-rank pair `u · v`
 *     add(linear, anything)                 → linear with `residual`
 */
import { linearOperation } from './ops/linear';
import type { Graph } from './graph';
import type { Node, Tensor } from './tensor';

/** A product over fewer than this many inner values is worth computing in another matmul's epilogue. */
const smallRank = 64;

type MutableTensor = { -readonly [key in keyof Tensor]: Tensor[key] };

/** Drops nodes and optional outputs that no root depends on. Order is kept. */
export function removeDead(nodes: readonly Node[], roots: Iterable<Tensor>): Node[] {
  const needed = new Set<Tensor>(roots);
  const alive: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!Object.values(node.outputs).some((output) => needed.has(output))) continue;
    for (const input of Object.values(node.inputs)) needed.add(input);
    alive.push(node);
  }
  return alive.reverse();
}

/** Producers before consumers, otherwise in the given order. */
function ordered(nodes: readonly Node[]): Node[] {
  const done = new Set<Node>();
  const out: Node[] = [];
  const visit = (node: Node) => {
    if (done.has(node)) return;
    done.add(node);
    for (const { producer } of Object.values(node.inputs)) if (producer) visit(producer);
    out.push(node);
  };
  nodes.forEach(visit);
  return out;
}

/** @returns the fused node list; nodes of `graph` are changed in place, so a graph is fused once */
export function fuse(graph: Graph, roots: readonly Tensor[]): Node[] {
  const nodes = removeDead(graph.nodes, roots);
  const consumers = new Map<Tensor, Set<Node>>();
  for (const node of nodes)
    for (const input of Object.values(node.inputs)) consumers.set(input, (consumers.get(input) ?? new Set()).add(node));
  const position = new Map(nodes.map((node, i) => [node, i]));
  const isRoot = new Set(roots);
  const removed = new Set<Node>();

  /** The linear node whose `y` is `tensor`, if sums can still join its epilogue; unless `shared`, only if one node reads it. */
  const open = (tensor: Tensor | undefined, shared = false): Node | undefined => {
    const node = tensor?.producer;
    if (!node || node.operation !== linearOperation || node.outputs['y'] !== tensor || isRoot.has(tensor))
      return undefined;
    if (!shared && consumers.get(tensor)!.size > 1) return undefined;
    const { activation, gateActivation } = node.attributes;
    return activation || gateActivation ? undefined : node;
  };
  /** The same, if it takes no residual yet, which comes after everything else. */
  const growable = (tensor: Tensor | undefined, shared = false): Node | undefined => {
    const node = open(tensor, shared);
    return node?.inputs['residual'] ? undefined : node;
  };
  const takeOver = (linear: Node, consumer: Node) => {
    const y = consumer.outputs['y']!;
    linear.outputs = { ...linear.outputs, y };
    (y as MutableTensor).producer = linear;
    removed.add(consumer);
  };
  const feed = (node: Node, name: string, tensor: Tensor, instead: Node) => {
    node.inputs = { ...node.inputs, [name]: tensor };
    consumers.get(tensor)!.delete(instead);
    consumers.get(tensor)!.add(node);
  };
  /** `pair` can be computed in the epilogue of `main`: a bare product over few inner values. */
  const isLowRank = (pair: Node | undefined, main: Node | undefined) => {
    if (!pair || !main || pair === main || main.inputs['u'] || main.inputs['columnScale']) return false;
    const bare = Object.keys(pair.inputs).length === 2 && Object.keys(pair.outputs).length === 1;
    return bare && pair.inputs['x']!.shape[1]! < Math.min(smallRank, main.inputs['x']!.shape[1]!);
  };

  for (const node of nodes) {
    const { a, b } = node.inputs;
    if (node.operation.name === 'activation') {
      const linear = growable(a, true);
      if (!linear) continue;
      linear.attributes = { ...linear.attributes, activation: node.attributes['kind'] };
      takeOver(linear, node);
      if (consumers.get(a!)!.size > 1) linear.outputs = { ...linear.outputs, preactivation: a! };
    } else if (node.operation.name === 'activationGradient') {
      const linear = growable(a);
      if (!linear) continue;
      linear.attributes = { ...linear.attributes, gateActivation: node.attributes['kind'] };
      feed(linear, 'gate', b!, node);
      takeOver(linear, node);
    } else if (node.operation.name === 'add' && a !== b) {
      const [left, right] = [growable(a), growable(b)];
      const [pair, main] = isLowRank(right, open(a))
        ? [right, open(a)]
        : isLowRank(left, open(b))
          ? [left, open(b)]
          : [];
      if (pair && main) {
        main.attributes = {
          ...main.attributes,
          lowRankLayout: pair.attributes['layout'],
          lowRankAlpha: pair.attributes['alpha'] ?? 1,
        };
        feed(main, 'u', pair.inputs['x']!, pair);
        feed(main, 'v', pair.inputs['weight']!, pair);
        removed.add(pair);
        takeOver(main, node);
      } else {
        const later = left && right ? (position.get(left)! > position.get(right)! ? left : right) : (left ?? right);
        if (!later) continue;
        feed(later, 'residual', later === left ? b! : a!, node);
        takeOver(later, node);
      }
    }
  }
  return ordered(nodes.filter((node) => !removed.has(node)));
}
