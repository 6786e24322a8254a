/** How device memory is cut: into chunks that one binding can hold, and inside them into blocks at which a binding may start. */

/** Binding offsets must be multiples of 256 bytes, on every adapter there is. */
export const alignment = 256;

export const align = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** What every WebGPU device binds at least. */
export const defaultChunkBytes = 128 * 2 ** 20;
