/**
 * Rows to token ids. All token ids of a split lie in one flat array with offsets, so that MNLI's 400,000 rows cost tens of megabytes,
 * not hundreds.
 */
import type { Example } from './labelled';
import type { Encoding, TextTokenizer } from './tokenizer';

/** What a row is trained towards, a few numbers of each kind, e.g. its class. */
export type Targets = Readonly<Record<string, readonly number[]>>;

/** A row on its way into a split; one example may give several (windows of a long text). */
export interface EncodedRow extends Encoding {
  targets: Targets;
  /** [2 · tokens]: see `EncodedExamples`. */
  places?: Int32Array;
}

/** A split as token ids: row `i` is `inputIds[offsets[i] .. offsets[i + 1])`. */
export interface EncodedExamples {
  count: number;
  /** [count + 1] */
  offsets: Uint32Array;
  /** [total tokens] */
  inputIds: Uint32Array;
  /** [total tokens], 0 for the first text and 1 for the second (BERT; always 0 for RoBERTa) */
  tokenTypeIds: Uint8Array;
  /** [2 · total tokens], for tasks that point into a text: where each token starts and ends in it, in UTF-16 units; -1 outside of it. */
  places?: Int32Array;
  /** [count · width] for each kind of target, named as the program's input that takes it. */
  targets: Readonly<Record<string, Float32Array>>;
  /** [count] which example a row comes from. */
  exampleOf: Uint32Array;
  /** Rows that were longer than `maxLength` and were cut. */
  truncated: number;
}

export interface EncodeOptions {
  /** Longest row in tokens, special tokens included. */
  maxLength: number;
  /** Called with the examples done so far, a few times a second and at the end. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

/** A time slice after which encoding lets the event loop breathe, in milliseconds. */
const SLICE = 12;

/** Encodes examples in slices that leave the event loop free for messages and drawing. */
export async function encodeRows<Row>(
  examples: readonly Row[],
  encode: (example: Row) => Iterable<EncodedRow>,
  { onProgress, signal }: Omit<EncodeOptions, 'maxLength'> = {},
): Promise<EncodedExamples> {
  const offsets = [0];
  const exampleOf: number[] = [];
  const targets: Record<string, number[]> = {};
  let inputIds = new Uint32Array(Math.max(1024, examples.length * 32));
  let tokenTypeIds = new Uint8Array(inputIds.length);
  let places: Int32Array | undefined;
  let truncated = 0;
  let sliceStart = performance.now();
  for (const [index, example] of examples.entries()) {
    for (const row of encode(example)) {
      const start = offsets.at(-1)!;
      const end = start + row.inputIds.length;
      if (end > inputIds.length) {
        inputIds = grown(inputIds, new Uint32Array(Math.max(end, 2 * inputIds.length)));
        tokenTypeIds = grown(tokenTypeIds, new Uint8Array(inputIds.length));
        places &&= grown(places, new Int32Array(2 * inputIds.length));
      }
      inputIds.set(row.inputIds, start);
      tokenTypeIds.set(row.tokenTypeIds, start);
      if (row.places) (places ??= new Int32Array(2 * inputIds.length)).set(row.places, 2 * start);
      offsets.push(end);
      exampleOf.push(index);
      for (const [name, values] of Object.entries(row.targets)) (targets[name] ??= []).push(...values);
      if (row.truncated) truncated++;
    }
    if (performance.now() - sliceStart > SLICE) {
      onProgress?.(index + 1, examples.length);
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      sliceStart = performance.now();
    }
  }
  onProgress?.(examples.length, examples.length);
  const total = offsets.at(-1)!;
  return {
    count: exampleOf.length,
    offsets: Uint32Array.from(offsets),
    inputIds: inputIds.slice(0, total),
    tokenTypeIds: tokenTypeIds.slice(0, total),
    ...(places && { places: places.slice(0, 2 * total) }),
    targets: Object.fromEntries(Object.entries(targets).map(([name, values]) => [name, Float32Array.from(values)])),
    exampleOf: Uint32Array.from(exampleOf),
    truncated,
  };
}

/** Labelled texts: one row an example, whose target is its label. */
export const encodeExamples = (
  tokenizer: TextTokenizer,
  examples: readonly Example[],
  { maxLength, ...options }: EncodeOptions,
): Promise<EncodedExamples> =>
  encodeRows(
    examples,
    ({ text, pair, label }) => [{ ...tokenizer.encode(text, pair, maxLength), targets: { labels: [label] } }],
    options,
  );

/** Tokens of each row, at least 1. */
export const rowLengths = ({ offsets, count }: Pick<EncodedExamples, 'offsets' | 'count'>): number[] =>
  Array.from({ length: count }, (_, i) => Math.max(1, offsets[i + 1]! - offsets[i]!));

function grown<T extends Uint32Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
