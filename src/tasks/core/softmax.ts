/** Shares of scores, in float64. */
export function softmax(logits: ArrayLike<number>): number[] {
  const max = Array.from(logits).reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((value) => value / sum);
}
