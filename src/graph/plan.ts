/**
 * From nodes to a program: kernels chosen, memory placed, work counted. Pure: no device is needed, so a dry run tells what a
 * run would take before anything is allocated.
 *
 * Temporaries live in one virtual arena, cut into chunks no larger than a buffer may be; a tensor's place is reused after
 * its last reader. WebGPU tracks usage per buffer, so kernels bind everything in the arena read-write.
 */
import { UserError } from '../errors';
import { align, alignment, defaultChunkBytes } from './chunks';
import { fuse } from './fuse';
import type { Graph } from './graph';
import type { LayoutEntry, ParameterLayout } from './parameter-layout';
import { byteLength, tensorsOf, type KernelCall, type KernelChoice, type Tensor } from './tensor';

export type Location =
  | { readonly space: 'arena' | 'parameters' | 'gradients'; readonly chunk: number; readonly offset: number }
  | { readonly space: 'weight' };

export interface PlannedCall extends KernelCall {
  readonly label: string;
  readonly bytes: number;
}

export interface Program {
  readonly calls: readonly PlannedCall[];
  readonly locations: ReadonlyMap<Tensor, Location>;
  readonly inputs: readonly Tensor[];
  readonly weights: readonly Tensor[];
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Bytes of each arena chunk that are used. */
  readonly arena: readonly number[];
  /** Floating-point operations of one run; bytes are each binding of each dispatch once. */
  readonly cost: { readonly flops: number; readonly bytes: number; readonly dispatches: number };
}

/** What a variant chooser answers where there is no device: the plain register kernel. */
export const defaultChoice: KernelChoice = {
  lanesPerRow: 1,
  attention: () => ({ own: 2, block: 4, workgroup: 4, quad: false }),
  linear: () => ({
    shader: 'linear',
    constants: { ROWS: 8, VECTORS: 1, THREADS_X: 8, THREADS_Y: 4 },
    tile: [32, 32],
  }),
};

class Arena {
  readonly #live: { start: number; end: number; until: number }[] = [];
  #top = 0;

  constructor(readonly chunkBytes: number) {}

  /** First gap that is free from `at` on and crosses no chunk boundary. */
  place(bytes: number, at: number, until: number): { chunk: number; offset: number } {
    const size = align(bytes);
    if (size > this.chunkBytes) {
      const [need, have] = [size, this.chunkBytes].map((value) => `${Math.ceil(value / 2 ** 20)} MiB`);
      throw new UserError(
        'model/too-large',
        `One tensor of this run needs ${need}, but this GPU allows ${have} in one piece; use a smaller batch, maxLength or model.`,
      );
    }
    for (let i = this.#live.length - 1; i >= 0; i--) if (this.#live[i]!.until < at) this.#live.splice(i, 1);
    const fit = (start: number) => {
      const left = this.chunkBytes - (start % this.chunkBytes);
      return size > left ? start + left : start;
    };
    let start = 0;
    for (const block of this.#live) {
      if (fit(start) + size <= block.start) break;
      start = Math.max(start, block.end);
    }
    start = fit(start);
    this.#live.push({ start, end: start + size, until });
    this.#live.sort((left, right) => left.start - right.start);
    this.#top = Math.max(this.#top, start + size);
    return { chunk: Math.floor(start / this.chunkBytes), offset: start % this.chunkBytes };
  }

  get chunks(): number[] {
    const full = Math.floor(this.#top / this.chunkBytes);
    const rest = this.#top % this.chunkBytes;
    return [...Array<number>(full).fill(this.chunkBytes), ...(rest ? [rest] : [])];
  }
}

/** Each tensor bound counts once, as far as the kernel touches it. */
function bytesOf({ bindings, partialBytes }: KernelCall): number {
  const touched = new Map<Tensor, number>();
  for (const [name, tensor] of Object.entries(bindings))
    if (tensor) touched.set(tensor, partialBytes?.[name] ?? byteLength(tensor));
  return [...touched.values()].reduce((total, bytes) => total + bytes, 0);
}

/**
 * @param outputs tensors that are read back after a run
 * @param gradients gradient of each parameter, from `differentiate`; they are written straight into the flat gradient buffer
 * @param options `chunkBytes`: the largest buffer (and binding) the device allows
 */
export function compile(
  graph: Graph,
  outputs: Readonly<Record<string, Tensor>>,
  gradients: ReadonlyMap<Tensor, Tensor>,
  layout: ParameterLayout,
  options: { choice?: KernelChoice; chunkBytes?: number } = {},
): Program {
  const choice = options.choice ?? defaultChoice;
  const nodes = fuse(graph, [...Object.values(outputs), ...gradients.values()]);

  const locations = new Map<Tensor, Location>();
  const placeOf = (parameter: Tensor): LayoutEntry => {
    const entry = layout.entries.get(parameter.name);
    if (!entry) throw new Error(`parameter ${parameter.name} has no place in the layout`);
    return entry;
  };
  for (const [parameter, gradient] of gradients) {
    if (locations.has(gradient)) throw new Error(`two parameters share the gradient ${gradient.name}`);
    locations.set(gradient, { space: 'gradients', ...placeOf(parameter) });
  }

  const lastUse = new Map<Tensor, number>();
  const used = new Set<Tensor>(Object.values(outputs));
  nodes.forEach((node, i) => tensorsOf(node.inputs).forEach((input) => (used.add(input), lastUse.set(input, i))));
  for (const output of Object.values(outputs)) lastUse.set(output, nodes.length);

  const arena = new Arena(Math.floor((options.chunkBytes ?? defaultChunkBytes) / alignment) * alignment);
  const inputs = graph.named('input').filter((tensor) => used.has(tensor));
  for (const input of inputs)
    locations.set(input, { space: 'arena', ...arena.place(byteLength(input), 0, nodes.length) });
  const weights = graph.named('weight').filter((tensor) => used.has(tensor));
  for (const weight of weights) locations.set(weight, { space: 'weight' });
  for (const parameter of graph.named('parameter'))
    locations.set(parameter, { space: 'parameters', ...placeOf(parameter) });

  const calls: PlannedCall[] = [];
  nodes.forEach((node, i) => {
    for (const output of tensorsOf(node.outputs))
      if (!locations.has(output))
        locations.set(output, { space: 'arena', ...arena.place(byteLength(output), i, lastUse.get(output) ?? i) });
    for (const call of node.operation.lower(node, choice))
      calls.push({ ...call, label: node.operation.name, bytes: bytesOf(call) });
  });
  const sum = (pick: (call: PlannedCall) => number) => calls.reduce((total, call) => total + pick(call), 0);
  return {
    calls,
    locations,
    inputs,
    weights,
    outputs,
    arena: arena.chunks,
    cost: { flops: sum((call) => call.flops), bytes: sum((call) => call.bytes), dispatches: calls.length },
  };
}
