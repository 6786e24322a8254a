/**
 * The element types of the safetensors format, as of its reference implementation 0.8 (`Dtype` in `tensor.rs`).
 */

/** Bits per element. The order is the reference's own enum order: increasing alignment, by which its writer sorts. */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof dtypeBits;

export interface Tensor {
  dtype: Dtype;
  shape: readonly number[];
  /** Little-endian, row-major bytes; not necessarily aligned to the element size. */
  data: Uint8Array;
}

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(dtypeBits, name);
}

/** Product of a shape; NaN where it is beyond exact integers. The product runs left to right, as the reference's does. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return NaN;
  }
  return count;
}

/** Bytes of a tensor; NaN on overflow, a fraction where sub-byte elements do not fill their last byte. */
export function byteCount(dtype: Dtype, shape: readonly number[]): number {
  const bits = elementCount(shape) * dtypeBits[dtype];
  return Number.isSafeInteger(bits) ? bits / 8 : NaN;
}
