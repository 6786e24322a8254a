/**
 * ROUGE-L (Lin 2004) as coco-caption computes it: of an output's longest common subsequences with its references the
 * best precision and the best recall, each by itself, joined by an F-measure with β = 1.2; the mean over the examples.
 */
const beta = 1.2;

/** @param outputs tokens of each output @param references of each output, tokens of each @returns 0..1 */
export function rougeL(
  outputs: readonly (readonly string[])[],
  references: readonly (readonly (readonly string[])[])[],
): number {
  let sum = 0;
  for (const [i, output] of outputs.entries()) {
    let precision = 0;
    let recall = 0;
    for (const reference of references[i]!) {
      const common = longestCommonSubsequence(output, reference);
      // There a text without tokens is one empty token, which equals another.
      const shared = output.length + reference.length === 0 ? 1 : common;
      precision = Math.max(precision, shared / Math.max(1, output.length));
      recall = Math.max(recall, shared / Math.max(1, reference.length));
    }
    if (precision > 0 && recall > 0) sum += ((1 + beta ** 2) * precision * recall) / (recall + beta ** 2 * precision);
  }
  return sum / outputs.length;
}

/** Length of the longest sequence that is left of both when tokens are crossed out. */
export function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let above = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  for (const token of a) {
    for (let j = 1; j <= b.length; j++)
      row[j] = token === b[j - 1] ? above[j - 1]! + 1 : Math.max(above[j]!, row[j - 1]!);
    [above, row] = [row, above];
  }
  return above[b.length]!;
}
