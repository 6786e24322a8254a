/** Evaluation: logits of a whole split in the split's order, and the task's metrics. */
import { makeBatch, type EncodedExamples } from '../data/batching';
import type { Task } from '../data/tasks';
import { predictionsFromLogits, taskMetrics } from '../metrics/task-metrics';
import type { Contender } from './contender';

export interface EvaluationOptions {
  readonly batchSize: number;
  readonly padTokenId: number;
  readonly maxLength: number;
  /** At most this many examples from the start of the split; 0 is all. */
  readonly limit: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** @returns logits `[count, numLabels]`, in the split's order, though rows of similar length are run together */
export async function predictSplit(
  contender: Contender,
  encoded: EncodedExamples,
  options: EvaluationOptions,
): Promise<Float32Array> {
  const count = options.limit ? Math.min(options.limit, encoded.count) : encoded.count;
  const { numLabels } = contender.options.classifier;
  const rowLength = (row: number) => encoded.offsets[row + 1]! - encoded.offsets[row]!;
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => rowLength(b) - rowLength(a));
  const logits = new Float32Array(count * numLabels);
  for (let start = 0; start < count; start += options.batchSize) {
    options.signal?.throwIfAborted();
    const rows = order.slice(start, start + options.batchSize);
    const values = await contender.predict(makeBatch(encoded, rows, options));
    rows.forEach((row, i) => logits.set(values.subarray(i * numLabels, (i + 1) * numLabels), row * numLabels));
    options.onProgress?.(Math.min(start + options.batchSize, count), count);
  }
  return logits;
}

/** The task's metrics, and the mean loss as `loss`. */
export function scores(task: Task, logits: Float32Array, labels: Float32Array): Record<string, number> {
  const count = logits.length / task.numLabels;
  const truth = labels.subarray(0, count);
  let loss = 0;
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * task.numLabels, (i + 1) * task.numLabels);
    if (task.kind === 'regression') loss += (row[0]! - truth[i]!) ** 2 / count;
    else {
      const max = Math.max(...row);
      loss += (max + Math.log(row.reduce((sum, z) => sum + Math.exp(z - max), 0)) - row[truth[i]!]!) / count;
    }
  }
  return {
    ...(taskMetrics(task.metrics, predictionsFromLogits(logits, task.numLabels), truth) as Record<string, number>),
    loss,
  };
}
