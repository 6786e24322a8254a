/** Outputs of a whole split, for tasks whose head gives the same number of values a row. */
import { makeBatch } from '../../data/batching';
import type { EncodedExamples } from '../../data/encoding';
import type { EvaluateOptions, Predictor } from './task';

/** @returns `[count, width]`, in the split's order, though rows of similar length are run together */
export async function predictRows(
  predictor: Pick<Predictor, 'predict'>,
  encoded: EncodedExamples,
  width: number,
  options: EvaluateOptions,
): Promise<Float32Array> {
  const { count, offsets } = encoded;
  const { maxLength, tokenizer } = options;
  const { padTokenId } = tokenizer;
  const rowLength = (row: number) => offsets[row + 1]! - offsets[row]!;
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => rowLength(b) - rowLength(a));
  const outputs = new Float32Array(count * width);
  for (let start = 0; start < count; start += options.batchSize) {
    options.signal?.throwIfAborted();
    const rows = order.slice(start, start + options.batchSize);
    const values = await predictor.predict(makeBatch(encoded, rows, { maxLength, padTokenId }));
    rows.forEach((row, i) => outputs.set(values.subarray(i * width, (i + 1) * width), row * width));
    options.onProgress?.(Math.min(start + options.batchSize, count), count);
  }
  return outputs;
}
