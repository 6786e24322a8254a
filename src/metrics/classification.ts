/**
 * Scores of a classifier: accuracy, F1 and the Matthews correlation coefficient, as scikit-learn computes them.
 *
 * Predictions and labels are class ids. Where a score is 0/0 (nothing predicted, one class only) it is 0, as in
 * scikit-learn; no score is ever NaN.
 */

/** A list of numbers, plain or typed. */
export type Numbers = ArrayLike<number>;

/** @throws RangeError where the two lists differ in length or are empty: a bug of the caller, not of the user */
export function checkPairs(predictions: Numbers, labels: Numbers): number {
  if (predictions.length !== labels.length) {
    throw new RangeError(`${predictions.length} predictions for ${labels.length} labels`);
  }
  if (labels.length === 0) throw new RangeError('a metric of no examples is undefined');
  return labels.length;
}

/** Share of the predictions that equal their label, 0..1. */
export function accuracy(predictions: Numbers, labels: Numbers): number {
  const count = checkPairs(predictions, labels);
  let right = 0;
  for (let i = 0; i < count; i++) if (predictions[i] === labels[i]) right++;
  return right / count;
}

/**
 * F1 of the positive class, `2·TP / (2·TP + FP + FN)`; 0 where the class is neither predicted nor present
 * (`sklearn.metrics.f1_score(average='binary', zero_division=0)`).
 */
export function f1(predictions: Numbers, labels: Numbers, positiveLabel = 1): number {
  const count = checkPairs(predictions, labels);
  let truePositives = 0;
  let misses = 0;
  for (let i = 0; i < count; i++) {
    const predicted = predictions[i] === positiveLabel;
    const actual = labels[i] === positiveLabel;
    if (predicted && actual) truePositives++;
    else if (predicted !== actual) misses++;
  }
  return truePositives === 0 ? 0 : (2 * truePositives) / (2 * truePositives + misses);
}

/**
 * Matthews correlation for any number of classes (Gorodkin 2004, `sklearn.metrics.matthews_corrcoef`):
 * `(c·s − Σ p_k t_k) / √((s² − Σ p_k²)(s² − Σ t_k²))` with `s` examples, `c` of them right, and class `k` predicted `p_k`
 * times and present `t_k` times. 0 where predictions or labels are all of one class.
 */
export function matthewsCorrelation(predictions: Numbers, labels: Numbers): number {
  const count = checkPairs(predictions, labels);
  const predicted = new Map<number, number>();
  const actual = new Map<number, number>();
  let right = 0;
  for (let i = 0; i < count; i++) {
    const p = predictions[i]!;
    const t = labels[i]!;
    predicted.set(p, (predicted.get(p) ?? 0) + 1);
    actual.set(t, (actual.get(t) ?? 0) + 1);
    if (p === t) right++;
  }
  let both = 0;
  let predictedSquares = 0;
  for (const [k, n] of predicted) {
    both += n * (actual.get(k) ?? 0);
    predictedSquares += n * n;
  }
  let actualSquares = 0;
  for (const n of actual.values()) actualSquares += n * n;
  const spread = (count * count - predictedSquares) * (count * count - actualSquares);
  return spread === 0 ? 0 : (right * count - both) / Math.sqrt(spread);
}

/**
 * How often label `row` was predicted as `column`.
 *
 * @returns `numLabels` rows of `numLabels` counts; pairs with an id outside 0..numLabels-1 are not counted
 */
export function confusionMatrix(predictions: Numbers, labels: Numbers, numLabels: number): number[][] {
  const count = checkPairs(predictions, labels);
  const matrix = Array.from({ length: numLabels }, () => new Array<number>(numLabels).fill(0));
  for (let i = 0; i < count; i++) {
    const row = matrix[labels[i]!];
    const column = predictions[i]!;
    if (row?.[column] !== undefined) row[column]++;
  }
  return matrix;
}
