/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685), as PEFT trains it: `h = x W0ᵀ + b + (alpha / rank) · (dropout(x) Aᵀ) Bᵀ`.
 *
 * A `[rank, in]` starts Kaiming-uniform with a = √5, that is U(-1/√in, 1/√in); B `[out, rank]` starts at zero, so step 0 is the
 * pre-trained model.
 */
import { z } from 'zod';
import { add, dropout } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import { targetModules } from '../models/encoder';
import { uniformValues } from '../random';
import type { PeftMethod } from './method';

const schema = z.strictObject({
  rank: z.number().int().min(1).max(256).default(8),
  alpha: z.number().positive().default(16),
  dropout: z.number().min(0).max(0.9).default(0),
  targetModules: z.array(z.enum(targetModules)).min(1).default(['query', 'value']),
});
export type LoraSettings = z.output<typeof schema>;

export const lora: PeftMethod<LoraSettings> = {
  id: 'lora',
  title: 'LoRA',
  summary: 'Adds a product of two thin trained matrices to each chosen weight.',
  paper: 'arXiv 2106.09685',
  peftType: 'LORA',
  schema,

  tensors: ({ inFeatures, outFeatures }, { rank }) => [
    {
      suffix: 'lora_A.weight',
      shape: [rank, inFeatures],
      decayTarget: 0,
      initial: (seed, name) => uniformValues(rank * inFeatures, 1 / Math.sqrt(inFeatures), seed, name),
    },
    {
      suffix: 'lora_B.weight',
      shape: [outFeatures, rank],
      decayTarget: 0,
      initial: () => new Float32Array(outFeatures * rank),
    },
  ],

  apply(graph, { x, weight, bias }, { settings, parameter, training, dropoutSite }) {
    const input = training ? dropout(graph, x, settings.dropout, dropoutSite) : x;
    const u = linear(graph, { x: input, weight: parameter('lora_A.weight') });
    return add(
      graph,
      linear(graph, { x, weight, bias }),
      linear(graph, { x: u, weight: parameter('lora_B.weight') }, { alpha: settings.alpha / settings.rank }),
    );
  },

  merge({ inFeatures, outFeatures }, { rank, alpha }, layer, values) {
    const [a, b] = [values('lora_A.weight'), values('lora_B.weight')];
    const weight = Float32Array.from(layer.weight);
    const row = new Float64Array(inFeatures);
    for (let o = 0; o < outFeatures; o++) {
      row.fill(0);
      for (let r = 0; r < rank; r++)
        for (let i = 0; i < inFeatures; i++) row[i]! += b[o * rank + r]! * a[r * inFeatures + i]!;
      for (let i = 0; i < inFeatures; i++)
        weight[o * inFeatures + i] = layer.weight[o * inFeatures + i]! + (alpha / rank) * row[i]!;
    }
    return { weight, bias: layer.bias };
  },

  paperFlops: ({ inFeatures, outFeatures }, { rank }) => (2 * rank + 1) * inFeatures * outFeatures,

  adapterConfig: ({ rank, alpha, dropout: probability }) => ({
    r: rank,
    lora_alpha: alpha,
    lora_dropout: probability,
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
  }),

  matches: ({ rank, alpha }, config) =>
    config['r'] !== rank
      ? `rank ${String(config['r'])}`
      : config['lora_alpha'] !== alpha
        ? `alpha ${String(config['lora_alpha'])}`
        : undefined,
};
