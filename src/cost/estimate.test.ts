import { describe, expect, it } from 'vitest';
import { parseConfig } from '../models/config';
import { linearSites } from '../models/encoder';
import type { Classifier } from '../peft/classifier';
import { linear } from '../graph/ops/linear';
import type { PeftMethod } from '../peft/method';
import { methodById } from '../peft/registry';
import { estimateCost } from './estimate';

/* The paper's own numbers, and the executed ones, of RoBERTa-large with q and v adapted at rank 8. Nothing is allocated. */

const large = parseConfig(
  {
    model_type: 'roberta',
    vocab_size: 50265,
    hidden_size: 1024,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 4096,
    max_position_embeddings: 514,
    type_vocab_size: 1,
    layer_norm_eps: 1e-5,
  },
  'roberta-large',
);
const shape = { batchSize: 16, length: 128 };
const classifier = (id?: string, settings: object = {}, config = large): Classifier => {
  const method = id ? methodById(id)! : undefined;
  return {
    config,
    numLabels: 2,
    lossKind: 'crossEntropy',
    weights: 'f32',
    adaptation: method && { method, settings: method.schema.parse(settings) },
  };
};

describe('RoBERTa-large, query and value, rank 8', () => {
  it('trains and costs what the paper says (Tables 1 and 2, Eq. 11)', () => {
    const [hut, lora] = ['hut', 'lora'].map((id) => estimateCost(classifier(id), { shape }));
    expect(hut!.trainableParameters).toBe(884_736);
    expect(hut!.paper.adapterFlops).toBe(202_113_024);
    expect(lora!.trainableParameters).toBe(786_432);
    expect(lora!.paper.adapterFlops).toBe(855_638_016);
    expect(hut!.headParameters).toBe(1024 * 1024 + 1024 + 2 * 1024 + 2);
  });

  it('a fused HUT step executes the frozen model forward and its data gradient, within 1%', () => {
    // The frozen model whose gradient is asked for at the outputs of the same layers, and nowhere else: one trained shift each.
    const probe: PeftMethod = {
      ...methodById('hut')!,
      tensors: (site) => [
        {
          suffix: 'shift',
          shape: [site.outFeatures],
          decayTarget: 0,
          initial: () => new Float32Array(site.outFeatures),
        },
      ],
      apply: (graph, { x, weight }, { parameter }) => linear(graph, { x, weight, bias: parameter('shift') }),
    };
    const frozen = estimateCost(
      { ...classifier(), adaptation: { method: probe, settings: { targetModules: ['query', 'value'] } } },
      { shape },
    ).step;
    const fused = estimateCost(classifier('hut'), { shape }).step;
    expect(fused.flops / frozen.flops).toBeGreaterThan(1);
    expect(fused.flops / frozen.flops).toBeLessThan(1.01);
    // And that frozen model executes what its matrices say: 2 FLOPs a value and token each way, the first layer's q, k and v forward only.
    const { hiddenSize: d, intermediateSize: f, numHiddenLayers: layers } = large;
    const tokens = shape.batchSize * shape.length;
    const products = layers * (4 * d * d + 2 * d * f);
    const attention = 18 * layers * tokens * shape.length * d;
    expect(Math.abs(frozen.flops / (2 * tokens * (2 * products - 3 * d * d) + attention) - 1)).toBeLessThan(0.01);
    // Materialised as Eq. 10 has it, the weight gradients of 48 matrices come on top.
    const materialised = estimateCost(classifier('hut', { form: 'materialised' }), { shape }).step.flops;
    expect(materialised - fused.flops).toBeGreaterThan(48 * 2 * tokens * d * d * 0.9);
  });

  it('computes nothing below the lowest adapted layer and nothing for frozen weights', () => {
    const config = { ...large, numHiddenLayers: 4 };
    const all = estimateCost(classifier('lora', { targetModules: ['query'] }, config), { shape }).step;
    const head = estimateCost(classifier(undefined, {}, config), { shape }).step;
    const forward =
      2 *
      shape.batchSize *
      shape.length *
      linearSites(config).reduce((sum, site) => sum + site.inFeatures * site.outFeatures, 0);
    // The head alone: a forward pass and a few small products of its own.
    expect(head.flops).toBeLessThan(1.05 * forward);
    expect(all.flops).toBeGreaterThan(1.8 * forward);
  });

  it('plans memory: f16 halves frozen matrices, and a longer batch needs a larger arena', () => {
    const f32 = estimateCost(classifier('hut'), { shape }).memory;
    const f16 = estimateCost({ ...classifier('hut'), weights: 'f16' }, { shape }).memory;
    expect(f16.weightBytes / f32.weightBytes).toBeCloseTo(0.5, 2);
    const short = estimateCost(classifier('hut'), { shape: { batchSize: 16, length: 64 } }).memory;
    expect(short.arenaBytes).toBeLessThan(0.6 * f32.arenaBytes);
    expect(f32.peakBytes).toBe(f32.weightBytes + f32.arenaBytes + f32.trainableBytes + f32.programBytes);
  });
});
