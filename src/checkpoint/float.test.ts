import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromFloat16Bits, toFloat16Bits, toFloat32 } from './float';
import { readSafetensors } from './safetensors';

const fixtures = new URL('../../reference/fixtures/safetensors/', import.meta.url);
const { tensors } = readSafetensors(new Uint8Array(readFileSync(new URL('reference.safetensors', fixtures))));
const expected = JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8')) as {
  float32: Record<string, number[]>;
  toHalf: [number, number][];
};

const bitsOf = (values: Float32Array) => [...new Int32Array(values.buffer, values.byteOffset, values.length)];

describe('toFloat32', () => {
  it.each(Object.entries(expected.float32))('gives PyTorch’s bits: %s', (name, bits) => {
    expect(bitsOf(toFloat32(tensors.get(name)!))).toEqual(bits);
  });

  it('refuses integers, naming tensor and dtype', () => {
    expect(() => toFloat32(tensors.get('position_ids')!, 'position_ids')).toThrow(/position_ids has dtype I64/);
  });
});

describe('toFloat16Bits', () => {
  it('rounds as PyTorch does', () => {
    const values = new Float32Array(Int32Array.from(expected.toHalf, ([bits]) => bits).buffer);
    expect([...toFloat16Bits(values)]).toEqual(expected.toHalf.map(([, half]) => half));
  });

  it('inverts fromFloat16Bits on every half', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const isNaNPattern = (bits: number) => (bits & 0x7fff) > 0x7c00;
    const back = toFloat16Bits(fromFloat16Bits(halves));
    const differing = [...halves].filter((bits) => !isNaNPattern(bits) && back[bits] !== bits);
    expect(differing).toEqual([]);
    expect([...halves].filter(isNaNPattern).every((bits) => isNaNPattern(back[bits]!))).toBe(true);
  });

  it('takes the nearer neighbour, the even one at ties, around every half', () => {
    const halves = Uint16Array.from({ length: 0x7bff }, (_, bits) => bits);
    const low = fromFloat16Bits(halves);
    const high = fromFloat16Bits(halves.map((bits) => bits + 1));
    const middle = low.map((value, i) => (value + high[i]!) / 2); // Exact in f32.
    const nudge = (by: number) =>
      new Float32Array(new Int32Array(middle.slice().buffer).map((bits) => bits + by).buffer);
    expect(toFloat16Bits(middle)).toEqual(halves.map((bits) => bits + (bits & 1)));
    expect(toFloat16Bits(nudge(-1))).toEqual(halves);
    expect(toFloat16Bits(nudge(1))).toEqual(halves.map((bits) => bits + 1));
  });
});
