/** Initial values that are the same everywhere for the same seed: each tensor draws from a stream named after itself. */
import { createRandom } from './data/random';

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
