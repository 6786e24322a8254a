/**
 * Floating-point conversions between what checkpoints store and what the engine computes with.
 *
 * Widening (f16, bf16 to f32) is exact; narrowing (f64 to f32, f32 to f16) rounds to nearest, ties to even, as PyTorch does.
 * Typed arrays are little-endian wherever WebGPU runs, as safetensors is.
 */
import { UserError } from '../errors';
import type { Tensor } from './safetensors';

/**
 * A floating-point tensor's values as f32.
 *
 * @returns one value per element, a copy
 * @throws UserError `checkpoint/dtype` where the dtype is none of F64, F32, F16, BF16
 */
export function toFloat32(tensor: Tensor, name = 'The tensor'): Float32Array<ArrayBuffer> {
  const bytes = tensor.data.slice().buffer; // The copy also aligns.
  switch (tensor.dtype) {
    case 'F32':
      return new Float32Array(bytes);
    case 'F64':
      return new Float32Array(new Float64Array(bytes));
    case 'F16':
      return fromFloat16Bits(new Uint16Array(bytes));
    case 'BF16': {
      const bits = new Uint16Array(bytes);
      const wide = new Uint32Array(bits.length);
      for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
      return new Float32Array(wide.buffer);
    }
    default:
      throw new UserError(
        'checkpoint/dtype',
        `${name} has dtype ${tensor.dtype}, but weights must be F32, F16, BF16 or F64.`,
      );
  }
}

let float16Table: Float32Array | undefined;

/** f16 bit patterns to f32, exact. */
export function fromFloat16Bits(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const table = (float16Table ??= Float32Array.from({ length: 65536 }, (_, half) => float16Value(half)));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

function float16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** f32 to f16 bit patterns, round to nearest, ties to even; beyond 65504 (from 65520 on) becomes infinity. */
export function toFloat16Bits(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    let half: number;
    if (magnitude >= 0x38800000) {
      // A normal half (2^-14 and up): rebias the exponent, round the 13 bits that go; a carry runs on into the exponent.
      if (magnitude < 0x477ff000) half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
      else half = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
    } else if (magnitude > 0x33000000) {
      // A subnormal half: a multiple of 2^-24; the 24-bit significand moves right by 14 to 24 places.
      const shift = 126 - (magnitude >>> 23);
      const significand = (magnitude & 0x7fffff) | 0x800000;
      const kept = significand >>> shift;
      const rest = significand & ((1 << shift) - 1);
      const tie = 1 << (shift - 1);
      half = kept + (rest > tie || (rest === tie && (kept & 1) === 1) ? 1 : 0);
    } else {
      half = 0; // At most 2^-25, a tie with zero, which is even.
    }
    halves[i] = ((bits[i]! >>> 16) & 0x8000) | half;
  }
  return halves;
}

/**
 * f32 to f16 bit patterns, refusing what would silently become infinite.
 *
 * @throws UserError `checkpoint/beyond-f16` where a finite value does not fit
 */
export function toFloat16BitsChecked(values: Float32Array, name: string): Uint16Array<ArrayBuffer> {
  const halves = toFloat16Bits(values);
  for (let i = 0; i < halves.length; i++) {
    if ((halves[i]! & 0x7fff) === 0x7c00 && Number.isFinite(values[i]!)) {
      throw new UserError('checkpoint/beyond-f16', `${name} holds ${values[i]}, which f16 cannot; keep it in f32.`);
    }
  }
  return halves;
}

/** A tensor's values: f32, or f16 bit patterns. */
export interface FloatArray {
  shape: readonly number[];
  data: Float32Array | Uint16Array;
}

/**
 * Values as a tensor of a file, converted where `dtype` differs from what they are.
 *
 * @throws UserError `checkpoint/beyond-f16`
 */
export function floatTensor({ shape, data }: FloatArray, dtype: 'F32' | 'F16', name: string): Tensor {
  let stored: Float32Array | Uint16Array = data;
  if (dtype === 'F32' && data instanceof Uint16Array) stored = fromFloat16Bits(data);
  if (dtype === 'F16' && data instanceof Float32Array) stored = toFloat16BitsChecked(data, name);
  return { dtype, shape, data: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength) };
}
