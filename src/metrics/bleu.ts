/**
 * BLEU (Papineni et al. 2002) of a whole corpus as `mteval-v13a.pl` computes it: n-grams up to 4, the length of the
 * reference that is closest to the output's, and a precision without a match smoothed to 1/2, 1/4, … of one match.
 */
import { ngramTotal, type MtevalSegment } from './mteval';

/** @returns 0..1 */
export function bleu(segments: readonly MtevalSegment[]): number {
  let outputLength = 0;
  let referenceLength = 0;
  const matched = [0, 0, 0, 0];
  const total = [0, 0, 0, 0];
  for (const { output, references, matches } of segments) {
    outputLength += output.length;
    referenceLength += closestLength(
      output.length,
      references.map(({ length }) => length),
    );
    for (let order = 0; order < 4; order++) {
      total[order]! += ngramTotal(output.length, order + 1);
      for (const count of matches[order]!.values()) matched[order]! += count;
    }
  }
  if (outputLength === 0) return 0;
  const brevity = Math.min(0, 1 - referenceLength / outputLength);
  let logPrecisions = 0;
  let smoothing = 1;
  for (let order = 0; order < 4; order++) {
    if (total[order] === 0) continue;
    if (matched[order] === 0) smoothing *= 2;
    logPrecisions += Math.log((matched[order] || 1 / smoothing) / total[order]!);
  }
  return Math.exp(logPrecisions / 4 + brevity);
}

/** The shorter one of two that are equally close; references without a token are not looked at. */
function closestLength(length: number, references: readonly number[]): number {
  let closest = 0;
  for (const reference of references) {
    if (reference === 0) continue;
    const nearer = Math.abs(reference - length) - Math.abs(closest - length);
    if (closest === 0 || nearer < 0 || (nearer === 0 && reference < closest)) closest = reference;
  }
  return closest;
}
