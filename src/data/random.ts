/**
 * Random numbers that are the same everywhere for the same seed: sfc32 (Chris Doty-Humphrey's "small fast counting" generator,
 * PractRand), seeded by a number and a stream, so that epoch 3 can be drawn without drawing epochs 1 and 2.
 */

/** Draws uniformly from 0 ≤ x < 1, with 53 random bits. */
export type Random = () => number;

/** @param stream independent sequences of one seed, e.g. the epoch */
export function createRandom(seed: number, stream = 0): Random {
  // A seed above 2³² (it may be any safe integer) uses its high bits too.
  let a = seed >>> 0;
  let b = (Math.floor(seed / 2 ** 32) ^ 0x9e3779b9) >>> 0;
  let c = stream >>> 0;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + sum) >>> 0;
    return sum;
  };
  for (let i = 0; i < 16; i++) next();
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

/** Shuffles in place (Fisher-Yates); returns its argument. */
export function shuffle<T extends { length: number; [index: number]: unknown }>(items: T, random: Random): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const moved = items[i];
    items[i] = items[j];
    items[j] = moved;
  }
  return items;
}
