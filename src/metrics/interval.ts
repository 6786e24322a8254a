/** How sure a score is, given that it was measured on so many rows: 95% intervals. */
import { createRandom } from '../random';

export type Interval = readonly [low: number, high: number];

const z = 1.959963984540054;

/** Of a share of right answers: Wilson's interval (1927), which stays sound near 0 and 1. */
export function wilson(right: number, count: number): Interval {
  const share = right / count;
  const centre = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half = (z * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2))) / (1 + z ** 2 / count);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** Draws; what they cost is bounded by drawing less often from large splits. */
const draws = (count: number) => Math.max(100, Math.min(500, Math.round(500_000 / count)));

/**
 * Of any score: the middle 95% of its values on rows drawn with replacement (Efron's percentile bootstrap), from a fixed seed.
 *
 * @param score of the rows with these places, as many as there are rows
 */
export function bootstrap(count: number, score: (places: Uint32Array) => number): Interval {
  const random = createRandom(0x95);
  const places = new Uint32Array(count);
  const scores = Float64Array.from({ length: draws(count) }, () => {
    for (let i = 0; i < count; i++) places[i] = Math.floor(random() * count);
    return score(places);
  }).sort();
  const at = (share: number) => scores[Math.min(scores.length - 1, Math.floor(share * scores.length))]!;
  return [at(0.025), at(0.975)];
}
