/**
 * Pearson's and Spearman's correlation, as `scipy.stats.pearsonr` and `spearmanr` compute them, with one difference: where
 * one side is constant scipy answers NaN, we answer 0 ("says nothing about the other side"), so that a model which
 * predicts one value for all still has a score to draw and to compare.
 */
import { checkPairs, type Numbers } from './classification';

/** Pearson's r, −1..1; 0 where one side is constant, or has fewer than two values, or holds a value that is not finite. */
export function pearson(predictions: Numbers, labels: Numbers): number {
  const count = checkPairs(predictions, labels);
  const x = centred(predictions, count);
  const y = centred(labels, count);
  if (!x || !y) return 0;
  let r = 0;
  for (let i = 0; i < count; i++) r += x[i]! * y[i]!;
  return Math.min(1, Math.max(-1, r));
}

/** Spearman's ρ: Pearson's r of the ranks, where equal values share the average of their ranks. */
export function spearman(predictions: Numbers, labels: Numbers): number {
  checkPairs(predictions, labels);
  return pearson(averageRanks(predictions), averageRanks(labels));
}

/** Ranks from 1, equal values sharing the average of theirs (`scipy.stats.rankdata`); NaN where a value is NaN. */
export function averageRanks(values: Numbers): Float64Array {
  const ranks = new Float64Array(values.length);
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  for (let start = 0; start < order.length;) {
    const value = values[order[start]!]!;
    let end = start + 1;
    while (end < order.length && values[order[end]!] === value) end++;
    for (let i = start; i < end; i++) ranks[order[i]!] = Number.isNaN(value) ? NaN : (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** The values less their mean, scaled to length 1; undefined where they are constant or not all finite. */
function centred(values: Numbers, count: number): Float64Array | undefined {
  // Scaled by the largest magnitude first, so that neither squares nor sums overflow or vanish.
  let scale = 0;
  let constant = true;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) return undefined;
    scale = Math.max(scale, Math.abs(value));
    if (value !== values[0]) constant = false;
  }
  if (constant) return undefined;
  const out = new Float64Array(count);
  let mean = 0;
  for (let i = 0; i < count; i++) mean += (out[i] = values[i]! / scale) / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (out[i]! -= mean) ** 2;
  if (squares === 0) return undefined;
  const norm = Math.sqrt(squares);
  for (let i = 0; i < count; i++) out[i]! /= norm;
  return out;
}
