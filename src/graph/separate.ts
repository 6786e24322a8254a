/**
 * No kernel binds one place twice: WebGPU refuses two writable bindings of one range, and kernels bind nearly everything writable.
 * Where a node has a tensor, or parts of one that overlap, as two of its inputs, the second is copied before.
 */
import { copyOperation } from './ops/storage';
import { isView, overlap } from './order';
import { storageOf, tensorsOf, type Node, type Tensor } from './tensor';

/** A weight is bound read-only by some kernels' inputs and writable by others', which one dispatch cannot mix in one buffer. */
function conflict(a: Tensor, b: Tensor): boolean {
  const { base } = storageOf(a);
  return base === storageOf(b).base && (base.role === 'weight' || overlap(a, b));
}

/** A node that copies a tensor, in the part of the program that `reader` is in. */
export function copyNode(x: Tensor, reader: Pick<Node, 'segment' | 'backward'>): { node: Node; copy: Tensor } {
  if (x.dataType === 'f16') throw new Error(`${x.name}, packed as f16, is bound twice by one kernel`);
  const { id, shape, dataType } = x;
  const copy: Tensor = { id, name: `${x.name} copied`, shape, dataType, role: 'temporary' };
  const { segment, backward } = reader;
  const node: Node = {
    operation: copyOperation,
    inputs: { x },
    attributes: {},
    outputs: { y: copy },
    segment,
    backward,
  };
  return { node, copy };
}

/** @returns the nodes, with copies before those that need them */
export function separate(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => {
    if (isView(node)) return [node];
    // What is overwritten is bound where it is.
    const target = node.operation.sharing?.(node.attributes).input;
    const bound = tensorsOf({ target: target === undefined ? undefined : node.inputs[target] });
    const before: Node[] = [];
    const inputs = Object.entries(node.inputs).map(([name, tensor]) => {
      if (!tensor || name === target) return [name, tensor] as const;
      if (!bound.some((other) => conflict(tensor, other))) {
        bound.push(tensor);
        return [name, tensor] as const;
      }
      const made = copyNode(tensor, node);
      before.push(made.node);
      return [name, made.copy] as const;
    });
    return before.length ? [...before, { ...node, inputs: Object.fromEntries(inputs) }] : [node];
  });
}
