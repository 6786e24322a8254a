/**
 * NIST (Doddington 2002) of a whole corpus as `mteval-v13a.pl` computes it: n-grams up to 5, each match weighted by how
 * much its last word tells, which all references together say: log2 of count(n-gram without its last word) /
 * count(n-gram).
 *
 * The script wants as many references of every example, so E2E pads with empty ones. The length penalty then divides
 * by the largest number of references, not by an example's own, and a short output is hardly penalised.
 */
import { ngramTotal, type MtevalSegment } from './mteval';

const orders = [1, 2, 3, 4, 5];

/** @returns 0 and up */
export function nist(segments: readonly MtevalSegment[]): number {
  const information = informationOf(segments);
  let outputLength = 0;
  let referenceLength = 0;
  let mostReferences = 0;
  const gained = orders.map(() => 0);
  const total = orders.map(() => 0);
  for (const { output, references, matches } of segments) {
    outputLength += output.length;
    for (const { length } of references) referenceLength += length;
    mostReferences = Math.max(mostReferences, references.length);
    for (const n of orders) {
      total[n - 1]! += ngramTotal(output.length, n);
      for (const [ngram, count] of matches[n - 1]!) gained[n - 1]! += count * information(ngram, n);
    }
  }
  if (referenceLength === 0) return 0;
  const score = orders.reduce((sum, n) => sum + gained[n - 1]! / Math.max(total[n - 1]!, 1), 0);
  return score * lengthPenalty(outputLength / (referenceLength / mostReferences));
}

/** Bits that the last word of an n-gram adds, from the references' own counts. */
function informationOf(segments: readonly MtevalSegment[]): (ngram: string, n: number) => number {
  const counts = orders.map(() => new Map<string, number>());
  let words = 0;
  for (const { references } of segments) {
    for (const { length, ngrams } of references) {
      words += length;
      for (const [order, own] of ngrams.entries()) {
        const all = counts[order]!;
        for (const [ngram, count] of own) all.set(ngram, (all.get(ngram) ?? 0) + count);
      }
    }
  }
  return (ngram, n) => {
    const context = ngram.slice(0, Math.max(0, ngram.lastIndexOf(' ')));
    // The script asks whether the context is true, and Perl calls the string "0" false.
    const among = n === 1 || context === '0' ? words : counts[n - 2]!.get(context)!;
    return Math.log2(among / counts[n - 1]!.get(ngram)!);
  };
}

/** 1 for outputs as long as the references on average, 0.5 at two thirds of that. */
function lengthPenalty(ratio: number): number {
  if (ratio >= 1) return 1;
  if (ratio <= 0) return 0;
  return Math.exp((Math.log(0.5) / Math.log(1.5) ** 2) * Math.log(ratio) ** 2);
}
