/**
 * Which scores a task is judged by: GLUE's own choice, under the names Hugging Face's `evaluate` library (metrics/glue) gives
 * them, and the one among them that picks the best epoch.
 *
 * Primary scores: Matthews for CoLA, Pearson for STS-B, accuracy for the rest. For MRPC and QQP, where GLUE reports
 * accuracy and F1, accuracy decides, as in the tables of LoRA (arXiv 2106.09685) which later papers compare with.
 */
import { accuracy, f1, matthewsCorrelation, type Numbers } from './classification';
import { pearson, spearman } from './correlation';

export type MetricName = 'accuracy' | 'f1' | 'matthews_correlation' | 'pearson' | 'spearmanr';

/** The scores of a task, and the one (higher is better) by which the best epoch is chosen. */
export interface MetricChoice {
  readonly names: readonly MetricName[];
  readonly primary: MetricName;
}

/** Every score here is at most 1, and higher is better. */
export type MetricValues = Partial<Record<MetricName, number>>;

const compute: Record<MetricName, (predictions: Numbers, labels: Numbers) => number> = {
  accuracy,
  f1,
  matthews_correlation: matthewsCorrelation,
  pearson,
  spearmanr: spearman,
};

/** Any classification task that GLUE does not list. */
export const classificationMetrics: MetricChoice = { names: ['accuracy'], primary: 'accuracy' };
/** Any regression task, as for STS-B. */
export const regressionMetrics: MetricChoice = { names: ['pearson', 'spearmanr'], primary: 'pearson' };
const paraphraseMetrics: MetricChoice = { names: ['accuracy', 'f1'], primary: 'accuracy' };

/** GLUE's choice per task, by the hub's configuration names. */
export const glueMetrics = {
  cola: { names: ['matthews_correlation'], primary: 'matthews_correlation' },
  sst2: classificationMetrics,
  mrpc: paraphraseMetrics,
  stsb: regressionMetrics,
  qqp: paraphraseMetrics,
  mnli: classificationMetrics,
  qnli: classificationMetrics,
  rte: classificationMetrics,
  wnli: classificationMetrics,
} as const satisfies Record<string, MetricChoice>;

/**
 * The scores of one evaluation.
 *
 * @param predictions class ids for a classification task, scores for a regression task (see `predictionsFromLogits`)
 * @param labels what the data says, in the same order
 */
export function taskMetrics(choice: MetricChoice, predictions: Numbers, labels: Numbers): MetricValues {
  return Object.fromEntries(choice.names.map((name) => [name, compute[name](predictions, labels)]));
}

/**
 * What a model with these logits answers: the class of the largest logit (the first among equals, as `argmax`), or, with
 * `numLabels` 1, the logit itself.
 *
 * @param logits [count, numLabels], row by row
 */
export function predictionsFromLogits(logits: Numbers, numLabels: number): Float64Array {
  if (numLabels === 1) return Float64Array.from(logits);
  return Float64Array.from({ length: Math.floor(logits.length / numLabels) }, (_, row) => {
    let best = 0;
    for (let k = 1; k < numLabels; k++) if (logits[row * numLabels + k]! > logits[row * numLabels + best]!) best = k;
    return best;
  });
}
