/**
 * AdamW with decoupled weight decay and global-norm clipping on a method's flat buffers: three dispatches a step, however
 * many tensors train (`shaders/sum-squares.wgsl`, `clip.wgsl`, `adamw.wgsl`).
 *
 * The gradient norm never travels to the CPU before the update. A norm that is not finite halts all further updates on the
 * device itself, so the parameters stay those of the last good step however late the CPU learns of it.
 */
import type { Dispatch } from '../gpu/commands';
import { readBuffer } from '../gpu/commands';
import { packParams, type Pipeline } from '../gpu/shader';
import type { DeviceMemory, FlatBuffers } from '../graph/executable';
import { alignment, type ParameterLayout } from '../graph/plan';
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

const workgroup = 64;
const perThread = 16;

/** Bytes of a method's flat buffers: parameters, gradients, two moments, and the accumulated gradient where there is one. */
export function flatBytes(layout: ParameterLayout, gradientAccumulation: number): number {
  return layout.bytes * (gradientAccumulation > 1 ? 5 : 4);
}

/** FLOPs, bytes and dispatches of one update: per value 2 for the norm, 18 for AdamW, 2 for each accumulated micro-batch. */
export function updateCost(
  layout: ParameterLayout,
  gradientAccumulation: number,
): { flops: number; bytes: number; dispatches: number } {
  const count = layout.bytes / 4;
  const accumulations = gradientAccumulation > 1 ? gradientAccumulation : 0;
  return {
    flops: count * (flopsPerValue.norm + flopsPerValue.adamw + flopsPerValue.accumulate * accumulations),
    // The norm reads one array; AdamW reads four and writes three; accumulation reads two and writes one.
    bytes: 4 * count * (1 + 7 + 3 * accumulations),
    dispatches: 3 + accumulations,
  };
}

const flopsPerValue = { norm: 2, adamw: 18, accumulate: 2 };

export class AdamW {
  #step = 0;

  private constructor(
    readonly memory: DeviceMemory,
    readonly layout: ParameterLayout,
    readonly settings: Required<AdamWSettings>,
    readonly flat: FlatBuffers,
    readonly moment1: GPUBuffer,
    readonly moment2: GPUBuffer,
    /** (gradient norm, clip factor, halted) of the last update. */
    readonly status: GPUBuffer,
    readonly scratch: readonly GPUBuffer[],
    readonly uniforms: GPUBuffer,
    readonly pipelines: { accumulate: Pipeline; adamw: Pipeline },
    readonly dispatches: { first: Dispatch; accumulate: Dispatch; update: readonly Dispatch[] },
  ) {}

  /** @param decay what decay does to a tensor, by name and shape */
  static async create(
    memory: DeviceMemory,
    layout: ParameterLayout,
    flat: FlatBuffers,
    decay: (name: string, shape: readonly number[]) => Decay,
    given: AdamWSettings,
  ): Promise<AdamW> {
    const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...given };
    const { device } = memory.gpu;
    const count = layout.bytes / 4;
    const parts = Math.ceil(count / (workgroup * perThread));
    const [moment1, moment2] = [memory.buffer(layout.bytes, 'moment1'), memory.buffer(layout.bytes, 'moment2')];
    const accumulating = settings.gradientAccumulation > 1;
    const total = accumulating ? memory.buffer(layout.bytes, 'accumulated gradients') : flat.gradients;
    const status = memory.buffer(16, 'status');
    const partial = memory.buffer(parts * 4, 'partial norms');
    const groups = memory.buffer((count / 64) * 8, 'decay groups');
    const table = new Float32Array((count / 64) * 2);
    for (const [name, { offset, shape }] of layout.entries) {
      const { weightDecay, target } = decay(name, shape);
      for (let block = 0; block < Math.ceil((elements(shape) * 4) / alignment); block++)
        table.set([weightDecay, target], (offset / alignment + block) * 2);
    }
    device.queue.writeBuffer(groups, 0, table);

    const uniforms = memory.buffer(5 * 256, 'optimiser params', GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    const [accumulate, sumSquares, clip, adamw] = await Promise.all([
      memory.pipelines.get('accumulate', { WORKGROUP: workgroup }),
      memory.pipelines.get('sum-squares', { WORKGROUP: workgroup, PER_THREAD: perThread }),
      memory.pipelines.get('clip', {}),
      memory.pipelines.get('adamw', { WORKGROUP: workgroup }),
    ]);
    const dispatch = (
      slot: number,
      { pipeline, layout: bindLayout, module }: Pipeline,
      label: string,
      buffers: Record<string, GPUBuffer>,
      workgroups: Dispatch['workgroups'],
      flops: number,
    ): Dispatch => ({
      label,
      pipeline,
      workgroups,
      flops,
      bindGroup: device.createBindGroup({
        layout: bindLayout,
        entries: module.bindings.map(({ index, name }) => ({
          binding: index,
          resource: name === 'params' ? { buffer: uniforms, offset: slot * 256, size: 32 } : { buffer: buffers[name]! },
        })),
      }),
    });
    const params = (slot: number, pipeline: Pipeline, values: Record<string, number>) =>
      device.queue.writeBuffer(uniforms, slot * 256, packParams(pipeline.module, values, 'optimiser'));
    params(2, sumSquares, { count });
    params(3, clip, { parts, maxGradNorm: settings.maxGradNorm });

    const threads = grid(Math.ceil(count / workgroup));
    // Without accumulation the two accumulating dispatches are never run; they bind a buffer that is there.
    const sums = { gradient: flat.gradients, total: accumulating ? total : moment1 };
    const update = [
      dispatch(2, sumSquares, 'gradient norm', { gradient: total, partial }, [parts, 1, 1], flopsPerValue.norm * count),
      dispatch(3, clip, 'clip', { partial, status }, [1, 1, 1], parts),
      dispatch(
        4,
        adamw,
        'adamw',
        { gradient: total, status, groups, parameters: flat.parameters, moment1, moment2 },
        threads,
        flopsPerValue.adamw * count,
      ),
    ];
    return new AdamW(
      memory,
      layout,
      settings,
      flat,
      moment1,
      moment2,
      status,
      [partial, groups, ...(accumulating ? [total] : [])],
      uniforms,
      { accumulate, adamw },
      {
        first: dispatch(0, accumulate, 'accumulate', sums, threads, flopsPerValue.accumulate * count),
        accumulate: dispatch(1, accumulate, 'accumulate', sums, threads, flopsPerValue.accumulate * count),
        update,
      },
    );
  }

  /** Updates done so far. */
  get step(): number {
    return this.#step;
  }

  /** Dispatches that add the gradients of micro-batch `index` of `count` to their mean. Empty without accumulation. */
  accumulation(index: number, count: number): readonly Dispatch[] {
    if (this.settings.gradientAccumulation === 1) return [];
    const params = packParams(
      this.pipelines.accumulate.module,
      { count: this.layout.bytes / 4, keep: index === 0 ? 0 : 1, scale: 1 / count },
      'accumulate',
    );
    this.memory.gpu.device.queue.writeBuffer(this.uniforms, index === 0 ? 0 : 256, params);
    return [index === 0 ? this.dispatches.first : this.dispatches.accumulate];
  }

  /** Writes the scalars of the next update and returns its dispatches; submit them before calling this again. */
  update(learningRate: number): readonly Dispatch[] {
    const { beta1, beta2, epsilon } = this.settings;
    const t = ++this.#step;
    const values = {
      count: this.layout.bytes / 4,
      learningRate,
      beta1,
      beta2,
      epsilon,
      stepSize: learningRate / (1 - beta1 ** t),
      rootCorrection: Math.sqrt(1 - beta2 ** t),
    };
    this.memory.gpu.device.queue.writeBuffer(
      this.uniforms,
      4 * 256,
      packParams(this.pipelines.adamw.module, values, 'adamw'),
    );
    return this.dispatches.update;
  }

  /** Everything a resumed run needs: parameters and moments. */
  async snapshot(): Promise<{ step: number; parameters: Float32Array; moment1: Float32Array; moment2: Float32Array }> {
    const read = async (buffer: GPUBuffer) =>
      new Float32Array(await readBuffer(this.memory.gpu.device, buffer, 0, this.layout.bytes));
    return {
      step: this.#step,
      parameters: await read(this.flat.parameters),
      moment1: await read(this.moment1),
      moment2: await read(this.moment2),
    };
  }

  restore(snapshot: { step: number; parameters: Float32Array; moment1: Float32Array; moment2: Float32Array }): void {
    const { queue } = this.memory.gpu.device;
    this.#step = snapshot.step;
    queue.writeBuffer(this.flat.parameters, 0, snapshot.parameters as Float32Array<ArrayBuffer>);
    queue.writeBuffer(this.moment1, 0, snapshot.moment1 as Float32Array<ArrayBuffer>);
    queue.writeBuffer(this.moment2, 0, snapshot.moment2 as Float32Array<ArrayBuffer>);
    queue.writeBuffer(this.status, 0, new Float32Array(4));
  }

  dispose(): void {
    for (const buffer of [this.moment1, this.moment2, this.status, this.uniforms, ...this.scratch])
      this.memory.free(buffer);
  }
}
