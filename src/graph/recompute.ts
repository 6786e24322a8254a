/**
 * Recomputation (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174): memory for time.
 *
 * What the backward pass reads of a segment, such as a layer, is computed a second time just before it is read, from what other
 * segments keep alive anyway: the segment's own inputs. Its other tensors then live only within the forward pass, and again within
 * its backward pass. Runs after fusion and repeats the very kernels, dropout masks included, so gradients are equal bit for bit.
 */
import { overwritten, removeDead } from './order';
import { storageOf, tensorsOf, type Node, type Tensor, type TensorMap } from './tensor';

/** A node that reads `replaced` instead; with `fresh` it is another one, whose outputs are added to `replaced`. */
function rewired(node: Node, replaced: Map<Tensor, Tensor>, fresh: boolean): Node {
  const instead = (tensor: Tensor) => replaced.get(tensor) ?? tensor;
  const map = (tensors: TensorMap, change: (tensor: Tensor) => Tensor): TensorMap =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor && change(tensor)]));
  const again = (tensor: Tensor): Tensor => {
    const { shares } = tensor;
    const whole = shares && instead(shares.tensor);
    if (!fresh && whole === shares?.tensor) return tensor;
    const copy = { ...tensor, ...(shares && whole && { shares: { ...shares, tensor: whole } }) };
    replaced.set(tensor, copy);
    return copy;
  };
  return { ...node, inputs: map(node.inputs, instead), outputs: map(node.outputs, again) };
}

/** @returns the nodes with one segment recomputed; undefined where that would spare nothing */
function recomputeSegment(nodes: readonly Node[], segment: number, roots: ReadonlySet<Tensor>): Node[] | undefined {
  const isInside = (node: Node) => !node.backward && node.segment === segment;
  const inside = nodes.filter(isInside);
  const written = new Set(nodes.flatMap((node) => overwritten(node) ?? []).map((tensor) => storageOf(tensor).base));
  // What is written over cannot be read again, nor written again.
  const isPinned = (node: Node) =>
    [...tensorsOf(node.inputs), ...tensorsOf(node.outputs)].some((tensor) => written.has(storageOf(tensor).base));
  const forward = nodes.filter((node) => !node.backward && !isInside(node));
  const kept = new Set([
    ...roots,
    ...forward.flatMap((node) => tensorsOf(node.inputs)),
    ...inside.filter(isPinned).flatMap((node) => tensorsOf(node.outputs)),
  ]);
  const again = new Set(inside.flatMap((node) => tensorsOf(node.outputs)).filter((tensor) => !kept.has(tensor)));
  const first = nodes.findIndex((node) => node.backward && tensorsOf(node.inputs).some((input) => again.has(input)));
  if (first < 0) return undefined;

  const wanted = new Set(
    nodes.flatMap((node) => (node.backward ? tensorsOf(node.inputs) : [])).filter((input) => again.has(input)),
  );
  const repeated: Node[] = [];
  for (const node of inside.reverse()) {
    if (!tensorsOf(node.outputs).some((output) => wanted.has(output))) continue;
    for (const input of tensorsOf(node.inputs)) if (again.has(input)) wanted.add(input);
    repeated.unshift(node);
  }
  const replaced = new Map<Tensor, Tensor>();
  // What is repeated belongs to the backward pass.
  const copies = repeated.map((node) => ({ ...rewired(node, replaced, true), segment: undefined, backward: true }));
  for (const tensor of kept) replaced.delete(tensor);
  return [
    ...nodes.slice(0, first),
    ...copies,
    ...nodes.slice(first).map((node) => (node.backward ? rewired(node, replaced, false) : node)),
  ];
}

/**
 * Recomputes segments from the first on, whose tensors wait longest for their backward pass.
 *
 * @param most number of segments to recompute at most
 * @returns the new list, and how many segments are recomputed
 */
export function recompute(
  nodes: readonly Node[],
  roots: readonly Tensor[],
  most: number,
): { nodes: readonly Node[]; segments: number } {
  const rootSet = new Set(roots);
  let [current, segments] = [nodes, 0];
  const numbers = new Set(nodes.flatMap((node) => (node.segment === undefined ? [] : [node.segment])));
  for (const segment of numbers) {
    if (segments >= most) break;
    const changed = recomputeSegment(current, segment, rootSet);
    if (changed) [current, segments] = [changed, segments + 1];
  }
  return { nodes: segments ? removeDead(current, roots) : nodes, segments };
}
