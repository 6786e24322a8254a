import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../errors';
import {
  parseSafetensorsHeader,
  readSafetensors,
  streamSafetensors,
  writeSafetensors,
  type Tensor,
} from './safetensors';

const fixtures = new URL('../../reference/fixtures/safetensors/', import.meta.url);
const reference = new Uint8Array(readFileSync(new URL('reference.safetensors', fixtures)));

interface Verdict {
  name: string;
  file: string;
  error?: string;
  tensors?: Record<string, [dtype: string, shape: number[], data: string]>;
}
const verdicts = JSON.parse(readFileSync(new URL('verdicts.json', fixtures), 'utf8')) as Verdict[];

/** Where the reference is laxer than the format's own description: what we refuse it with. */
const stricter: Record<string, string> = {
  'space before the header': 'safetensors/header-start',
  'tensor twice': 'safetensors/duplicate-key',
  'tensor twice, escaped': 'safetensors/duplicate-key',
  'metadata key twice': 'safetensors/duplicate-key',
  'tensor as a list': 'safetensors/tensor-info',
};

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).code;
  }
}

describe('readSafetensors', () => {
  it.each(verdicts)('agrees with the reference implementation on: $name', ({ name, file, tensors }) => {
    const bytes = new Uint8Array(Buffer.from(file, 'base64'));
    if (stricter[name]) {
      expect(tensors).toBeDefined();
      expect(codeOf(() => readSafetensors(bytes))).toBe(stricter[name]);
    } else if (tensors) {
      const read = [...readSafetensors(bytes).tensors].map(([key, { dtype, shape, data }]) => [
        key,
        [dtype, shape, Buffer.from(data).toString('base64')],
      ]);
      expect(Object.fromEntries(read)).toEqual(tensors);
    } else {
      expect(codeOf(() => readSafetensors(bytes))).toMatch(/^safetensors\//);
    }
  });

  it.each([
    ['header beyond the file', 'safetensors/truncated', 'is cut off'],
    ['header over 100 MB', 'safetensors/header-too-large', '100000001 bytes'],
    ['offsets beyond the file', 'safetensors/truncated', 'tensors end at byte'],
    ['bytes after the last tensor', 'safetensors/trailing-bytes', 'has 1 bytes after'],
    ['hole', 'safetensors/offsets', 'tensor "b" leaves a hole'],
    ['overlap', 'safetensors/offsets', 'tensor "b" overlaps'],
    ['size disagrees with shape', 'safetensors/size', 'need 8'],
    ['shape × size overflows', 'safetensors/shape', 'whole numbers'],
    ['shape wraps to 4 bytes', 'safetensors/overflow', '4294967296 × 4294967297'],
    ['dtype unknown', 'safetensors/dtype', '"F31"'],
    ['header is not UTF-8', 'safetensors/invalid-utf8', 'UTF-8'],
    ['metadata of a number', 'safetensors/metadata', 'text to text'],
  ])('says what is wrong and in which file: %s', (name, code, words) => {
    const bytes = new Uint8Array(Buffer.from(verdicts.find((verdict) => verdict.name === name)!.file, 'base64'));
    const read = () => readSafetensors(bytes, 'some/model.safetensors');
    expect(codeOf(read)).toBe(code);
    expect(read).toThrow(/some\/model\.safetensors/);
    expect(read).toThrow(words.replace('"F31"', 'F31'));
  });

  it.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n', 'git lfs pull'],
    ['<!doctype html><title>404</title>', 'web page'],
    ['PK\x03\x04 a zip of pickles', 'convert it to safetensors'],
  ])('names what the file really is: %j', (content, words) => {
    expect(() => readSafetensors(new TextEncoder().encode(content))).toThrow(words);
  });

  it('reads the reference file without copying, at any alignment', () => {
    const { tensors, metadata } = readSafetensors(reference);
    expect(metadata).toEqual({ format: 'pt' });
    expect([...tensors.keys()].sort()).toEqual(
      'edge.brain edge.half empty encoder.brain encoder.double encoder.half encoder.weight größe mask position_ids scalar'.split(
        ' ',
      ),
    );
    expect([...tensors.values()].every(({ data }) => data.buffer === reference.buffer)).toBe(true);
    expect(tensors.get('scalar')).toMatchObject({ dtype: 'F32', shape: [] });
    expect(tensors.get('empty')).toMatchObject({ dtype: 'F32', shape: [0, 4] });
    expect([...new BigInt64Array(tensors.get('position_ids')!.data.slice().buffer)]).toEqual([
      0n,
      1n,
      2n,
      3n,
      4n,
      5n,
      6n,
    ]);

    const shifted = new Uint8Array(reference.length + 3);
    shifted.set(reference, 3);
    expect(readSafetensors(shifted.subarray(3))).toEqual({ tensors, metadata });
  });

  it('parses a header without the data, by the size the file has', () => {
    const headerEnd = Math.min(...[...parseSafetensorsHeader(reference).tensors.values()].map(({ start }) => start));
    const header = parseSafetensorsHeader(reference.slice(0, headerEnd), reference.length, 'x');
    expect(header).toEqual(parseSafetensorsHeader(reference));
    expect(codeOf(() => parseSafetensorsHeader(reference.slice(0, headerEnd), reference.length - 1))).toBe(
      'safetensors/truncated',
    );
  });

  it('reads a header of megabytes, deeply nested or with one huge string, in linear time', () => {
    const size = 5_000_000;
    for (const header of [
      `{"a":${'['.repeat(size)}`,
      `{"${'x'.repeat(size)}":1}`,
      `{"${'\\\\'.repeat(size / 2)}":1}`,
    ]) {
      const text = new TextEncoder().encode(header);
      const bytes = new Uint8Array(8 + text.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
      bytes.set(text, 8);
      const start = performance.now();
      expect(codeOf(() => readSafetensors(bytes))).toMatch(/^safetensors\/(invalid-json|tensor-info)$/);
      expect(performance.now() - start).toBeLessThan(10_000);
    }
  });
});

describe('writeSafetensors', () => {
  it('writes the reference file again, byte for byte', () => {
    const { tensors, metadata } = readSafetensors(reference);
    const shuffled = new Map([...tensors].sort(([a], [b]) => (a < b ? 1 : -1)));
    expect(Buffer.compare(writeSafetensors(shuffled, metadata), reference)).toBe(0);
    expect(Buffer.compare(Buffer.concat([...streamSafetensors(tensors, metadata)]), reference)).toBe(0);
  });

  it('keeps names that look like integers or like JavaScript’s own, and writes a file without tensors', () => {
    const tensor: Tensor = { dtype: 'U8', shape: [1], data: Uint8Array.of(7) };
    const tensors = new Map(['b', '10', '2', '__proto__', 'toString', '"\\\u0001'].map((name) => [name, tensor]));
    const read = readSafetensors(writeSafetensors(tensors)).tensors;
    expect(read.size).toBe(6);
    for (const name of tensors.keys()) expect(read.get(name)).toEqual(tensor);
    expect(readSafetensors(writeSafetensors(new Map())).tensors.size).toBe(0);
  });

  it('refuses a tensor whose bytes do not fit its shape, and a name the format reserves', () => {
    const data = new Uint8Array(3);
    expect(codeOf(() => writeSafetensors(new Map([['a', { dtype: 'F32', shape: [1], data }]])))).toBe(
      'safetensors/size',
    );
    expect(codeOf(() => writeSafetensors(new Map([['__metadata__', { dtype: 'U8', shape: [3], data }]])))).toBe(
      'safetensors/name',
    );
  });
});
