/** Which token comes next in one row, given the scores of all. */
import type { GenerationSettings } from './settings';

/**
 * Tokens that would repeat an n-gram of the text so far, as `NoRepeatNGramLogitsProcessor` finds them.
 *
 * @param prompt as `generate` pads it @param size 0: none is banned
 */
export function bannedTokens(prompt: readonly number[], written: readonly number[], size: number): ReadonlySet<number> {
  const banned = new Set<number>();
  const length = prompt.length + written.length;
  if (size === 0 || length < size) return banned;
  const at = (i: number) => (i < prompt.length ? prompt[i]! : written[i - prompt.length]!);
  const suffix = length - (size - 1);
  for (let start = 0; start + size <= length; start++) {
    let same = true;
    for (let i = 0; same && i < size - 1; i++) same = at(start + i) === at(suffix + i);
    if (same) banned.add(at(start + size - 1));
  }
  return banned;
}

/** The token of the highest score, the first among equals. */
export function likeliest(scores: Float32Array, banned: ReadonlySet<number>): number {
  let best = -1;
  for (let token = 0; token < scores.length; token++)
    if ((best < 0 || scores[token]! > scores[best]!) && !banned.has(token)) best = token;
  return Math.max(best, 0);
}

/**
 * The tokens that may be drawn with their probabilities, likeliest first: temperature, then top k, then top p, as the warpers of
 * `transformers` follow each other.
 */
export function distribution(
  scores: Float32Array,
  banned: ReadonlySet<number>,
  { temperature, topK, topP }: Pick<GenerationSettings, 'temperature' | 'topK' | 'topP'>,
): { readonly token: number; readonly probability: number }[] {
  let order = Array.from(scores.keys()).filter((token) => !banned.has(token));
  order.sort((a, b) => scores[b]! - scores[a]!);
  if (topK > 0) {
    // Those that score as high as the k-th stay, too.
    const lowest = scores[order[Math.min(topK, order.length) - 1]!]!;
    order = order.filter((token) => scores[token]! >= lowest);
  }
  const peak = scores[order[0]!]!;
  const shares = order.map((token) => Math.exp((scores[token]! - peak) / temperature));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let before = 0;
  let kept = 0;
  // The likeliest tokens that together reach top p; at least one.
  while (kept < shares.length && (kept === 0 || before < topP * total)) before += shares[kept++]!;
  return order.slice(0, kept).map((token, i) => ({ token, probability: shares[i]! / before }));
}

/** Draws a token. @param random from 0 up to 1 */
export function draw(
  scores: Float32Array,
  banned: ReadonlySet<number>,
  settings: Pick<GenerationSettings, 'temperature' | 'topK' | 'topP'>,
  random: number,
): number {
  const choices = distribution(scores, banned, settings);
  let left = random;
  for (const { token, probability } of choices) if ((left -= probability) < 0) return token;
  return choices.at(-1)!.token;
}
