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
import type { Graph } from './graph';
import { activationGradientOperation, activationOperation, addOperation } from './ops/elementwise';
import { linearOperation, type LinearNode } from './ops/linear';
import { applies, matrixShape, tensorsOf, type Node, type Tensor } from './tensor';

/** A product over fewer than this many inner values is worth computing in another matmul's epilogue. */
const smallRank = 64;

/** Drops nodes that no root depends on. Order is kept. */
export function removeDead(nodes: readonly Node[], roots: Iterable<Tensor>): Node[] {
  const needed = new Set<Tensor>(roots);
  const alive: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!tensorsOf(node.outputs).some((output) => needed.has(output))) continue;
    for (const input of tensorsOf(node.inputs)) needed.add(input);
    alive.push(node);
  }
  return alive.reverse();
}

/** Producers before consumers, otherwise in the given order. */
function ordered(nodes: readonly Node[]): Node[] {
  const producers = new Map(nodes.flatMap((node) => tensorsOf(node.outputs).map((output) => [output, node])));
  const done = new Set<Node>();
  const out: Node[] = [];
  const visit = (node: Node) => {
    if (done.has(node)) return;
    done.add(node);
    for (const input of tensorsOf(node.inputs)) {
      const producer = producers.get(input);
      if (producer) visit(producer);
    }
    out.push(node);
  };
  nodes.forEach(visit);
  return out;
}

/** @returns the fused node list; the graph stays as it was traced */
export function fuse(graph: Graph, roots: readonly Tensor[]): Node[] {
  const nodes = removeDead(graph.nodes, roots).map((node) => ({ ...node }));
  const position = new Map<Node, number>(nodes.map((node, i) => [node, i]));
  const producers = new Map<Tensor, Node>();
  const consumers = new Map<Tensor, Set<Node>>();
  const consumersOf = (tensor: Tensor) => {
    let known = consumers.get(tensor);
    if (!known) consumers.set(tensor, (known = new Set()));
    return known;
  };
  for (const node of nodes) {
    for (const input of tensorsOf(node.inputs)) consumersOf(input).add(node);
    for (const output of tensorsOf(node.outputs)) producers.set(output, node);
  }
  const isRoot = new Set(roots);
  const removed = new Set<Node>();

  /** The linear node whose `y` is `tensor`, if sums can still join its epilogue; unless `shared`, only if one node reads it. */
  const open = (tensor: Tensor, shared = false): LinearNode | undefined => {
    const node = producers.get(tensor);
    if (!node || !applies(node, linearOperation) || node.outputs.y !== tensor || isRoot.has(tensor)) return undefined;
    if (!shared && consumersOf(tensor).size > 1) return undefined;
    const { activation, gateActivation } = node.attributes;
    return activation || gateActivation ? undefined : node;
  };
  /** The same, if it takes no residual yet, which comes after everything else. */
  const growable = (tensor: Tensor, shared = false): LinearNode | undefined => {
    const node = open(tensor, shared);
    return node?.inputs.residual ? undefined : node;
  };
  const takeOver = (linear: LinearNode, consumer: Node, y: Tensor) => {
    linear.outputs = { ...linear.outputs, y };
    producers.set(y, linear);
    removed.add(consumer);
  };
  const feed = (node: LinearNode, name: 'gate' | 'residual' | 'u' | 'v', tensor: Tensor, instead: Node) => {
    node.inputs = { ...node.inputs, [name]: tensor };
    consumersOf(tensor).delete(instead);
    consumersOf(tensor).add(node);
  };
  /** `pair` can be computed in the epilogue of `main`: a bare product over few inner values. */
  const isLowRank = (pair: LinearNode | undefined, main: LinearNode | undefined): boolean => {
    if (!pair || !main || pair === main || main.inputs.u || main.inputs.columnScale) return false;
    const bare = tensorsOf(pair.inputs).length === 2 && tensorsOf(pair.outputs).length === 1;
    const inner = ({ inputs }: LinearNode) => matrixShape(inputs.x)[1];
    return bare && inner(pair) < Math.min(smallRank, inner(main));
  };

  for (const node of nodes) {
    if (applies(node, activationOperation)) {
      const { a } = node.inputs;
      const linear = growable(a, true);
      if (!linear) continue;
      linear.attributes = { ...linear.attributes, activation: node.attributes.kind };
      takeOver(linear, node, node.outputs.y);
      if (consumersOf(a).size > 1) linear.outputs = { ...linear.outputs, preactivation: a };
    } else if (applies(node, activationGradientOperation)) {
      const { a, b } = node.inputs;
      const linear = growable(a);
      if (!linear) continue;
      linear.attributes = { ...linear.attributes, gateActivation: node.attributes.kind };
      feed(linear, 'gate', b, node);
      takeOver(linear, node, node.outputs.y);
    } else if (applies(node, addOperation) && node.inputs.a !== node.inputs.b) {
      const { a, b } = node.inputs;
      const [left, right] = [growable(a), growable(b)];
      const [openLeft, openRight] = [open(a), open(b)];
      const [pair, main] = isLowRank(right, openLeft)
        ? [right, openLeft]
        : isLowRank(left, openRight)
          ? [left, openRight]
          : [];
      if (pair && main) {
        main.attributes = {
          ...main.attributes,
          lowRankLayout: pair.attributes.layout,
          lowRankAlpha: pair.attributes.alpha ?? 1,
        };
        feed(main, 'u', pair.inputs.x, pair);
        feed(main, 'v', pair.inputs.weight, pair);
        removed.add(pair);
        takeOver(main, node, node.outputs.y);
      } else {
        const later = left && right ? (position.get(left)! > position.get(right)! ? left : right) : (left ?? right);
        if (!later) continue;
        feed(later, 'residual', later === left ? b : a, node);
        takeOver(later, node, node.outputs.y);
      }
    }
  }
  return ordered(nodes.filter((node) => !removed.has(node)));
}
