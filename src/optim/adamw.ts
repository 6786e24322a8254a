/**
 * AdamW with decoupled weight decay and global-norm clipping on a method's flat buffers: two dispatches a chunk and one for the
 * norm of all of them, however many tensors train (`shaders/sum-squares.wgsl`, `clip.wgsl`, `adamw.wgsl`).
 *
 * The gradient norm never travels to the CPU before the update. A norm that is not finite halts all further updates on the
 * device itself, so the parameters stay those of the last good step however late the CPU learns of it.
 */
import type { Dispatch } from '../gpu/commands';
import { packParams, type Pipeline } from '../gpu/shader';
import type { DeviceMemory } from '../graph/executable';
import { alignment } from '../graph/chunks';
import { FlatBuffer, type FlatBuffers, type TensorValues } from '../graph/flat-buffers';
import type { ParameterLayout } from '../graph/parameter-layout';
import { elements, grid } from '../graph/tensor';

export interface AdamWSettings {
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  /** Micro-batches per update. */
  readonly gradientAccumulation: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** What decay does to one tensor: `p -= lr · weightDecay · (p - target)`. */
export interface Decay {
  readonly weightDecay: number;
  readonly target: number;
}

/** Everything a resumed run needs: updates done, parameters and moments. */
export interface AdamWSnapshot {
  readonly step: number;
  readonly parameters: TensorValues;
  readonly moment1: TensorValues;
  readonly moment2: TensorValues;
}

/** How kernels share the values, of which a thread takes four at a time. */
export interface AdamWTile {
  /** Threads of a workgroup in what goes value by value. */
  readonly workgroup: number;
  /** The same in the sum of squares, and how often each of its threads takes four. */
  readonly normWorkgroup: number;
  readonly normTurns: number;
}

const defaultTile: AdamWTile = { workgroup: 64, normWorkgroup: 16, normTurns: 16 };
/** Threads of the one workgroup that adds the workgroups' sums of squares. */
const clipThreads = 256;

const flopsPerValue = { norm: 2, adamw: 18, accumulate: 2 };

const slotBytes = 256;
/** One a kernel: norm, update and accumulation of each chunk, and the clip of all. */
const slotsOf = ({ chunks }: ParameterLayout) => 1 + 3 * chunks.length;
/** Partial sums of the squares of `count` values. */
const partsOf = (count: number, { normWorkgroup, normTurns }: AdamWTile) =>
  Math.ceil(count / 4 / (normWorkgroup * normTurns));

/**
 * Bytes that training takes beside a model's frozen weights: parameters, gradients, two moments, the accumulated gradient where there is
 * one, and the optimiser's tables of decay, partial norms and uniforms.
 */
export function trainingBytes(layout: ParameterLayout, gradientAccumulation: number): number {
  const blocks = 12 * (layout.bytes / alignment);
  const parts = layout.chunks.reduce((total, bytes) => total + partsOf(bytes / 4, defaultTile), 0);
  return layout.bytes * (gradientAccumulation > 1 ? 5 : 4) + blocks + 4 * parts + slotBytes * slotsOf(layout) + 16;
}

/** FLOPs, bytes and dispatches of one update: per value 2 for the norm, 18 for AdamW, 2 for each accumulated micro-batch. */
export function updateCost(
  layout: ParameterLayout,
  gradientAccumulation: number,
): { flops: number; bytes: number; dispatches: number } {
  const count = layout.bytes / 4;
  const chunks = layout.chunks.length;
  const accumulations = gradientAccumulation > 1 ? gradientAccumulation : 0;
  return {
    flops: count * (flopsPerValue.norm + flopsPerValue.adamw + flopsPerValue.accumulate * accumulations),
    // The norm reads one array; AdamW reads four and writes three; accumulation reads two and writes one.
    bytes: 4 * count * (1 + 7 + 3 * accumulations),
    dispatches: chunks * (2 + accumulations) + 1,
  };
}

/** The `Block` of `shaders/adamw.wgsl` for each 64 values of each chunk; those of padding are zero. */
function decayBlocks(layout: ParameterLayout, decay: (name: string, shape: readonly number[]) => Decay): ArrayBuffer[] {
  const tables = layout.chunks.map((bytes) => new ArrayBuffer((bytes / alignment) * 12));
  const views = tables.map((table) => new DataView(table));
  for (const [name, { chunk, offset, shape }] of layout.entries) {
    const { weightDecay, target } = decay(name, shape);
    const count = elements(shape);
    for (let done = 0, at = (offset / alignment) * 12; done < count; done += 64, at += 12) {
      views[chunk]!.setFloat32(at, weightDecay, true);
      views[chunk]!.setFloat32(at + 4, target, true);
      views[chunk]!.setUint32(at + 8, Math.min(64, count - done), true);
    }
  }
  return tables;
}

/** The dispatches of an update and the uniforms they read: one slot of 256 bytes each. */
class Kernels {
  readonly uniforms: GPUBuffer;
  #slots = 0;

  constructor(
    readonly memory: DeviceMemory,
    slots: number,
  ) {
    this.uniforms = memory.buffer(
      slots * slotBytes,
      'optimiser params',
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    );
  }

  /** @returns the dispatch, and what writes its `Params` */
  add(
    { pipeline, layout, module }: Pipeline,
    label: string,
    buffers: Readonly<Record<string, GPUBuffer>>,
    workgroups: Dispatch['workgroups'],
    flops: number,
  ): { dispatch: Dispatch; write: (values: Readonly<Record<string, number>>) => void } {
    const { device } = this.memory.gpu;
    const offset = slotBytes * this.#slots++;
    const entries = module.bindings.map(({ index, name }) => ({
      binding: index,
      resource: name === 'params' ? { buffer: this.uniforms, offset, size: 32 } : { buffer: buffers[name]! },
    }));
    const bindGroup = device.createBindGroup({ layout, entries });
    return {
      dispatch: { label, pipeline, workgroups, flops, bindGroup },
      write: (values) => device.queue.writeBuffer(this.uniforms, offset, packParams(module, values, label)),
    };
  }
}

type Kernel = ReturnType<Kernels['add']> & { readonly count: number };

export class AdamW {
  #step = 0;

  private constructor(
    readonly settings: Required<AdamWSettings>,
    readonly flat: FlatBuffers,
    readonly moments: readonly [FlatBuffer, FlatBuffer],
    /** (gradient norm, clip factor, halted) of the last update. */
    readonly status: GPUBuffer,
    readonly scratch: readonly GPUBuffer[],
    readonly total: FlatBuffer | undefined,
    /** One of each for each chunk. */
    readonly kernels: { norm: readonly Dispatch[]; accumulate: readonly Kernel[]; adamw: readonly Kernel[] },
  ) {}

  /**
   * @param decay what decay does to a tensor, by name and shape
   * @param tile smaller where a test wants many workgroups of few values
   */
  static async create(
    memory: DeviceMemory,
    layout: ParameterLayout,
    flat: FlatBuffers,
    decay: (name: string, shape: readonly number[]) => Decay,
    given: AdamWSettings,
    tile: AdamWTile = defaultTile,
  ): Promise<AdamW> {
    const { workgroup, normWorkgroup, normTurns } = tile;
    const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...given };
    const [moment1, moment2] = [new FlatBuffer(memory, layout, 'moment1'), new FlatBuffer(memory, layout, 'moment2')];
    const total =
      settings.gradientAccumulation > 1 ? new FlatBuffer(memory, layout, 'accumulated gradients') : undefined;
    const gradients = total ?? flat.gradients;
    const status = memory.buffer(16, 'status');
    const chunks = layout.chunks.map((bytes) => {
      const count = bytes / 4;
      return { count, parts: partsOf(count, tile), threads: grid(Math.ceil(count / 4 / workgroup)) };
    });
    const parts = chunks.reduce((sum, chunk) => sum + chunk.parts, 0);
    const partial = memory.buffer(parts * 4, 'partial norms');
    const blocks = decayBlocks(layout, decay).map((table, i) => {
      const buffer = memory.buffer(table.byteLength, `decay ${i}`);
      memory.gpu.device.queue.writeBuffer(buffer, 0, table);
      return buffer;
    });

    const { pipelines } = memory;
    const [sumSquares, clip, adamw, accumulate] = await Promise.all([
      pipelines.get('sum-squares', { WORKGROUP: normWorkgroup, PER_THREAD: normTurns }),
      pipelines.get('clip', { WORKGROUP: clipThreads }),
      pipelines.get('adamw', { WORKGROUP: workgroup }),
      total && pipelines.get('accumulate', { WORKGROUP: workgroup }),
    ]);
    const kernels = new Kernels(memory, slotsOf(layout));
    let first = 0;
    const norm = chunks.map((chunk, i) => {
      const flops = flopsPerValue.norm * chunk.count;
      const buffers = { gradient: gradients.chunks[i]!, partial };
      const { dispatch, write } = kernels.add(sumSquares, 'gradient norm', buffers, grid(chunk.parts), flops);
      write({ count: chunk.count, parts: chunk.parts, first });
      first += chunk.parts;
      return dispatch;
    });
    const clipping = kernels.add(clip, 'clip', { partial, status }, [1, 1, 1], parts);
    clipping.write({ parts, maxGradNorm: settings.maxGradNorm });
    const updates = chunks.map(({ count, threads }, i): Kernel => {
      const buffers = {
        gradient: gradients.chunks[i]!,
        status,
        blocks: blocks[i]!,
        parameters: flat.parameters.chunks[i]!,
        moment1: moment1.chunks[i]!,
        moment2: moment2.chunks[i]!,
      };
      return { ...kernels.add(adamw, 'adamw', buffers, threads, flopsPerValue.adamw * count), count };
    });
    const accumulations = chunks.flatMap(({ count, threads }, i): Kernel[] => {
      if (!total || !accumulate) return [];
      const buffers = { gradient: flat.gradients.chunks[i]!, total: total.chunks[i]! };
      return [{ ...kernels.add(accumulate, 'accumulate', buffers, threads, flopsPerValue.accumulate * count), count }];
    });
    return new AdamW(settings, flat, [moment1, moment2], status, [partial, kernels.uniforms, ...blocks], total, {
      norm: [...norm, clipping.dispatch],
      accumulate: accumulations,
      adamw: updates,
    });
  }

  /** What an update reads: the gradients, or their mean over micro-batches. */
  get gradients(): FlatBuffer {
    return this.total ?? this.flat.gradients;
  }

  /** Updates done so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * Dispatches that add the gradients of micro-batch `index` of `count` to their mean; submit them before calling this again.
   * Empty without accumulation.
   */
  accumulation(index: number, count: number): readonly Dispatch[] {
    return this.kernels.accumulate.map((kernel) => {
      kernel.write({ count: kernel.count, keep: index === 0 ? 0 : 1, scale: 1 / count });
      return kernel.dispatch;
    });
  }

  /** Writes the scalars of the next update and returns its dispatches; submit them before calling this again. */
  update(learningRate: number): readonly Dispatch[] {
    const { beta1, beta2, epsilon } = this.settings;
    const t = ++this.#step;
    const values = {
      learningRate,
      beta1,
      beta2,
      epsilon,
      stepSize: learningRate / (1 - beta1 ** t),
      rootCorrection: Math.sqrt(1 - beta2 ** t),
    };
    const updates = this.kernels.adamw.map(({ dispatch, write, count }) => {
      write({ ...values, count });
      return dispatch;
    });
    return [...this.kernels.norm, ...updates];
  }

  async snapshot(): Promise<AdamWSnapshot> {
    const [moment1, moment2] = this.moments;
    return {
      step: this.#step,
      parameters: await this.flat.parameters.read(),
      moment1: await moment1.read(),
      moment2: await moment2.read(),
    };
  }

  /** Goes on from a snapshot, also from one taken with chunks of another size. */
  restore({ step, parameters, ...snapshot }: AdamWSnapshot): void {
    const [moment1, moment2] = this.moments;
    this.#step = step;
    this.flat.parameters.write(parameters);
    moment1.write(snapshot.moment1);
    moment2.write(snapshot.moment2);
    this.flat.parameters.memory.gpu.device.queue.writeBuffer(this.status, 0, new Float32Array(4));
  }

  /** Frees all but the parameters and gradients, which are not the optimiser's own. */
  dispose(): void {
    for (const flat of [...this.moments, ...(this.total ? [this.total] : [])]) flat.dispose();
    for (const buffer of [this.status, ...this.scratch]) this.flat.parameters.memory.free(buffer);
  }
}
