/**
 * Whether highlights say what the answer depends on: words are hidden from the most highlighted on (deletion), or all are hidden and shown
 * again in that order (insertion), and the answer's probability is watched. Deletion that falls early and insertion that rises early speak
 * for the highlights; words in a random order are what they are compared with (Petsiuk et al. 2018; DeYoung et al. 2020).
 */
import type { Explainer, ExplainedRow, Explanation } from './explainer';
import { highlightKinds, kindIds, type HighlightKind } from './kinds';
import { wordsOf, wordValues, type Word } from './words';
import { createRandom, shuffle } from '../random';

/** `random`: the mean over orders drawn from a seed. */
export type OrderKind = HighlightKind | 'random';

export interface Curve {
  /** The probability with the first 0, 1/6, … 1 of the words hidden (or shown). */
  readonly values: readonly number[];
  /** Its mean, by the trapezoidal rule. */
  readonly area: number;
}

export interface Faithfulness {
  readonly deletion: Readonly<Record<OrderKind, Curve>>;
  readonly insertion: Readonly<Record<OrderKind, Curve>>;
}

/** Points of a curve after its first. */
export const curvePoints = 6;
const randomOrders = 2;

const curveOf = (values: readonly number[]): Curve => ({
  values,
  area: values.slice(1).reduce((sum, value, i) => sum + (value + values[i]!) / 2, 0) / Math.max(1, values.length - 1),
});

/** Words from the most to the least highlighted. Special tokens are never hidden. */
export function wordOrder(words: readonly Word[], explanation: Explanation, kind: HighlightKind): number[] {
  const values = wordValues(words, explanation.values[kind], highlightKinds[kind].combine);
  return words.flatMap(({ special }, i) => (special ? [] : [i])).sort((a, b) => values[b]! - values[a]!);
}

/** Curves of one row by all kinds, and by chance. */
export async function faithfulness(
  explainer: Explainer,
  row: ExplainedRow,
  explanation: Explanation,
  seed: number,
  signal?: AbortSignal,
): Promise<Faithfulness> {
  const words = wordsOf(explainer.tokenizer, row.inputIds);
  const plain = words.flatMap(({ special }, i) => (special ? [] : [i]));
  const orders = new Map<OrderKind, number[][]>(
    kindIds.map((kind) => [kind, [wordOrder(words, explanation, kind)]] as const),
  );
  orders.set(
    'random',
    Array.from({ length: randomOrders }, (_, i) => Array.from(shuffle(Uint32Array.from(plain), createRandom(seed, i)))),
  );
  const counts = Array.from({ length: curvePoints + 1 }, (_, i) => Math.round((i * plain.length) / curvePoints));
  const special = new Set(words.flatMap((word) => (word.special ? word.tokens : [])));
  // Orders share their ends, and may share more: what was asked once is not asked again.
  const rows = new Map<string, Uint32Array>();
  const asked = (way: 'deletion' | 'insertion', order: readonly number[], count: number) => {
    const first = new Set(order.slice(0, count).flatMap((word) => words[word]!.tokens));
    const ids = explainer.hidden(row, (token) =>
      way === 'deletion' ? first.has(token) : !first.has(token) && !special.has(token),
    );
    const key = ids.join(' ');
    rows.set(key, ids);
    return key;
  };
  const ways = ['deletion', 'insertion'] as const;
  const keys = ways.map((way) =>
    [...orders].map(
      ([kind, list]) => [kind, list.map((order) => counts.map((count) => asked(way, order, count)))] as const,
    ),
  );
  const found = await explainer.probabilities(row, explanation.subject, [...rows.values()], signal);
  const probability = new Map([...rows.keys()].map((key, i) => [key, found[i]!]));
  const curves = (way: number) =>
    Object.fromEntries(
      keys[way]!.map(([kind, list]) => [
        kind,
        curveOf(counts.map((_, i) => list.reduce((sum, one) => sum + probability.get(one[i]!)!, 0) / list.length)),
      ]),
    ) as Record<OrderKind, Curve>;
  return { deletion: curves(0), insertion: curves(1) };
}

/** The mean of several rows' curves, point by point. */
export function meanFaithfulness(all: readonly Faithfulness[]): Faithfulness | undefined {
  if (all.length === 0) return undefined;
  const mean = (way: 'deletion' | 'insertion') =>
    Object.fromEntries(
      (Object.keys(all[0]![way]) as OrderKind[]).map((kind) => [
        kind,
        curveOf(
          all[0]![way][kind].values.map(
            (_, i) => all.reduce((sum, one) => sum + one[way][kind].values[i]!, 0) / all.length,
          ),
        ),
      ]),
    ) as Record<OrderKind, Curve>;
  return { deletion: mean('deletion'), insertion: mean('insertion') };
}
