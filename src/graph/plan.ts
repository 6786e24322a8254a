/**
 * From nodes to a program: kernels chosen, memory placed, work counted. Pure: no device is needed, so a dry run tells what a
 * run would take before anything is allocated.
 *
 * Passes over the traced nodes, each of which leaves the graph as it is: `fuse`, `recompute`, `separate`, `ordered`. WebGPU tracks
 * usage per buffer, so kernels bind everything in the arena read-write.
 */
import { Arena } from './arena';
import { alignment, defaultChunkBytes } from './chunks';
import { defaultMaxStorageBuffers, fuse } from './fuse';
import type { Graph } from './graph';
import { ordered } from './order';
import type { ParameterLayout } from './parameter-layout';
import { recompute } from './recompute';
import { copyNode, separate } from './separate';
import {
  byteLength,
  bytesPerElement,
  maxWorkgroups,
  storageOf,
  tensorsOf,
  type KernelCall,
  type KernelChoice,
  type Node,
  type Tensor,
} from './tensor';

export type Location =
  | { readonly space: 'arena' | 'parameters' | 'gradients'; readonly chunk: number; readonly offset: number }
  /** A buffer of its own, by name. */
  | { readonly space: 'weight' | 'state'; readonly name: string; readonly offset: number };

export interface PlannedCall extends KernelCall {
  readonly label: string;
  readonly bytes: number;
}

export interface Program {
  readonly calls: readonly PlannedCall[];
  readonly locations: ReadonlyMap<Tensor, Location>;
  readonly inputs: readonly Tensor[];
  readonly weights: readonly Tensor[];
  /** What keeps its values from run to run; see `States`. */
  readonly states: readonly Tensor[];
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Bytes of each arena chunk that are used. */
  readonly arena: readonly number[];
  /** Segments, such as layers, whose tensors are computed again for the backward pass. */
  readonly recomputedSegments: number;
  /** Floating-point operations of one run; bytes are each binding of each dispatch once. */
  readonly cost: { readonly flops: number; readonly bytes: number; readonly dispatches: number };
}

export interface CompileOptions {
  readonly choice?: KernelChoice;
  /** The largest buffer (and binding) the device allows. */
  readonly chunkBytes?: number;
  /** Storage buffers that one dispatch may bind on the device; by default what every device allows. */
  readonly maxStorageBuffers?: number;
  /**
   * Recompute activations: all segments that it spares memory in, that many of them, or (`auto`, the default) as few as make the arena
   * fit `budgetBytes`; where none do, as many as make it smallest.
   */
  readonly gradientCheckpointing?: boolean | number | 'auto';
  /** Bytes that the arena may take; by default it may take any. */
  readonly budgetBytes?: number;
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

const total = (numbers: readonly number[]) => numbers.reduce((sum, value) => sum + value, 0);

/** Each tensor bound counts once, as far as the kernel touches it. */
function bytesOf({ bindings, partialBytes }: KernelCall): number {
  const touched = new Map<Tensor, number>();
  for (const [name, tensor] of Object.entries(bindings))
    if (tensor) touched.set(tensor, partialBytes?.[name] ?? byteLength(tensor));
  return total([...touched.values()]);
}

/** A program's nodes and where its tensors lie. */
interface Placement {
  readonly nodes: readonly Node[];
  readonly locations: ReadonlyMap<Tensor, Location>;
  readonly named: Readonly<Record<'input' | 'weight' | 'state', readonly Tensor[]>>;
  readonly arena: readonly number[];
}

/** Everything that placing needs beside the nodes. */
interface Frame {
  readonly graph: Graph;
  readonly outputs: readonly Tensor[];
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  readonly layout: ParameterLayout;
  readonly chunkBytes: number;
}

/**
 * Where each parameter's gradient is written: in the flat buffer directly, where a kernel makes it and no other parameter shares it, else
 * by a copy.
 */
function gradientNodes(nodes: readonly Node[], gradients: ReadonlyMap<Tensor, Tensor>) {
  const free = new Set(nodes.flatMap((node) => tensorsOf(node.outputs)).filter((tensor) => !tensor.shares));
  const places = new Map<Tensor, Tensor>();
  const copies: Node[] = [];
  for (const [parameter, gradient] of gradients) {
    if (free.delete(gradient)) {
      places.set(gradient, parameter);
      continue;
    }
    const { node, copy } = copyNode(gradient, { segment: undefined, backward: true });
    copies.push(node);
    places.set(copy, parameter);
  }
  return { nodes: [...nodes, ...copies], places };
}

function place(given: readonly Node[], { graph, outputs, gradients, layout, chunkBytes }: Frame): Placement {
  const { nodes, places } = gradientNodes(given, gradients);
  const placeOf = ({ name }: Tensor) => {
    const entry = layout.entries.get(name);
    if (!entry) throw new Error(`parameter ${name} has no place in the layout`);
    return entry;
  };
  const lastUse = new Map<Tensor, number>();
  nodes.forEach((node, i) => tensorsOf(node.inputs).forEach((input) => lastUse.set(storageOf(input).base, i)));
  for (const output of outputs) lastUse.set(storageOf(output).base, nodes.length);

  const locations = new Map<Tensor, Location>();
  const arena = new Arena(Math.floor(chunkBytes / alignment) * alignment);
  const used = (role: 'input' | 'weight' | 'state') => graph.named(role).filter((tensor) => lastUse.has(tensor));
  const named = { input: used('input'), weight: used('weight'), state: used('state') };
  for (const input of named.input)
    locations.set(input, { space: 'arena', ...arena.place(byteLength(input), 0, nodes.length) });
  for (const space of ['weight', 'state'] as const)
    for (const tensor of named[space]) locations.set(tensor, { space, name: tensor.name, offset: 0 });
  for (const parameter of graph.named('parameter'))
    locations.set(parameter, { space: 'parameters', ...placeOf(parameter) });
  for (const [gradient, parameter] of places) locations.set(gradient, { space: 'gradients', ...placeOf(parameter) });

  nodes.forEach((node, i) => {
    for (const output of tensorsOf(node.outputs)) {
      const { base, offset } = storageOf(output);
      const whole = locations.get(base);
      if (output !== base && whole)
        locations.set(output, { ...whole, offset: whole.offset + offset * bytesPerElement(base) });
      else if (!whole)
        locations.set(output, { space: 'arena', ...arena.place(byteLength(output), i, lastUse.get(output) ?? i) });
    }
  });
  return { nodes, locations, named, arena: arena.chunks };
}

/** Segments to recompute at most; `auto` starts without. */
function atMost(setting: boolean | number | 'auto'): number {
  if (typeof setting === 'number') return setting;
  return setting === true ? Infinity : 0;
}

function assertRuns({ shader, bindings, workgroups }: KernelCall, operation: string, maxStorageBuffers: number): void {
  const count = tensorsOf(bindings).length;
  if (count > maxStorageBuffers)
    throw new Error(`${operation} (${shader}) binds ${count} storage buffers; this device allows ${maxStorageBuffers}`);
  if (workgroups.some((size) => size > maxWorkgroups))
    throw new Error(
      `${operation} (${shader}) dispatches [${workgroups}] workgroups; a dimension ends at ${maxWorkgroups}`,
    );
}

/**
 * Compiles a graph, which stays as it is and may be compiled again.
 *
 * @param outputs tensors that are read back after a run
 * @param gradients gradient of each parameter, from `differentiate`; they are written straight into the flat gradient buffer
 */
export function compile(
  graph: Graph,
  outputs: Readonly<Record<string, Tensor>>,
  gradients: ReadonlyMap<Tensor, Tensor>,
  layout: ParameterLayout,
  options: CompileOptions = {},
): Program {
  const {
    choice = defaultChoice,
    chunkBytes = defaultChunkBytes,
    maxStorageBuffers = defaultMaxStorageBuffers,
    gradientCheckpointing = 'auto',
    budgetBytes = Infinity,
  } = options;
  const roots = [...Object.values(outputs), ...gradients.values()];
  const fused = fuse(graph.nodes, roots, maxStorageBuffers);
  const attempt = (most: number) => {
    const { nodes, segments } = recompute(fused, roots, most);
    const placement = place(ordered(separate(nodes), roots), {
      graph,
      outputs: Object.values(outputs),
      gradients,
      layout,
      chunkBytes,
    });
    return { ...placement, segments, bytes: total(placement.arena) };
  };
  let best = attempt(atMost(gradientCheckpointing));
  if (gradientCheckpointing === 'auto' && best.bytes > budgetBytes) {
    const all = attempt(Infinity);
    // The last segment is used at once, so that keeping it may take less.
    for (const tried of [all, attempt(all.segments - 1)]) if (tried.bytes < best.bytes) best = tried;
    // Every other one makes the arena smaller: the fewest that fit are found by halving.
    for (let tooFew = 0; best.bytes <= budgetBytes && best.segments - tooFew > 1;) {
      const half = attempt((tooFew + best.segments) >> 1);
      if (half.bytes <= budgetBytes) best = half;
      else tooFew = (tooFew + best.segments) >> 1;
    }
  }

  const calls = best.nodes.flatMap((node) =>
    node.operation.lower(node, choice).map((call): PlannedCall => {
      assertRuns(call, node.operation.name, maxStorageBuffers);
      return { ...call, label: node.operation.name, bytes: bytesOf(call) };
    }),
  );
  return {
    calls,
    locations: best.locations,
    inputs: best.named.input,
    weights: best.named.weight,
    states: best.named.state,
    outputs,
    arena: best.arena,
    recomputedSegments: best.segments,
    cost: {
      flops: total(calls.map((call) => call.flops)),
      bytes: total(calls.map((call) => call.bytes)),
      dispatches: calls.length,
    },
  };
}
