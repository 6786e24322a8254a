/**
 * Exact match and F1 of SQuAD v1.1, as the official `evaluate-v1.1.py` computes them: of texts without case, punctuation, articles and
 * superfluous spaces, against whichever reference fits best.
 */

export interface AnswerScores {
  /** 1 where the normalised texts are the same. */
  readonly exactMatch: 0 | 1;
  /** Over the words that both have, 0 to 1. */
  readonly f1: number;
}

/** Means over questions, 0 to 1, and each question's own. */
export interface SplitScores {
  readonly exactMatch: number;
  readonly f1: number;
  readonly rows: readonly AnswerScores[];
}

/** Python's `str.split()`, whose idea of a space is not JavaScript's. */
const spaces = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
/** Python's `string.punctuation`. */
const punctuation = /[!-/:-@[-`{-~]/g;
/** Whole words as Python's `\b` sees them. */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll(punctuation, '')
    .replaceAll(articles, ' ')
    .split(spaces)
    .filter((word) => word !== '');

export const normalizeAnswer = (text: string): string => wordsOf(text).join(' ');

function wordF1(prediction: readonly string[], reference: readonly string[]): number {
  const left = new Map<string, number>();
  for (const word of reference) left.set(word, (left.get(word) ?? 0) + 1);
  let same = 0;
  for (const word of prediction) {
    const count = left.get(word) ?? 0;
    if (count > 0) same++;
    left.set(word, count - 1);
  }
  if (same === 0) return 0;
  const [precision, recall] = [same / prediction.length, same / reference.length];
  return (2 * precision * recall) / (precision + recall);
}

/** @param references at least one; with none, nothing fits */
export function answerScores(prediction: string, references: readonly string[]): AnswerScores {
  const words = wordsOf(prediction);
  let exactMatch: 0 | 1 = 0;
  let f1 = 0;
  for (const reference of references.map(wordsOf)) {
    if (words.join(' ') === reference.join(' ')) exactMatch = 1;
    f1 = Math.max(f1, wordF1(words, reference));
  }
  return { exactMatch, f1 };
}

export function squadScores(predictions: readonly string[], references: readonly (readonly string[])[]): SplitScores {
  const rows = predictions.map((prediction, i) => answerScores(prediction, references[i]!));
  const mean = (value: (row: AnswerScores) => number) =>
    rows.reduce((sum, row) => sum + value(row), 0) / Math.max(1, rows.length);
  return { exactMatch: mean((row) => row.exactMatch), f1: mean((row) => row.f1), rows };
}
