/**
 * HUT, Hadamard Updated Transformation (arXiv 2409.13501, Eq. 8-10).
 *
 *     W_new = (M_A·1/r) ⊙ W0 ⊙ (1·M_B/r),   h = γ ⊙ (x·W_new) + b + β
 *
 * with `M_A [in, r]`, `M_B [r, out]`, `γ`, `β` `[out]` trained, `W0` and its bias `b` frozen. With the means over the rank, `m_A` and
 * `m_B`, this is `W_new = diag(m_A) W0 diag(γ ⊙ m_B)`:
 *
 * - `fused` (default): `h = ((x ⊙ m_A)·W0) ⊙ (γ ⊙ m_B) + b + β`. No weight is materialised; forward and backward cost what the frozen
 *   layer costs, plus O(N(d + k)).
 * - `materialised`: Eq. 10 literally; the weight is transformed every step and its full gradient is computed.
 *
 * The paper does not state initial values. We start at the identity (M_A = M_B = γ = 1, β = 0), so step 0 is the pre-trained model.
 * M_A and M_B multiply, so weight decay pulls them towards 1; γ and β are one-dimensional and do not decay.
 *
 * The gradient of every column of M_A is the same vector (and of every row of M_B): with equal initial columns the r columns
 * stay equal, and the rank changes the step size, not the function class.
 */
import { z } from 'zod';
import { hutFactors, hutTransform } from '../graph/ops/hut';
import { linear } from '../graph/ops/linear';
import { targetModules } from '../models/encoder';
import type { PeftMethod } from './method';

const schema = z.strictObject({
  rank: z.number().int().min(1).max(256).default(8),
  targetModules: z.array(z.enum(targetModules)).min(1).default(['query', 'value']),
  form: z.enum(['fused', 'materialised']).default('fused'),
});
export type HutSettings = z.output<typeof schema>;

const ones = (count: number) => new Float32Array(count).fill(1);

export const hut: PeftMethod<HutSettings> = {
  id: 'hut',
  title: 'HUT',
  summary: 'Scales the rows and columns of each chosen weight by trained factors, and its output by γ and β.',
  paper: 'arXiv 2409.13501',
  peftType: 'HUT',
  schema,

  tensors: ({ inFeatures, outFeatures }, { rank }) => [
    { suffix: 'hut_A', shape: [inFeatures, rank], decayTarget: 1, initial: () => ones(inFeatures * rank) },
    { suffix: 'hut_B', shape: [rank, outFeatures], decayTarget: 1, initial: () => ones(rank * outFeatures) },
    { suffix: 'hut_gamma', shape: [outFeatures], decayTarget: 0, initial: () => ones(outFeatures) },
    { suffix: 'hut_beta', shape: [outFeatures], decayTarget: 0, initial: () => new Float32Array(outFeatures) },
  ],

  apply(graph, { x, weight, bias }, { settings, parameter }) {
    const factors = hutFactors(graph, {
      a: parameter('hut_A'),
      b: parameter('hut_B'),
      gamma: parameter('hut_gamma'),
      beta: parameter('hut_beta'),
      bias,
    });
    if (settings.form === 'materialised')
      return linear(graph, { x, weight: hutTransform(graph, weight, factors, 'nk'), bias: factors.shift });
    return linear(graph, {
      x,
      weight,
      rowScale: factors.rowScale,
      columnScale: factors.columnScale,
      bias: factors.shift,
    });
  },

  merge({ inFeatures, outFeatures }, { rank }, layer, values) {
    const [a, b, gamma, beta] = [values('hut_A'), values('hut_B'), values('hut_gamma'), values('hut_beta')];
    const mean = (of: Float32Array, start: number, stride: number) => {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += of[start + r * stride]!;
      return sum / rank;
    };
    const rowScale = Float64Array.from({ length: inFeatures }, (_, i) => mean(a, i * rank, 1));
    const weight = new Float32Array(inFeatures * outFeatures);
    for (let o = 0; o < outFeatures; o++) {
      const scale = gamma[o]! * mean(b, o, outFeatures);
      for (let i = 0; i < inFeatures; i++)
        weight[o * inFeatures + i] = layer.weight[o * inFeatures + i]! * rowScale[i]! * scale;
    }
    return { weight, bias: layer.bias.map((value, o) => value + beta[o]!) };
  },

  paperFlops: ({ inFeatures: d, outFeatures: k }, { rank: r }) => 4 * d * k + r * d + r * k,

  adapterConfig: ({ rank }) => ({ r: rank }),

  matches: ({ rank }, config) => (config['r'] !== rank ? `rank ${String(config['r'])}` : undefined),
};
