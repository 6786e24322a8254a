/**
 * From scores of tokens to an answer, as `postprocess_qa_predictions` of transformers' question answering examples does it: in every
 * window the likeliest starts are paired with the likeliest ends, pairs that make no short span of the passage are dropped, and the best
 * of all windows of a question are kept, with a softmax over them.
 */
import type { EncodedExamples } from '../../data/encoding';

/** How many starts, ends, and spans of a question are followed. */
export const nBestSize = 20;
/** Longest answer in tokens. */
export const maxAnswerLength = 30;

/** A span of the passage as an answer. */
export interface Candidate {
  /** Places in the passage, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** The row of the split, and the tokens in it. */
  readonly row: number;
  readonly startToken: number;
  readonly endToken: number;
  /** Start score plus end score. */
  readonly score: number;
}

export interface RankedCandidate extends Candidate {
  readonly probability: number;
}

/** Places of the largest values, largest first. */
function largest(count: number, length: number, value: (i: number) => number): number[] {
  return Array.from({ length }, (_, i) => i)
    .sort((a, b) => value(b) - value(a))
    .slice(0, count);
}

const byScore = (a: Pick<Candidate, 'score'>, b: Pick<Candidate, 'score'>) => b.score - a.score;

/** A span of tokens with its score. */
export type TokenSpan = Pick<Candidate, 'startToken' | 'endToken' | 'score'>;

/**
 * The best spans of a row, the best first.
 *
 * @param score of a token as the first of an answer (column 0) or as its last (1)
 * @param inPassage whether a token may belong to an answer
 */
export function bestSpans(
  tokens: number,
  score: (token: number, column: 0 | 1) => number,
  inPassage: (token: number) => boolean,
): TokenSpan[] {
  const found: TokenSpan[] = [];
  const ends = largest(nBestSize, tokens, (i) => score(i, 1));
  for (const startToken of largest(nBestSize, tokens, (i) => score(i, 0)))
    for (const endToken of ends) {
      if (!inPassage(startToken) || !inPassage(endToken)) continue;
      if (endToken < startToken || endToken - startToken + 1 > maxAnswerLength) continue;
      found.push({ startToken, endToken, score: Math.fround(score(startToken, 0) + score(endToken, 1)) });
    }
  return found.sort(byScore).slice(0, nBestSize);
}

/**
 * The best spans of one window, with their places in the passage.
 *
 * @param logits `[tokens, 2]` of the row, start and end beside each other
 */
export function windowCandidates({ offsets, places }: EncodedExamples, row: number, logits: Float32Array): Candidate[] {
  const first = offsets[row]!;
  const place = (token: number, end: 0 | 1) => places![2 * (first + token) + end]!;
  return bestSpans(
    offsets[row + 1]! - first,
    (token, column) => logits[2 * token + column]!,
    (token) => place(token, 0) >= 0,
  ).map((span) => ({ ...span, row, start: place(span.startToken, 0), end: place(span.endToken, 1) }));
}

/** The best spans of a question, given those of its windows in their order. */
export function ranked(windows: readonly (readonly Candidate[])[]): RankedCandidate[] {
  const best = windows.flat().sort(byScore).slice(0, nBestSize);
  const exponentials = best.map(({ score }) => Math.exp(score - best[0]!.score));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return best.map((candidate, i) => ({ ...candidate, probability: exponentials[i]! / sum }));
}

/**
 * The loss of a row, as the program computes it.
 *
 * @param logits `[tokens, 2]`, as many tokens as the longest row of its batch
 */
export function rowLoss(logits: Float32Array, start: number, end: number): number {
  const tokens = logits.length / 2;
  let loss = 0;
  [start, end].forEach((target, column) => {
    if (target >= tokens) return;
    let peak = -Infinity;
    for (let i = 0; i < tokens; i++) peak = Math.max(peak, logits[2 * i + column]!);
    let sum = 0;
    for (let i = 0; i < tokens; i++) sum += Math.exp(logits[2 * i + column]! - peak);
    loss += (peak + Math.log(sum) - logits[2 * target + column]!) / 2;
  });
  return loss;
}
