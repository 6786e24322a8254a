import { describe, expect, it } from 'vitest';
import { linear } from '../graph/ops/linear';
import type { Method } from '../methods/core/method';
import { methodById } from '../methods/core/registry';
import { targetedNames, targetedSites } from '../methods/core/targets';
import type { Model } from '../models/core/model';
import { openModel } from '../models/core/registry';
import { taskOf } from '../train/fixtures.node';
import { plan, usualLimits } from '../train/plan';
import { parseRecipe } from '../train/recipe';
import { TunedModel } from '../train/tuned-model';

/* The paper's own numbers, and the executed ones, of RoBERTa-large with q and v adapted at rank 8. Nothing is allocated. */

const large = openModel(
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
const { training } = parseRecipe({ task: 'sample' });

const tuned = (method?: Method, settings: object = {}, model: Model = large, weights: 'f32' | 'f16' = 'f32') =>
  new TunedModel({
    model,
    task: taskOf(2),
    weights,
    contender: method && { method, settings: method.schema.parse(settings) },
  });
const cost = (model: TunedModel, batch = shape) =>
  plan([model], training, {
    ...usualLimits,
    shapes: { training: batch, evaluation: batch, programs: { training: 1, evaluation: 1 } },
  }).costs[0]!;
const costOfMethod = (id: string, settings?: object) => cost(tuned(methodById(id)!, settings));

describe('RoBERTa-large, query and value, rank 8', () => {
  it('trains and costs what the paper says (Tables 1 and 2, Eq. 11)', () => {
    const [hut, lora] = ['hut', 'lora'].map((id) => costOfMethod(id));
    expect(hut!.trainableParameters).toBe(884_736);
    expect(hut!.paper.adapterFlops).toBe(202_113_024);
    expect(lora!.trainableParameters).toBe(786_432);
    expect(lora!.paper.adapterFlops).toBe(855_638_016);
    expect(hut!.headParameters).toBe(1024 * 1024 + 1024 + 2 * 1024 + 2);
  });

  it('a fused HUT step executes the frozen model forward and its data gradient, within 1%', () => {
    // The frozen model whose gradient is asked for at the outputs of the same layers, and nowhere else: one trained shift each.
    const targets = ['query', 'value'];
    const probe: Method = {
      ...methodById('hut')!,
      tensors: (model) => ({
        trained: targetedSites(model, targets).map(({ name, outFeatures }) => ({
          name: `${name}.shift`,
          shape: [outFeatures],
          decayTarget: 0,
          initial: () => new Float32Array(outFeatures),
        })),
      }),
      hooks({ graph, model, own }) {
        const adapted = targetedNames(model, targets);
        return {
          linear: ({ site, x, weight, plain }) =>
            adapted.has(site.name) ? linear(graph, { x, weight, bias: own(`${site.name}.shift`) }) : plain(x),
        };
      },
    };
    const frozen = cost(tuned(probe)).step;
    const fused = costOfMethod('hut').step;
    expect(fused.flops / frozen.flops).toBeGreaterThan(1);
    expect(fused.flops / frozen.flops).toBeLessThan(1.01);
    // And that frozen model executes what its matrices say: 2 FLOPs a value and token each way, the first layer's q, k and v forward only.
    const [d, f, layers] = [1024, 4096, 24];
    const tokens = shape.batchSize * shape.length;
    const products = layers * (4 * d * d + 2 * d * f);
    const attention = 18 * layers * tokens * shape.length * d;
    expect(Math.abs(frozen.flops / (2 * tokens * (2 * products - 3 * d * d) + attention) - 1)).toBeLessThan(0.01);
    // Materialised as Eq. 10 has it, the weight gradients of 48 matrices come on top.
    const materialised = costOfMethod('hut', { form: 'materialised' }).step.flops;
    expect(materialised - fused.flops).toBeGreaterThan(48 * 2 * tokens * d * d * 0.9);
  });

  it('computes nothing below the lowest adapted layer and nothing for frozen weights', () => {
    const model = openModel({ ...large.config, num_hidden_layers: 4 }, 'four layers');
    const all = cost(tuned(methodById('lora')!, { targetModules: ['query'] }, model)).step;
    const head = cost(tuned(methodById('head')!, {}, model)).step;
    const forward =
      2 *
      shape.batchSize *
      shape.length *
      model.sites.reduce((sum, site) => sum + site.inFeatures * site.outFeatures, 0);
    // The head alone: a forward pass and a few small products of its own.
    expect(head.flops).toBeLessThan(1.05 * forward);
    expect(all.flops).toBeGreaterThan(1.8 * forward);
  });

  it('plans memory: f16 halves frozen matrices, and a longer batch needs a larger arena', () => {
    const hut = methodById('hut')!;
    const f32 = cost(tuned(hut)).memory;
    // Tables, their norm, and in each block four d × d and two d × f matrices with biases, and two norms; 4 bytes each.
    const block = 4 * 1024 ** 2 + 2 * 4 * 1024 ** 2 + (4 + 4 + 1) * 1024 + 4 * 1024;
    expect(f32.weightBytes).toBe(4 * ((50265 + 514 + 1) * 1024 + 2 * 1024 + 24 * block));
    // Values, gradients and two moments of what trains; padding and the optimiser’s tables take little.
    const trained = 884_736 + 1024 * 1024 + 1024 + 2 * 1024 + 2;
    expect(f32.trainableBytes).toBeGreaterThan(16 * trained);
    expect(f32.trainableBytes).toBeLessThan(1.02 * 16 * trained);
    const f16 = cost(tuned(hut, {}, large, 'f16')).memory;
    expect(f16.weightBytes / f32.weightBytes).toBeCloseTo(0.5, 2);
    const short = cost(tuned(hut), { batchSize: 16, length: 64 }).memory;
    expect(short.arenaBytes).toBeLessThan(0.6 * f32.arenaBytes);
    // Keeping the activations of 24 layers takes most of the arena: 16 · 128 rows of 4 · d + f values at least, each layer.
    expect(f32.arenaBytes).toBeGreaterThan(24 * 4 * 16 * 128 * (4 * 1024 + 4096));
  });
});
