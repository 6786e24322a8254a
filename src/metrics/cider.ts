/**
 * CIDEr as coco-caption computes it under that name, which is CIDEr-D (Vedantam et al. 2015) without its stemming:
 * cosine of tf-idf vectors of n-grams, n = 1..4, with the output's weights cut off at the reference's and a Gaussian
 * penalty on the difference in length; the mean over n, references and examples, times 10.
 *
 * An n-gram's document frequency counts the examples whose references have it. With one example every idf is log 1 = 0,
 * and so is the score.
 */
import { countNgrams, type NgramCounts } from './ngrams';

const longest = 4;
const sigma = 6;

interface TfIdf {
  /** Per n - 1: n-gram → term frequency times inverse document frequency. */
  readonly weights: readonly ReadonlyMap<string, number>[];
  readonly norms: readonly number[];
  /** In bigrams, as there. */
  readonly length: number;
}

/** @param outputs tokens of each output @param references of each output, tokens of each @returns 0..10 */
export function cider(
  outputs: readonly (readonly string[])[],
  references: readonly (readonly (readonly string[])[])[],
): number {
  const counted = references.map((texts) => texts.map((tokens) => countNgrams(tokens, longest)));
  const documentFrequency = new Map<string, number>();
  for (const texts of counted) {
    const present = new Set<string>();
    for (const counts of texts) for (const ngrams of counts) for (const ngram of ngrams.keys()) present.add(ngram);
    for (const ngram of present) documentFrequency.set(ngram, (documentFrequency.get(ngram) ?? 0) + 1);
  }
  const logExamples = Math.log(outputs.length);
  const vector = (counts: NgramCounts): TfIdf => {
    const norms: number[] = [];
    const weights = counts.map((ngrams) => {
      const own = new Map<string, number>();
      let square = 0;
      for (const [ngram, count] of ngrams) {
        const weight = count * (logExamples - Math.log(documentFrequency.get(ngram) ?? 1));
        own.set(ngram, weight);
        square += weight ** 2;
      }
      norms.push(Math.sqrt(square));
      return own;
    });
    let length = 0;
    for (const count of counts[1]!.values()) length += count;
    return { weights, norms, length };
  };
  let sum = 0;
  for (const [i, output] of outputs.entries()) {
    const own = vector(countNgrams(output, longest));
    for (const counts of counted[i]!) sum += similarity(own, vector(counts)) / counted[i]!.length;
  }
  return (10 * sum) / outputs.length;
}

/** Mean over n of the clipped cosines, with the penalty on length. */
function similarity(output: TfIdf, reference: TfIdf): number {
  let sum = 0;
  for (let order = 0; order < longest; order++) {
    const norms = output.norms[order]! * reference.norms[order]!;
    if (norms === 0) continue;
    let product = 0;
    for (const [ngram, weight] of output.weights[order]!) {
      const other = reference.weights[order]!.get(ngram) ?? 0;
      product += Math.min(weight, other) * other;
    }
    sum += product / norms;
  }
  return (sum / longest) * Math.exp(-((output.length - reference.length) ** 2) / (2 * sigma ** 2));
}
