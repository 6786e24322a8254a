/** Tokens as words: what a person reads, and where the values of its pieces belong. */
import type { TextTokenizer } from '../data/tokenizer';

export interface Word {
  /** With the space before it, where there is one. */
  readonly text: string;
  /** Places of its tokens in the row. */
  readonly tokens: readonly number[];
  /** A token that the tokenizer adds, such as `<s>`. */
  readonly special: boolean;
  /** 0 for the first text of a row, 1 for the second. */
  readonly part: number;
}

/** A piece that begins with a space begins a word, and so does whatever follows a special token. */
export function wordsOf(tokenizer: TextTokenizer, inputIds: ArrayLike<number>): Word[] {
  const ids = Array.from(inputIds);
  const words: { text: string; tokens: number[]; special: boolean; part: number }[] = [];
  let part = 0;
  tokenizer.pieces(ids).forEach((piece, token) => {
    const special = tokenizer.specialTokenIds.has(ids[token]!);
    const last = words.at(-1);
    if (!special && last?.special && words.some((word) => !word.special)) part++;
    if (special || !last || last.special || /^\s/.test(piece))
      words.push({ text: piece, tokens: [token], special, part });
    else {
      last.text += piece;
      last.tokens.push(token);
    }
  });
  return words;
}

/** Values of words from those of their tokens: sums, or means. */
export const wordValues = (words: readonly Word[], values: ArrayLike<number>, combine: 'sum' | 'mean'): number[] =>
  words.map(({ tokens }) => {
    const sum = tokens.reduce((total, token) => total + values[token]!, 0);
    return combine === 'sum' ? sum : sum / tokens.length;
  });
