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

const byScore = (a: Candidate, b: Candidate) => b.score - a.score;

/**
 * The best spans of one window.
 *
 * @param logits `[tokens, 2]` of the row, start and end beside each other
 */
export function windowCandidates({ offsets, places }: EncodedExamples, row: number, logits: Float32Array): Candidate[] {
  const first = offsets[row]!;
  const length = offsets[row + 1]! - first;
  const startOf = (token: number) => places![2 * (first + token)]!;
  const endOf = (token: number) => places![2 * (first + token) + 1]!;
  const found: Candidate[] = [];
  const ends = largest(nBestSize, length, (i) => logits[2 * i + 1]!);
  for (const startToken of largest(nBestSize, length, (i) => logits[2 * i]!))
    for (const endToken of ends) {
      if (startOf(startToken) < 0 || startOf(endToken) < 0) continue;
      if (endToken < startToken || endToken - startToken + 1 > maxAnswerLength) continue;
      const score = Math.fround(logits[2 * startToken]! + logits[2 * endToken + 1]!);
      found.push({ row, startToken, endToken, start: startOf(startToken), end: endOf(endToken), score });
    }
  return found.sort(byScore).slice(0, nBestSize);
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
