/**
 * What BLEU and NIST share in NIST's script `mteval-v13a.pl`: its tokens, and which n-grams of an output occur in its
 * references. Only ASCII letters are lower-cased, as there.
 */
import { countNgrams, type NgramCounts } from './ngrams';

/** One example, tokenised and counted. */
export interface MtevalSegment {
  readonly output: MtevalText;
  readonly references: readonly MtevalText[];
  /** Per n - 1: each of the output's n-grams that a reference has, and how often it counts (at most as often as one reference has it). */
  readonly matches: NgramCounts;
}

export interface MtevalText {
  /** Tokens. */
  readonly length: number;
  readonly ngrams: NgramCounts;
}

/** NIST looks at n-grams up to this length; BLEU at those up to 4. */
const longest = 5;

/** Tokens by the script's default rules ("language-dependent part, assuming Western languages"). */
export function mtevalTokens(text: string): string[] {
  const spaced = ` ${text
    .replace(/\s+/g, ' ')
    .replaceAll('<skipped>', '')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')} `;
  return (
    spaced
      .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
      .replace(/[{-~[-` -&(-+:-@/]/g, ' $& ')
      // Full stops and commas stay only between digits; a hyphen comes off only behind a digit.
      .replace(/([^0-9])([.,])/g, '$1 $2 ')
      .replace(/([.,])([^0-9])/g, ' $1 $2')
      .replace(/([0-9])(-)/g, '$1 $2 ')
      .split(/\s+/)
      .filter((token) => token !== '')
  );
}

/** @param references of each output; empty ones, which the script's files pad with, count for nothing */
export function mtevalSegments(
  outputs: readonly string[],
  references: readonly (readonly string[])[],
): MtevalSegment[] {
  return outputs.map((output, i) => {
    const segment = { output: counted(output), references: references[i]!.map(counted) };
    const matches = segment.output.ngrams.map((counts, order) => {
      const clipped = new Map<string, number>();
      for (const [ngram, count] of counts) {
        let most = 0;
        for (const { ngrams } of segment.references) most = Math.max(most, ngrams[order]!.get(ngram) ?? 0);
        if (most > 0) clipped.set(ngram, Math.min(count, most));
      }
      return clipped;
    });
    return { ...segment, matches };
  });
}

function counted(text: string): MtevalText {
  const tokens = mtevalTokens(text);
  return { length: tokens.length, ngrams: countNgrams(tokens, longest) };
}

/** How many n-grams a text of `length` tokens has. */
export const ngramTotal = (length: number, n: number) => Math.max(0, length - n + 1);
