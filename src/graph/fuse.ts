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
import { activationGradientOperation, activationOperation, addOperation } from './ops/elementwise';
import { linearOperation, type LinearNode } from './ops/linear';
import { ordered, removeDead } from './order';
import { applies, matrixShape, tensorsOf, type Node, type Tensor } from './tensor';

/** A product over fewer than this many inner values is worth computing in another matmul's epilogue. */
const smallRank = 64;

/** Storage buffers that a shader stage may bind on every WebGPU device. */
export const defaultMaxStorageBuffers = 8;

/** Every input and output of a linear node is one binding. */
const bindings = (node: LinearNode) => tensorsOf(node.inputs).length + tensorsOf(node.outputs).length;

/** Whether two nodes run in the same part of the program; recomputation moves such parts as a whole. */
const together = (a: Node, b: Node) => a.segment === b.segment && a.backward === b.backward;

/**
 * @param maxStorageBuffers a node is never given more bindings than this by fusion
 * @returns the fused node list; the nodes given stay as they are
 */
export function fuse(
  traced: readonly Node[],
  roots: readonly Tensor[],
  maxStorageBuffers = defaultMaxStorageBuffers,
): Node[] {
  const nodes = removeDead(traced, roots).map((node) => ({ ...node }));
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
  const hasRoom = (node: LinearNode, more: number) => bindings(node) + more <= maxStorageBuffers;
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
    return bare && together(pair, main) && hasRoom(main, 2) && inner(pair) < Math.min(smallRank, inner(main));
  };

  for (const node of nodes) {
    if (applies(node, activationOperation)) {
      const { a } = node.inputs;
      const linear = growable(a, true);
      const isShared = consumersOf(a).size > 1;
      if (!linear || !together(linear, node) || !hasRoom(linear, isShared ? 1 : 0)) continue;
      linear.attributes = { ...linear.attributes, activation: node.attributes.kind };
      takeOver(linear, node, node.outputs.y);
      if (isShared) linear.outputs = { ...linear.outputs, preactivation: a };
    } else if (applies(node, activationGradientOperation)) {
      const { a, b } = node.inputs;
      const linear = growable(a);
      if (!linear || !together(linear, node) || !hasRoom(linear, 1)) continue;
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
      if (pair && main && together(main, node)) {
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
        if (!later || !together(later, node) || !hasRoom(later, 1)) continue;
        feed(later, 'residual', later === left ? b : a, node);
        takeOver(later, node, node.outputs.y);
      }
    }
  }
  return ordered(
    nodes.filter((node) => !removed.has(node)),
    roots,
  );
}
