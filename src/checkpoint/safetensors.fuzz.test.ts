/** 100,000 mutated safetensors files: each is read correctly or refused with a `UserError`; none hangs or over-allocates. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UserError } from '../errors';
import { byteCount, dtypeBits, type Dtype } from './dtype';
import { readSafetensors, writeSafetensors, type Tensor } from './safetensors';

const dtypes = Object.keys(dtypeBits) as Dtype[];
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'w.0', '__proto__', '10', 'größe'),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);

const tensor: fc.Arbitrary<Tensor> = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(3), { maxLength: 3 }), fill: fc.nat(255) })
  .map(({ dtype, shape, fill }) => {
    const whole = Number.isInteger(byteCount(dtype, shape)) ? dtype : 'U8';
    return { dtype: whole, shape, data: new Uint8Array(byteCount(whole, shape)).fill(fill) };
  });

const validFile = fc
  .record({
    tensors: fc.array(fc.tuple(name, tensor), { maxLength: 4 }),
    metadata: fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 2 }),
  })
  .map(({ tensors, metadata }) => {
    const named = new Map(tensors.filter(([key]) => key !== '__metadata__'));
    return { named, metadata, bytes: writeSafetensors(named, metadata) };
  });

type Mutate = (bytes: Uint8Array) => Uint8Array;
/** Where in the file, as a fraction; evenly spread, where fast-check would prefer the ends. */
const place = fc.noBias(fc.nat(65535)).map((fraction) => fraction / 65536);

/** Replaces the header's text and corrects its length, so that the edit itself is what gets judged. */
function editHeader(bytes: Uint8Array, edit: (header: string) => string): Uint8Array {
  if (bytes.length < 8) return bytes;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (8 + length > bytes.length) return bytes;
  const text = new TextEncoder().encode(edit(new TextDecoder().decode(bytes.subarray(8, 8 + length))));
  const edited = Buffer.concat([new Uint8Array(8), text, bytes.subarray(8 + length)]);
  edited.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(edited);
}

const bitFlip = fc.tuple(place, fc.nat(7)).map(([at, bit]): Mutate => (bytes) => {
  const flipped = bytes.slice();
  if (flipped.length > 0) flipped[Math.floor(at * flipped.length)]! ^= 1 << bit;
  return flipped;
});
const headerLength = fc
  .oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: 0n, max: 400n }),
    fc.constantFrom(100_000_000n, 100_000_001n),
  )
  .map((length): Mutate => (bytes) => {
    const changed = bytes.slice();
    if (changed.length >= 8) new DataView(changed.buffer).setBigUint64(0, length, true);
    return changed;
  });
const truncation = place.map(
  (at): Mutate =>
    (bytes) =>
      bytes.slice(0, Math.floor(at * bytes.length)),
);
const splice = fc.tuple(place, place, fc.uint8Array({ maxLength: 12 })).map(([at, cut, insert]): Mutate => (bytes) => {
  const start = Math.floor(at * bytes.length);
  const end = Math.min(bytes.length, start + Math.floor(cut * 12));
  return new Uint8Array(Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(end)]));
});
// prettier-ignore
const snippets = [
  '-1', '0', '1', '4', '1.0', '1e3', '-0', '4294967296', '4503599627370496', '9007199254740993', '18446744073709551615',
  'null', 'true', '{}', '[]', '""', '"F32"', '"F4"', '"ZZ"', '"__metadata__"', '"a"', '"\\u0061"', '"\\ud800"',
  '[[[[', '}', ']', ',', ':', ' ', '\t', '\\', '\u0000', 'é',
];
/** A number, a dtype, or a whole tensor's description. */
const value = fc.constantFrom(/\d+/g, /(?<="dtype":)"[^"]*"/g, /(?<=":)\{"dtype[^}]*\}/g);
const valueEdit = fc.tuple(place, value, fc.constantFrom(...snippets)).map(
  ([at, pattern, snippet]): Mutate =>
    (bytes) =>
      editHeader(bytes, (header) => {
        const values = [...header.matchAll(pattern)];
        if (values.length === 0) return header;
        const chosen = values[Math.floor(at * values.length)]!;
        return header.slice(0, chosen.index) + snippet + header.slice(chosen.index + chosen[0].length);
      }),
);
const textEdit = fc.tuple(place, fc.constantFrom(...snippets)).map(
  ([at, snippet]): Mutate =>
    (bytes) =>
      editHeader(bytes, (header) => {
        const start = Math.floor(at * header.length);
        return header.slice(0, start) + snippet + header.slice(start);
      }),
);
/** Repeats, drops or swaps whole header entries: duplicates, holes, overlaps and other orders. */
const entryEdit = fc.tuple(place, place, fc.constantFrom('repeat', 'drop', 'swap')).map(
  ([at, to, action]): Mutate =>
    (bytes) =>
      editHeader(bytes, (header) => {
        const entries = header
          .trim()
          .slice(1, -1)
          .split(/,(?=")(?=[^{}]*\{)/);
        const [i, j] = [Math.floor(at * entries.length), Math.floor(to * entries.length)];
        if (action === 'repeat') entries.splice(j, 0, entries[i]!);
        else if (action === 'drop') entries.splice(i, 1);
        else [entries[i], entries[j]] = [entries[j]!, entries[i]!];
        return `{${entries.join(',')}}`;
      }),
);
const mutation = fc.oneof(
  { arbitrary: bitFlip, weight: 3 },
  { arbitrary: headerLength, weight: 1 },
  { arbitrary: truncation, weight: 1 },
  { arbitrary: splice, weight: 2 },
  { arbitrary: valueEdit, weight: 4 },
  { arbitrary: textEdit, weight: 3 },
  { arbitrary: entryEdit, weight: 3 },
);
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

it('reads or refuses 100,000 mutated files', { timeout: 300_000 }, () => {
  const outcomes = new Map<string, number>();
  let slowest = 0;
  const heldBefore = process.memoryUsage().arrayBuffers;
  fc.assert(
    fc.property(validFile, mutations, (file, mutate) => {
      const bytes = mutate.reduce((current, change) => change(current), file.bytes as Uint8Array);
      const start = process.cpuUsage();
      let outcome = 'read';
      try {
        const { tensors, metadata } = readSafetensors(bytes, 'fuzzed.safetensors');
        checkRead(bytes, tensors, metadata);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (!error.code.startsWith('safetensors/') || error.message.length > 400) throw error;
        outcome = error.code;
      }
      // Milliseconds of CPU: a machine that pauses us is no hang of ours.
      const { user, system } = process.cpuUsage(start);
      slowest = Math.max(slowest, (user + system) / 1000);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }),
    { numRuns: 100_000, seed: 20260101 },
  );
  // The fuzzing reaches both verdicts and every check, or it proves nothing.
  expect(outcomes.get('read')).toBeGreaterThan(5_000);
  expect([...outcomes.keys()].sort()).toEqual(
    (
      'duplicate-key dtype header-start header-too-large header-too-small invalid-json invalid-utf8 metadata misaligned number ' +
      'offsets overflow shape size surrogate tensor-info trailing-bytes truncated'
    )
      .split(' ')
      .map((code) => `safetensors/${code}`)
      .concat('read')
      .sort(),
  );
  expect(slowest).toBeLessThan(1_000);
  expect(process.memoryUsage().arrayBuffers - heldBefore).toBeLessThan(256 * 2 ** 20);
});

/** What was accepted covers the file exactly, as views, and says the same when written and read again. */
function checkRead(bytes: Uint8Array, tensors: Map<string, Tensor>, metadata: Record<string, string>): void {
  const headerEnd = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, headerEnd))) as Record<
    string,
    Record<string, unknown>
  >;
  let position = headerEnd;
  for (const [key, { dtype, shape, data }] of tensors) {
    const entry = header[key]!;
    if (entry.dtype !== dtype || JSON.stringify(entry.shape) !== JSON.stringify(shape))
      throw new Error(`${key} is misread`);
    if (
      JSON.stringify(entry.data_offsets) !== JSON.stringify([position - headerEnd, position - headerEnd + data.length])
    ) {
      throw new Error(`${key} is read from the wrong place`);
    }
    if (data.buffer !== bytes.buffer || data.byteOffset !== bytes.byteOffset + position)
      throw new Error(`${key} is no view`);
    const bits = shape.reduce((product, size) => product * size, 1) * dtypeBits[dtype];
    if (data.length * 8 !== bits) throw new Error(`${key} has the wrong size`);
    position += data.length;
  }
  if (position !== bytes.length) throw new Error('bytes are left over');
  const again = readSafetensors(writeSafetensors(tensors, metadata));
  if (again.tensors.size !== tensors.size) throw new Error('writing loses tensors');
  for (const [key, { dtype, shape, data }] of tensors) {
    const copy = again.tensors.get(key)!;
    const same = copy.dtype === dtype && copy.shape.join() === shape.join() && Buffer.compare(copy.data, data) === 0;
    if (!same) throw new Error(`writing changes ${key}`);
  }
}
