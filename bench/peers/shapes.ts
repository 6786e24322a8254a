/** The contest: one LoRA step of a small post-LN encoder, and one matmul, from the same numbers for every contestant. */
export const shape = {
  batchSize: 8,
  length: 64,
  hidden: 256,
  heads: 4,
  intermediate: 1024,
  layers: 4,
  rank: 8,
  labels: 2,
};
export const loraScale = 2;
export const learningRate = 1e-3;
export const matmulSize = 512;

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Sums of four uniform draws: near enough to normal, and the same everywhere. */
function draw(count: number, scale: number, seed: number): Float32Array {
  let state = Math.imul(seed, 2654435761) >>> 0;
  return Float32Array.from({ length: count }, () => {
    let sum = 0;
    for (let k = 0; k < 4; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 4294967296;
    }
    return (sum - 2) * 1.732 * scale;
  });
}

/** Weights are `[in, out]`. The embedding lookup is left out: its output `x` is the input, which favours nobody. */
export function makeValues() {
  const { batchSize, length, hidden: d, intermediate: f, layers, rank: r, labels } = shape;
  let seed = 1;
  const values = (size: readonly number[], scale: number): Values => ({
    shape: size,
    data: draw(
      size.reduce((a, b) => a * b),
      scale,
      seed++,
    ),
  });
  const blocks = Array.from({ length: layers }, () => ({
    frozen: {
      q: values([d, d], 0.05),
      k: values([d, d], 0.05),
      v: values([d, d], 0.05),
      o: values([d, d], 0.05),
      up: values([d, f], 0.05),
      down: values([f, d], 0.05),
      bq: values([d], 0.01),
      bk: values([d], 0.01),
      bv: values([d], 0.01),
      bo: values([d], 0.01),
      bup: values([f], 0.01),
      bdown: values([d], 0.01),
      gamma1: values([d], 0.1),
      beta1: values([d], 0.1),
      gamma2: values([d], 0.1),
      beta2: values([d], 0.1),
    },
    lora: { qa: values([d, r], 0.05), qb: values([r, d], 0.01), va: values([d, r], 0.05), vb: values([r, d], 0.01) },
  }));
  const head = { dense: values([d, d], 0.05), out: values([d, labels], 0.05) };
  const x = values([batchSize, length, d], 1);
  const y = Int32Array.from({ length: batchSize }, (_, i) => i & 1);
  const a = values([matmulSize, matmulSize], 1);
  const b = values([matmulSize, matmulSize], 1);
  return { blocks, head, x, y, a, b };
}

export type ContestValues = ReturnType<typeof makeValues>;

/** What a contestant offers: one training step, and one matmul, each resolved when the device is done. */
export interface Contestant {
  readonly name: string;
  /** @returns the loss before the update */
  step(): Promise<number>;
  matmul(): Promise<void>;
  /** The first row of the matmul's result, to see that all computed the same. */
  matmulRow(): Promise<Float32Array>;
  /** What the contestant says it ran on. */
  readonly device: string;
}
