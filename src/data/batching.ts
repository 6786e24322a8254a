/**
 * Token ids to batches.
 *
 * A batch is padded to its own longest row only. When shuffling, rows of similar length share a batch (the idea of
 * `LengthGroupedSampler` in Hugging Face transformers): shuffle, cut into mega-batches, sort each by length, cut into
 * batches, shuffle those. The padding is small, and yet no epoch repeats another's batches.
 */
import { UserError } from '../errors';
import { createRandom, shuffle as shuffleInPlace } from '../random';
import type { EncodedExamples } from './encoding';

/** One padded batch; row `i` of a matrix is `[i * length .. (i + 1) * length)`. */
export interface Batch {
  /** [batchSize · length], padded on the right with `padTokenId` */
  inputIds: Uint32Array;
  /** [batchSize · length], padded with 0 */
  tokenTypeIds: Uint32Array;
  /** [batchSize] real tokens of each row; what follows is padding */
  lengths: Uint32Array;
  /** [batchSize · width] for each kind of target, e.g. `labels`. */
  targets: Readonly<Record<string, Float32Array>>;
  /** [batchSize] place of each row in the split */
  exampleIndices: Uint32Array;
  /** Rows; the last batch of an epoch may have fewer than asked for. */
  batchSize: number;
  /** Padded length. */
  length: number;
  /** Real tokens in the whole batch. */
  tokens: number;
}

export interface BatchOptions {
  batchSize: number;
  padTokenId: number;
  /** No batch is padded beyond this, though its longest row is rounded up; at least the `maxLength` of the encoding. */
  maxLength?: number;
  /** False (default): batches follow the file. */
  shuffle?: boolean;
  seed?: number;
  /** The same seed gives every epoch an order of its own. */
  epoch?: number;
}

/** Batches in an epoch: the last, smaller one counts. */
export const batchCount = (count: number, batchSize: number) => Math.ceil(count / batchSize);

/**
 * The batches of one epoch, made as they are asked for; every row is in exactly one.
 *
 * @throws UserError `data/batch-size` unless `batchSize` is a positive integer
 */
export function* batches(encoded: EncodedExamples, options: BatchOptions): Generator<Batch, void, undefined> {
  const { batchSize, shuffle = false, seed = 42, epoch = 0 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UserError('data/batch-size', `The batch size must be a positive whole number, not ${batchSize}.`);
  }
  const order = shuffle
    ? lengthGroupedOrder(encoded, batchSize, seed, epoch)
    : Uint32Array.from({ length: encoded.count }, (_, i) => i);
  for (let start = 0; start < order.length; start += batchSize) {
    yield makeBatch(encoded, order.slice(start, start + batchSize), options);
  }
}

/**
 * What a batch whose longest row has `longest` tokens is padded to: less than an eighth more, a thirtieth on average, in steps that grow
 * with the length, so that few distinct lengths (16, and 8 for each doubling) need a program of their own.
 */
export function paddedLength(longest: number, maxLength = Infinity): number {
  const step = Math.max(1, 2 ** (Math.ceil(Math.log2(longest)) - 4));
  return Math.max(longest, Math.min(maxLength, Math.ceil(longest / step) * step));
}

/**
 * The batch of the given rows, in the given order.
 *
 * @param exampleIndices [batchSize] places in the split
 */
export function makeBatch(
  { count, offsets, inputIds, tokenTypeIds, targets }: EncodedExamples,
  exampleIndices: Uint32Array,
  { padTokenId, maxLength }: Omit<BatchOptions, 'batchSize'>,
): Batch {
  const batchSize = exampleIndices.length;
  const lengths = Uint32Array.from(exampleIndices, (i) => offsets[i + 1]! - offsets[i]!);
  const length = paddedLength(Math.max(1, ...lengths), maxLength);
  const batch: Batch = {
    inputIds: new Uint32Array(batchSize * length).fill(padTokenId),
    tokenTypeIds: new Uint32Array(batchSize * length),
    lengths,
    targets: Object.fromEntries(
      Object.entries(targets).map(([name, values]) => {
        const width = values.length / count;
        const rows = new Float32Array(batchSize * width);
        exampleIndices.forEach((i, row) => rows.set(values.subarray(i * width, (i + 1) * width), row * width));
        return [name, rows];
      }),
    ),
    exampleIndices,
    batchSize,
    length,
    tokens: lengths.reduce((a, b) => a + b, 0),
  };
  for (const [row, i] of exampleIndices.entries()) {
    batch.inputIds.set(inputIds.subarray(offsets[i]!, offsets[i + 1]!), row * length);
    batch.tokenTypeIds.set(tokenTypeIds.subarray(offsets[i]!, offsets[i + 1]!), row * length);
  }
  return batch;
}

/** Every row once; each run of `batchSize` rows has similar lengths, and only the last run may be short. */
function lengthGroupedOrder(
  { count, offsets }: EncodedExamples,
  batchSize: number,
  seed: number,
  epoch: number,
): Uint32Array {
  const random = createRandom(seed, epoch);
  const order = shuffleInPlace(
    Uint32Array.from({ length: count }, (_, i) => i),
    random,
  );
  // As transformers: up to 50 batches to a mega-batch, but at least four mega-batches where the data allows.
  const megaBatch = batchSize * Math.max(1, Math.min(50, Math.floor(count / (batchSize * 4))));
  const length = (i: number) => offsets[i + 1]! - offsets[i]!;
  // A short last batch is set aside first, so that it is a fair draw and not the longest or shortest rows.
  const full = count - (count % batchSize);
  for (let start = 0; start < full; start += megaBatch) {
    // Typed arrays sort stably, so rows of equal length stay in their shuffled order.
    order.subarray(start, Math.min(full, start + megaBatch)).sort((a, b) => length(b) - length(a));
  }
  const starts = shuffleInPlace(
    Uint32Array.from({ length: full / batchSize }, (_, b) => b * batchSize),
    random,
  );
  const grouped = order.slice();
  for (const [b, start] of starts.entries()) grouped.set(order.subarray(start, start + batchSize), b * batchSize);
  return grouped;
}
