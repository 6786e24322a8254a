/**
 * Numbers that PyTorch's CPU generator draws, for methods that PEFT draws again from a key and does not save: mt19937 (Matsumoto and
 * Nishimura 1998), seeded as `torch.Generator.manual_seed` seeds it, and `Tensor.uniform_` in float32 (24 bits of each word).
 */

/** @returns the words that a seed's generator draws, each 32 bits */
function mersenneTwister(seed: number): () => number {
  const [size, middle] = [624, 397];
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const before = state[i - 1]!;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  let at = size;
  return () => {
    if (at === size) {
      for (let i = 0; i < size; i++) {
        const word = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
        state[i] = state[(i + middle) % size]! ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let word = state[at++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}

/** A generator by its seed; each call draws `count` values of U(-bound, bound), the first to come. */
export function torchUniform(seed: number): (count: number, bound: number) => Float32Array {
  const next = mersenneTwister(seed);
  return (count, bound) => {
    const from = Math.fround(-bound);
    const range = Math.fround(Math.fround(bound) - from);
    // PyTorch multiplies and adds with one rounding, and so does float64 before the array's.
    return Float32Array.from({ length: count }, () => ((next() & 0xffffff) / 0x1000000) * range + from);
  };
}
