/**
 * Tensors that live across runs, on a device: caches, running averages. An owner, such as one method in training, has one `States`, which
 * its programs share by name.
 */
import type { Allocator } from './flat-buffers';
import { byteLength, type Tensor } from './tensor';

export class States {
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(readonly memory: Allocator) {}

  /** Makes those that are not there yet, all zero. Throws an `Error` where one is there in another size. */
  allocate(states: readonly Tensor[]): void {
    for (const tensor of states) {
      const size = Math.ceil(byteLength(tensor) / 4) * 4;
      const known = this.#buffers.get(tensor.name);
      if (known && known.size !== size)
        throw new Error(`state ${tensor.name} has ${known.size} bytes, this program wants ${size}`);
      if (!known) this.#buffers.set(tensor.name, this.memory.buffer(size, tensor.name));
    }
  }

  buffer(name: string): GPUBuffer {
    const buffer = this.#buffers.get(name);
    if (!buffer) throw new Error(`state ${name} was not allocated`);
    return buffer;
  }

  /** Sets all of them to zero again; ordered before whatever is submitted next. */
  clear(): void {
    const { device } = this.memory.gpu;
    const encoder = device.createCommandEncoder();
    for (const buffer of this.#buffers.values()) encoder.clearBuffer(buffer);
    device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    for (const buffer of this.#buffers.values()) this.memory.free(buffer);
    this.#buffers.clear();
  }
}
