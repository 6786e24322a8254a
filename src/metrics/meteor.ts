/**
 * METEOR 1.5 (Denkowski and Lavie 2014) of a whole corpus, with its weights for English, matching equal words and equal
 * Snowball stems.
 *
 * METEOR's synonyms and paraphrases are not to be had as a package, so what it would match by them stays unmatched and
 * the score is lower than the official one; its function words are approximated (`meteor-text.ts`).
 */
import { stem } from 'porter2';
import { align, type StemmedWords } from './meteor-align';
import { isFunctionWord, meteorWords } from './meteor-text';

/** Weight of recall, power and weight of fragmentation, weight of content words, and of a match by stem. */
const alpha = 0.85;
const beta = 0.2;
const gamma = 0.6;
const delta = 0.75;
const stemWeight = 0.6;

/** What an alignment contributes; a corpus is scored on the sums. */
interface Statistics {
  readonly outputWords: number;
  readonly referenceWords: number;
  /** Words weighted as content or function words. */
  readonly outputWeight: number;
  readonly referenceWeight: number;
  /** Of them the matched ones, weighted by the kind of match too. */
  readonly outputMatched: number;
  readonly referenceMatched: number;
  readonly matches: number;
  readonly chunks: number;
}

const none: Statistics = {
  ...{ outputWords: 0, referenceWords: 0, outputWeight: 0, referenceWeight: 0 },
  ...{ outputMatched: 0, referenceMatched: 0, matches: 0, chunks: 0 },
};

/**
 * @param outputs tokens of each output @param references of each output, tokens of each
 * @returns 0..1: of the sums over the examples, each with the reference that scores best
 */
export function meteor(
  outputs: readonly (readonly string[])[],
  references: readonly (readonly (readonly string[])[])[],
): number {
  const stems = new Map<string, string>();
  const stemmed = (tokens: readonly string[]): StemmedWords => {
    const words = meteorWords(tokens.join(' '));
    for (const word of words) if (!stems.has(word)) stems.set(word, stem(word));
    return { words, stems: words.map((word) => stems.get(word)!) };
  };
  let total = none;
  for (const [i, tokens] of outputs.entries()) {
    const output = stemmed(tokens);
    let best = none;
    let bestScore = -1;
    for (const reference of references[i]!) {
      const statistics = statisticsOf(output, stemmed(reference));
      const own = score(statistics);
      if (own > bestScore) [best, bestScore] = [statistics, own];
    }
    total = sum(total, best);
  }
  return score(total);
}

const wordWeight = (word: string) => (isFunctionWord(word) ? 1 - delta : delta);
const weightOf = (words: readonly string[]) => words.reduce((total, word) => total + wordWeight(word), 0);

function statisticsOf(output: StemmedWords, reference: StemmedWords): Statistics {
  const { matches, chunks } = align(output, reference);
  let outputMatched = 0;
  let referenceMatched = 0;
  for (const match of matches) {
    const weight = match.exact ? 1 : stemWeight;
    outputMatched += weight * wordWeight(output.words[match.output]!);
    referenceMatched += weight * wordWeight(reference.words[match.reference]!);
  }
  return {
    outputWords: output.words.length,
    referenceWords: reference.words.length,
    outputWeight: weightOf(output.words),
    referenceWeight: weightOf(reference.words),
    outputMatched,
    referenceMatched,
    matches: matches.length,
    chunks,
  };
}

const sum = (a: Statistics, b: Statistics) =>
  Object.fromEntries(
    Object.entries(a).map(([name, value]) => [name, value + b[name as keyof Statistics]]),
  ) as unknown as Statistics;

function score(statistics: Statistics): number {
  const { outputWords, referenceWords, matches, chunks } = statistics;
  if (matches === 0) return 0;
  const precision = statistics.outputMatched / statistics.outputWeight;
  const recall = statistics.referenceMatched / statistics.referenceWeight;
  const mean = 1 / ((1 - alpha) / precision + alpha / recall);
  const whole = matches === outputWords && matches === referenceWords && chunks === 1;
  const fragmentation = whole ? 0 : chunks / matches;
  return mean * (1 - gamma * fragmentation ** beta);
}
