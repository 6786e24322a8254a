/**
 * Recorded dispatch lists and how they are submitted.
 *
 * A list is recorded once and replayed every step. One submit carries as many dispatches as the device gets through in about
 * `targetSeconds`, judged by its measured speed, so that the browser can draw in between and no watchdog fires.
 */
import type { Gpu } from './device';
import { finished } from './wait';

export interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  /** Work of this dispatch in floating-point operations; sets where a list is cut into submits. */
  readonly flops: number;
}

export class Submitter {
  /** FLOP per second, measured; the first guess only decides the first submits. */
  #speed: number;
  #measuring = false;

  constructor(
    readonly gpu: Gpu,
    readonly targetSeconds = 0.1,
  ) {
    this.#speed = gpu.identity.software ? 2e9 : 500e9;
  }

  /** Submits a list in order, followed by `finish` in the last command buffer (read-back copies). */
  submit(dispatches: readonly Dispatch[], finish?: (encoder: GPUCommandEncoder) => void): void {
    const { device } = this.gpu;
    // A dispatch costs at least its overhead, whatever it computes.
    const weight = (dispatch: Dispatch) => dispatch.flops / this.#speed + 30e-6;
    const started = performance.now();
    let total = 0;
    for (let start = 0; start < dispatches.length || start === 0;) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      let seconds = 0;
      let end = start;
      for (; end < dispatches.length && (end === start || seconds < this.targetSeconds); end++) {
        const { pipeline, bindGroup, workgroups } = dispatches[end]!;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
        seconds += weight(dispatches[end]!);
        total += dispatches[end]!.flops;
      }
      pass.end();
      if (end >= dispatches.length) finish?.(encoder);
      device.queue.submit([encoder.finish()]);
      start = Math.max(end, 1);
    }
    if (!this.#measuring && total > 1e6) {
      this.#measuring = true;
      void device.queue.onSubmittedWorkDone().then(
        () => {
          const measured = total / ((performance.now() - started) / 1000);
          this.#speed = Math.max(1e8, 0.5 * this.#speed + 0.5 * measured);
          this.#measuring = false;
        },
        () => undefined,
      );
    }
  }

  /** Runs each dispatch in a pass of its own with timestamps. @returns nanoseconds per dispatch; needs `timestamp-query` */
  async profile(dispatches: readonly Dispatch[]): Promise<Float64Array> {
    const { device } = this.gpu;
    const nanoseconds = new Float64Array(dispatches.length);
    const perBatch = 1024;
    for (let start = 0; start < dispatches.length; start += perBatch) {
      const batch = dispatches.slice(start, start + perBatch);
      const querySet = device.createQuerySet({ type: 'timestamp', count: batch.length * 2 });
      const size = batch.length * 16;
      const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
      const encoder = device.createCommandEncoder();
      batch.forEach(({ pipeline, bindGroup, workgroups }, i) => {
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
        });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, batch.length * 2, resolved, 0);
      device.queue.submit([encoder.finish()]);
      const times = new BigUint64Array(await readBuffer(device, resolved, 0, size));
      batch.forEach((_, i) => (nanoseconds[start + i] = Number(times[2 * i + 1]! - times[2 * i]!)));
      querySet.destroy();
      resolved.destroy();
    }
    return nanoseconds;
  }
}

/** Reads `size` bytes (a multiple of 4) of a buffer back to the CPU. */
export function readBuffer(device: GPUDevice, buffer: GPUBuffer, offset: number, size: number): Promise<ArrayBuffer> {
  return readMapped(device, buffer, offset, size, (bytes) => bytes.slice(0));
}

/** The same without a copy of the whole: `use` sees the bytes while they are mapped, and must keep none of them. */
export async function readMapped<T>(
  device: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  size: number,
  use: (bytes: ArrayBuffer) => T,
): Promise<T> {
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await finished(staging.mapAsync(GPUMapMode.READ));
  const result = use(staging.getMappedRange());
  staging.destroy();
  return result;
}
