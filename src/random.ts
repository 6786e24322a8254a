/**
 * Random numbers that are the same everywhere for the same seed: sfc32 (Chris Doty-Humphrey's "small fast counting" generator,
 * PractRand), seeded by a number and a stream, so that epoch 3 can be drawn without drawing epochs 1 and 2.
 *
 * Initial values draw from a stream named after their tensor, so that adding a tensor moves no other's.
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

/** FNV-1a, to turn a tensor's name into a stream number. */
function streamOf(name: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return state;
}

/** @returns `count` draws of U(-bound, bound) */
export function uniformValues(count: number, bound: number, seed: number, name: string): Float32Array {
  const random = createRandom(seed, streamOf(name));
  return Float32Array.from({ length: count }, () => (random() * 2 - 1) * bound);
}

/** @returns `count` draws of N(0, deviation²), by Box and Muller's transform */
export function normalValues(count: number, deviation: number, seed: number, name: string): Float32Array {
  const random = createRandom(seed, streamOf(name));
  return Float32Array.from(
    { length: count },
    () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
