/**
 * Which nodes of a list run, and in what order: what nothing depends on is left out, producers come before consumers, and whoever
 * reads a tensor comes before the operation that overwrites it.
 */
import { elements, storageOf, tensorsOf, type Node, type Tensor } from './tensor';

/** The tensor that a node writes over an input, if it does. */
export function overwritten(node: Node): Tensor | undefined {
  return tensorsOf(node.outputs).find((output) => output.shares?.overwrites);
}

/** Whether a node only gives a part of a tensor a name: no kernel runs. */
export const isView = (node: Node): boolean =>
  tensorsOf(node.outputs).some((output) => output.shares?.overwrites === false);

/** Whether two tensors have a value in common, in storage. */
export function overlap(a: Tensor, b: Tensor): boolean {
  const [left, right] = [storageOf(a), storageOf(b)];
  return (
    left.base === right.base &&
    left.offset < right.offset + elements(b.shape) &&
    right.offset < left.offset + elements(a.shape)
  );
}

/** Whether a node changes what lives on after a run. */
function hasEffect(node: Node): boolean {
  const written = overwritten(node);
  return written !== undefined && ['state', 'parameter'].includes(storageOf(written).base.role);
}

/** Drops nodes that no root depends on, and optional outputs that nothing reads. Order is kept. */
export function removeDead(nodes: readonly Node[], roots: Iterable<Tensor>): Node[] {
  const needed = new Set<Tensor>(roots);
  const alive: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!hasEffect(node) && !tensorsOf(node.outputs).some((output) => needed.has(output))) continue;
    for (const input of tensorsOf(node.inputs)) needed.add(input);
    const { optionalOutputs = [] } = node.operation;
    const isDead = (name: string, tensor: Tensor | undefined) =>
      tensor !== undefined && optionalOutputs.includes(name) && !needed.has(tensor);
    const outputs = Object.entries(node.outputs);
    const kept = outputs.filter(([name, tensor]) => !isDead(name, tensor));
    alive.push(kept.length < outputs.length ? { ...node, outputs: Object.fromEntries(kept) } : node);
  }
  return alive.reverse();
}

/** Whether `tensor` is what `written` is, or comes from it by views and further writing. */
function isAfter(tensor: Tensor, written: Tensor): boolean {
  for (let at: Tensor | undefined = tensor; at; at = at.shares?.tensor) if (at === written) return true;
  return false;
}

/** Whether writing `written` takes away what was to be read as `tensor`. */
const spoils = (written: Tensor, tensor: Tensor) => overlap(written, tensor) && !isAfter(tensor, written);

/**
 * Producers before consumers, and readers of what is overwritten before the writer; otherwise in the given order.
 *
 * @param roots what is read after a run
 * @throws Error where something would be read after it was overwritten
 */
export function ordered(nodes: readonly Node[], roots: readonly Tensor[]): Node[] {
  const producers = new Map(nodes.flatMap((node) => tensorsOf(node.outputs).map((output) => [output, node])));
  const writers = nodes.filter((node) => overwritten(node));
  const readers = new Map(
    writers.map((writer) => {
      const written = overwritten(writer)!;
      const reads = (node: Node) => tensorsOf(node.inputs).some((input) => spoils(written, input));
      return [writer, nodes.filter((node) => node !== writer && !isView(node) && reads(node))];
    }),
  );
  const [begun, done] = [new Set<Node>(), new Set<Node>()];
  const out: Node[] = [];
  /** Writers that wait for a reader, the innermost last. */
  const waiting: { writer: Node; reader: Node }[] = [];
  const visit = (node: Node) => {
    if (done.has(node)) return;
    if (begun.has(node)) {
      // Values alone make no circle, so a writer is in it: the reader it waits for needs what it writes.
      const { writer, reader } = waiting.at(-1)!;
      throw new Error(`${overwrites(writer)}, which ${reader.operation.name} reads afterwards`);
    }
    begun.add(node);
    for (const input of tensorsOf(node.inputs)) {
      const producer = producers.get(input);
      if (producer) visit(producer);
    }
    for (const reader of readers.get(node) ?? []) {
      waiting.push({ writer: node, reader });
      visit(reader);
      waiting.pop();
    }
    done.add(node);
    out.push(node);
  };
  nodes.forEach(visit);

  for (const writer of writers) {
    const lost = roots.find((root) => spoils(overwritten(writer)!, root));
    if (lost) throw new Error(`${overwrites(writer)}, of which ${lost.name} is read after the run`);
  }
  return out;
}

const overwrites = (writer: Node) => `${writer.operation.name} overwrites ${storageOf(overwritten(writer)!).base.name}`;
