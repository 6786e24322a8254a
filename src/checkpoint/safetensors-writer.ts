/**
 * Writes safetensors byte for byte as the reference implementation does (`prepare` in `tensor.rs`): tensors sorted by
 * descending alignment of their dtype, then by name, so that each is aligned; the header padded with spaces to 8 bytes.
 */
import { UserError } from '../errors';
import { byteCount, dtypeBits, type Tensor } from './dtype';

const dtypeRank = new Map(Object.keys(dtypeBits).map((dtype, rank) => [dtype, rank]));

/**
 * @returns a whole safetensors file
 * @throws UserError `safetensors/size` where a tensor's bytes do not fit its shape, `safetensors/name` for a bad name
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const chunks = [...streamSafetensors(tensors, metadata)];
  const file = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let position = 0;
  for (const chunk of chunks) {
    file.set(chunk, position);
    position += chunk.length;
  }
  return file;
}

/** The same file in pieces (header, then each tensor), for writing without holding it in memory a second time. */
export function* streamSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, tensor, order: String.fromCharCode(...encoder.encode(name)) }))
    .sort(
      (a, b) =>
        dtypeRank.get(b.tensor.dtype)! - dtypeRank.get(a.tensor.dtype)! ||
        // Rust orders strings by their UTF-8 bytes.
        (a.order < b.order ? -1 : 1),
    );
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let position = 0;
  for (const { name, tensor } of sorted) {
    const { dtype, shape, data } = tensor;
    if (name === '__metadata__' || /\p{Surrogate}/u.test(name)) {
      throw new UserError('safetensors/name', `A tensor cannot be named "${name}" in a safetensors file.`);
    }
    const size = byteCount(dtype, shape);
    if (data.length !== size) {
      throw new UserError(
        'safetensors/size',
        `Tensor "${name}" has ${data.length} bytes, but ${dtype} [${shape.join(', ')}] needs ${size}.`,
      );
    }
    header.push([name, { dtype, shape, data_offsets: [position, position + size] }]);
    position += size;
  }
  // Joined by hand: an object would move names that look like integers to the front.
  const json = `{${header.map(([name, info]) => `${JSON.stringify(name)}:${JSON.stringify(info)}`).join(',')}}`;
  const text = encoder.encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  const start = new Uint8Array(8 + padded).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(padded), true);
  start.set(text, 8);
  yield start;
  for (const { tensor } of sorted) yield tensor.data;
}
