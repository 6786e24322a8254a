/** Counts of n-grams, which BLEU, NIST and CIDEr compare. */

/** Counts of one text's n-grams: `counts[n - 1]` maps an n-gram, its tokens joined by spaces, to how often it occurs. */
export type NgramCounts = readonly ReadonlyMap<string, number>[];

/** @param tokens none of them holds a space @param longest the largest n */
export function countNgrams(tokens: readonly string[], longest: number): NgramCounts {
  const counts = Array.from({ length: longest }, () => new Map<string, number>());
  for (let start = 0; start < tokens.length; start++) {
    let ngram = '';
    for (let n = 1; n <= longest && start + n <= tokens.length; n++) {
      ngram += (n === 1 ? '' : ' ') + tokens[start + n - 1]!;
      counts[n - 1]!.set(ngram, (counts[n - 1]!.get(ngram) ?? 0) + 1);
    }
  }
  return counts;
}
