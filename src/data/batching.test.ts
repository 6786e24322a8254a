import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { batchCount, batches, paddedLength, type Batch, type BatchOptions } from './batching';
import { encodeExamples, type EncodedExamples } from './encoding';
import { createRandom, shuffle } from '../random';
import { loadTokenizer } from './tokenizer';

const padTokenId = 1;

/** Rows of the given lengths whose tokens name their row. */
function encodedOf(lengths: number[]): EncodedExamples {
  const offsets = Uint32Array.from([0, ...lengths]);
  for (let i = 0; i < lengths.length; i++) offsets[i + 1]! += offsets[i]!;
  const inputIds = Uint32Array.from(lengths.flatMap((length, row) => new Array<number>(length).fill(row + 10)));
  const labels = Float32Array.from(lengths, (_, row) => row % 3);
  return {
    count: lengths.length,
    offsets,
    inputIds,
    tokenTypeIds: new Uint8Array(inputIds.length).fill(1),
    targets: { labels },
    exampleOf: Uint32Array.from(lengths.keys()),
    truncated: 0,
  };
}
const all = (encoded: EncodedExamples, options: Omit<BatchOptions, 'padTokenId'>) => [
  ...batches(encoded, { padTokenId, ...options }),
];
const indices = (list: Batch[]) => list.flatMap(({ exampleIndices }) => [...exampleIndices]);
const skewed = (count: number) => Array.from({ length: count }, (_, i) => 2 + ((i * 37) % 61));

describe('batches', () => {
  const lengthsArbitrary = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 120 });

  it('hold every row once, padded on the right, for any lengths and options', () => {
    const options = fc.record({
      batchSize: fc.integer({ min: 1, max: 40 }),
      shuffle: fc.boolean(),
      seed: fc.nat(),
      epoch: fc.nat(5),
    });
    fc.assert(
      fc.property(lengthsArbitrary, options, (lengths, settings) => {
        const encoded = encodedOf(lengths);
        const list = all(encoded, settings);
        expect(list).toHaveLength(batchCount(lengths.length, settings.batchSize));
        expect(indices(list).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
        for (const [b, batch] of list.entries()) {
          expect(batch.batchSize).toBe(Math.min(settings.batchSize, lengths.length - b * settings.batchSize));
          expect(batch.length).toBe(paddedLength(Math.max(...batch.lengths)));
          expect(batch.inputIds).toHaveLength(batch.batchSize * batch.length);
          let tokens = 0;
          for (const [row, i] of batch.exampleIndices.entries()) {
            expect(batch.lengths[row]).toBe(lengths[i]);
            expect(batch.targets['labels']![row]).toBe(i % 3);
            const padded = (real: number, pad: number) =>
              Array.from({ length: batch.length }, (_, at) => (at < lengths[i]! ? real : pad));
            const part = (matrix: Uint32Array) => [...matrix.slice(row * batch.length, (row + 1) * batch.length)];
            expect(part(batch.inputIds)).toEqual(padded(i + 10, padTokenId));
            expect(part(batch.tokenTypeIds)).toEqual(padded(1, 0));
            tokens += lengths[i]!;
          }
          expect(batch.tokens).toBe(tokens);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('follow the file without shuffling', () => {
    expect(indices(all(encodedOf([5, 1, 3, 9, 2]), { batchSize: 2 }))).toEqual([0, 1, 2, 3, 4]);
  });

  it('are the same for the same seed and epoch, and others for others', () => {
    const encoded = encodedOf(skewed(200));
    const order = (seed: number, epoch: number) => indices(all(encoded, { batchSize: 8, shuffle: true, seed, epoch }));
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(2, 0));
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('waste little on padding when shuffled, and do not run from long to short', () => {
    const encoded = encodedOf(skewed(1000));
    const padding = (list: Batch[]) => list.reduce((sum, b) => sum + b.batchSize * b.length - b.tokens, 0);
    const plain = padding(all(encoded, { batchSize: 16 }));
    const shuffled = all(encoded, { batchSize: 16, shuffle: true });
    expect(padding(shuffled)).toBeLessThan(plain / 4);
    const lengths = shuffled.map(({ length }) => length);
    const rises = lengths.filter((length, i) => i > 0 && length > lengths[i - 1]!).length;
    expect(rises).toBeGreaterThan(lengths.length / 4);
  });

  it('have few distinct lengths, none much longer than its longest row', () => {
    expect([1, 15, 16, 17, 31, 33, 64, 65, 127, 500].map((n) => paddedLength(n))).toEqual([
      1, 15, 16, 18, 32, 36, 64, 72, 128, 512,
    ]);
    const lengths = Array.from({ length: 512 }, (_, i) => i + 1);
    for (const n of lengths) expect(paddedLength(n) - n).toBeLessThanOrEqual(n / 8);
    expect(new Set(lengths.map((n) => paddedLength(n))).size).toBe(16 + 5 * 8);
  });

  it('do not pad beyond maxLength', () => {
    const [batch] = all(encodedOf([61, 3]), { batchSize: 2, maxLength: 62 });
    expect(batch!.length).toBe(62);
  });

  it('refuse a batch size that is none', () => {
    for (const batchSize of [0, -1, 1.5, NaN]) {
      expect(() => all(encodedOf([1]), { batchSize })).toThrow(expect.objectContaining({ code: 'data/batch-size' }));
    }
  });
});

describe('encoding', () => {
  it('keeps order, labels and segments, reports progress, and counts what was cut', async () => {
    const tokenizer = await loadTokenizer(folderSource('public/checkpoints/tiny-roberta'));
    const long = 'and it went on and on '.repeat(50);
    const examples = Array.from({ length: 3000 }, (_, i) => ({ text: `row ${i}${i % 100 ? '' : long}`, label: i % 2 }));
    const seen: number[] = [];
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const encoded = await encodeExamples(tokenizer, examples, {
      maxLength: 32,
      onProgress: (done, total) => {
        expect(total).toBe(3000);
        seen.push(done);
      },
    });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe(3000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(encoded.truncated).toBe(30);
    for (const i of [0, 1, 2999]) {
      const ids = encoded.inputIds.slice(encoded.offsets[i], encoded.offsets[i + 1]);
      expect([...ids]).toEqual(tokenizer.encode(examples[i]!.text, undefined, 32).inputIds);
      expect(encoded.targets['labels']![i]).toBe(i % 2);
    }
  });

  it('can be stopped', async () => {
    const tokenizer = await loadTokenizer(folderSource('public/checkpoints/tiny-roberta'));
    const examples = Array.from({ length: 200_000 }, (_, i) => ({ text: `sentence number ${i}`, label: 0 }));
    const abort = new AbortController();
    const encoding = encodeExamples(tokenizer, examples, {
      maxLength: 32,
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(encoding).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('random numbers', () => {
  it('are spread evenly, repeat for a seed and stream, and differ between them', () => {
    const draw = (seed: number, stream = 0) => {
      const random = createRandom(seed, stream);
      return Array.from({ length: 20_000 }, random);
    };
    for (const [seed, stream] of [
      [0, 0],
      [1, 0],
      [42, 3],
      [2 ** 40 + 7, 0],
    ] as const) {
      const values = draw(seed, stream);
      const bins = new Array<number>(20).fill(0);
      for (const value of values) bins[Math.floor(value * 20)]!++;
      // χ² with 19 degrees of freedom: 43.8 is the 0.1% tail.
      expect(bins.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(43.8);
      expect(draw(seed, stream)).toEqual(values);
    }
    expect(draw(1, 0).slice(0, 4)).not.toEqual(draw(0, 1).slice(0, 4));
    expect(draw(2 ** 40)[0]).not.toBe(draw(0)[0]);
  });

  it('shuffle every order of three about as often', () => {
    const random = createRandom(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = shuffle([0, 1, 2], random).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(120);
  });
});
