/**
 * A method's trainable tensors on the device, laid out flat: one `FlatBuffer` for the values, one for their gradients, and in the
 * optimiser one for each moment. From outside they are written and read by tensor; the chunks are for kernels.
 */
import { readBuffer, readMapped } from '../gpu/commands';
import type { Gpu } from '../gpu/device';
import type { LayoutEntry, ParameterLayout } from './parameter-layout';
import { elements } from './tensor';

/** Values of tensors by name, each in its row-major order. */
export type TensorValues = ReadonlyMap<string, Float32Array>;

/** What makes device buffers and counts their bytes (`DeviceMemory`). */
export interface Allocator {
  readonly gpu: Gpu;
  buffer(size: number, label: string): GPUBuffer;
  free(buffer: GPUBuffer): void;
}

/** One value for each trainable one, zero at first: a buffer for each chunk of the layout. */
export class FlatBuffer {
  readonly chunks: readonly GPUBuffer[];

  constructor(
    readonly memory: Allocator,
    readonly layout: ParameterLayout,
    readonly label: string,
  ) {
    this.chunks = layout.chunks.map((bytes, i) => memory.buffer(bytes, `${label} ${i}`));
  }

  /** Writes all tensors; values of other names are ignored. Throws an `Error`, and writes nothing, where one is missing or of another size. */
  write(values: TensorValues): void {
    const all = [...this.layout.entries].map(([name, entry]) => {
      const value = values.get(name);
      if (value?.length !== elements(entry.shape))
        throw new Error(`${this.label}: ${name} takes ${elements(entry.shape)} values, got ${value?.length ?? 'none'}`);
      return { ...entry, value };
    });
    const { queue } = this.memory.gpu.device;
    for (const { chunk, offset, value } of all)
      queue.writeBuffer(this.chunks[chunk]!, offset, value as Float32Array<ArrayBuffer>);
  }

  /** Reads all tensors back, chunk by chunk; waits for everything submitted before. */
  async read(): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const values = new Map<string, Float32Array<ArrayBuffer>>();
    for (const [i, buffer] of this.chunks.entries())
      await readMapped(this.memory.gpu.device, buffer, 0, buffer.size, (bytes) => {
        for (const [name, { chunk, offset, shape }] of this.layout.entries)
          if (chunk === i) values.set(name, new Float32Array(bytes, offset, elements(shape)).slice());
      });
    return values;
  }

  #entry(name: string): LayoutEntry {
    const entry = this.layout.entries.get(name);
    if (!entry) throw new Error(`${this.label}: there is no tensor ${name}`);
    return entry;
  }

  /** Reads one tensor back. Throws an `Error` where there is none of this name. */
  async readOne(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { chunk, offset, shape } = this.#entry(name);
    const buffer = this.chunks[chunk]!;
    return new Float32Array(await readBuffer(this.memory.gpu.device, buffer, offset, 4 * elements(shape)));
  }

  /** Writes one tensor. Throws an `Error` where there is none of this name or size. */
  writeOne(name: string, values: Float32Array): void {
    const { chunk, offset, shape } = this.#entry(name);
    if (values.length !== elements(shape))
      throw new Error(`${this.label}: ${name} takes ${elements(shape)} values, got ${values.length}`);
    this.memory.gpu.device.queue.writeBuffer(this.chunks[chunk]!, offset, values as Float32Array<ArrayBuffer>);
  }

  dispose(): void {
    for (const buffer of this.chunks) this.memory.free(buffer);
  }
}

/** The trainable values of one method and their gradients, shared by its programs and its optimiser. */
export class FlatBuffers {
  readonly parameters: FlatBuffer;
  readonly gradients: FlatBuffer;

  constructor(memory: Allocator, layout: ParameterLayout) {
    this.parameters = new FlatBuffer(memory, layout, 'parameters');
    this.gradients = new FlatBuffer(memory, layout, 'gradients');
  }

  dispose(): void {
    this.parameters.dispose();
    this.gradients.dispose();
  }
}
