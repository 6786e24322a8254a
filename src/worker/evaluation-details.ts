/** The best evaluation of each method, example by example: confusion, scatter, and where the methods disagree. */
import { predictionsFromLogits } from '../../metrics/task-metrics';
import type { Prepared } from '../../train/prepare';
import type { EvaluationDetails } from '../protocol';
import { examplePreview, labelText } from './inspect';

const maxScatter = 2000;
const maxDisagreements = 200;

/** @param logitsOf logits of a method's best evaluation, in the validation split's order; methods without one are left out */
export function evaluationDetails(
  { task, validation, loaded, contenders }: Prepared,
  logitsOf: (id: string) => Float32Array | undefined,
): EvaluationDetails {
  const answered = contenders.flatMap(({ contender: { id } }) => {
    const logits = logitsOf(id);
    return logits ? [{ id, predictions: predictionsFromLogits(logits, task.numLabels) }] : [];
  });
  const classification = task.kind === 'classification';
  const { count, labels } = validation;
  const methods = answered.map(({ id, predictions }) => {
    if (classification) {
      const confusion = task.labelNames.map(() => task.labelNames.map(() => 0));
      for (let i = 0; i < count; i++) confusion[labels[i]!]![predictions[i]!]!++;
      return { id, confusion };
    }
    const every = Math.max(1, count / maxScatter);
    const points = Array.from({ length: Math.min(count, maxScatter) }, (_, i) => Math.floor(i * every));
    return { id, scatter: points.map((i) => ({ truth: labels[i]!, prediction: predictions[i]! })) };
  });
  /** 0 where all answer the same. */
  const spread = (i: number) => {
    const answers = answered.map(({ predictions }) => predictions[i]!);
    return Math.max(...answers) - Math.min(...answers);
  };
  const differing = answered.length < 2 ? [] : Array.from({ length: count }, (_, i) => i).filter((i) => spread(i) > 0);
  // Scores always differ a little: the largest differences first.
  const shown = (classification ? differing : differing.sort((a, b) => spread(b) - spread(a))).slice(
    0,
    maxDisagreements,
  );
  const disagreements = shown.map((index) => ({
    index,
    ...examplePreview(task, loaded.validation[index]!),
    answers: Object.fromEntries(answered.map(({ id, predictions }) => [id, labelText(task, predictions[index]!)])),
  }));
  return {
    kind: task.kind,
    labelNames: task.labelNames,
    count,
    methods,
    disagreements,
    disagreementCount: differing.length,
  };
}
