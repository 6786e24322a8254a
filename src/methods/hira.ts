/**
 * HiRA, Hadamard high-rank adaptation (Huang et al. 2025, ICLR, https://openreview.net/pdf?id=TwJrTz9cRS), as PEFT trains it
 * (`tuners/hira/layer.py`):
 *
 *     h = x W0ᵀ + b + dropout(x) (W0 ⊙ (B A))ᵀ
 *
 * A `[rank, in]` and B `[out, rank]` start as LoRA's, so step 0 is the pre-trained model. The product multiplies the weight cell by cell,
 * so what is added may have any rank; it is built each step, and so is its gradient, which is as large as the weight.
 */
import { z } from 'zod';
import { add } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import { multiply } from '../graph/ops/multiply';
import type { Drawing } from './core/drawing';
import { changedRows, drawnFactors, drawnProduct, factorTensors, rank } from './core/low-rank';
import type { AdaptedModel, Method, OwnValues } from './core/method';
import { commonFields, fanInFanOut, refuseUnknownFields } from './core/peft-config';
import { stackedParts } from './core/stacked-parts';
import { mergeLayers, peftTargets, targetedNames, targetedSites, targetModules, targetsOf } from './core/targets';

const schema = z.strictObject({
  rank: rank.default(32),
  targetModules,
  dropout: z.number().min(0).max(0.9).default(0),
});
type HiraSettings = z.output<typeof schema>;

const suffixes = ['hira_A', 'hira_B'] as const;

/** A matrix with zeros after its rows (`axis` 0) or its columns (1), up to `size` of them. */
function padded({ shape, data }: OwnValues, axis: 0 | 1, size: number): OwnValues {
  const [rows, columns] = [shape[0]!, shape[1]!];
  const wide = axis === 1 ? size : columns;
  const result = new Float32Array((axis === 0 ? size : rows) * wide);
  for (let i = 0; i < rows; i++) result.set(data.subarray(i * columns, (i + 1) * columns), i * wide);
  return { shape: axis === 0 ? [size, columns] : [rows, size], data: result };
}

/** `W ⊙ (1 + B A)`, a row of it. */
const multipliedRow = (old: Float32Array, product: Float64Array) => product.map((value, i) => old[i]! * (1 + value));

const drawing: Drawing<HiraSettings> = {
  words: ({ model, settings, site }) =>
    targetedNames(model, settings.targetModules).has(site.name)
      ? `Every cell of the weight is multiplied by one plus its cell of B A, a product of rank ${settings.rank}.`
      : 'This weight is none of those that HiRA was told to adapt, so it stays as it is.',
  factors({ model, settings, site, own }) {
    if (!targetedNames(model, settings.targetModules).has(site.name)) return [];
    return drawnFactors({ a: own('hira_A'), b: own('hira_B'), rank: settings.rank }, 1, 'B');
  },
  weight(before, factors) {
    const product = drawnProduct(factors);
    return before.map((value, at) => value * (1 + product(at)));
  },
};

export const method: Method<HiraSettings> = {
  id: 'hira',
  title: 'HiRA',
  family: 'scaling',
  summary: 'Multiplies each chosen weight, cell by cell, by one plus a product of two thin trained matrices.',
  citation: {
    title: 'HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models',
    url: 'https://openreview.net/pdf?id=TwJrTz9cRS',
  },
  schema,
  words: { rank: { label: 'Rank', help: 'Width of A and B; what is added to the weight may have any rank.' } },

  tensors: (model, settings) => ({
    trained: targetedSites(model, settings.targetModules).flatMap((site) =>
      factorTensors(site, settings.rank, suffixes),
    ),
  }),

  hooks({ graph, settings, model, own, dropout }) {
    const adapted = targetedNames(model, settings.targetModules);
    return {
      linear({ site, x, weight, plain }) {
        if (!adapted.has(site.name)) return undefined;
        const [a, b] = [own(`${site.name}.hira_A`), own(`${site.name}.hira_B`)];
        const product = linear(graph, { x: b, weight: a }, { layout: 'kn' });
        const changed = multiply(graph, product, weight);
        return add(graph, plain(x), linear(graph, { x: dropout(x, settings.dropout, site), weight: changed }));
      },
    };
  },

  merge: (context) =>
    mergeLayers(context, (_site, layer, own) => {
      const factors = { a: own('hira_A'), b: own('hira_B'), rank: context.settings.rank };
      return { weight: changedRows(layer.weight, factors, multipliedRow) };
    }),

  drawing,

  adapter: {
    peftType: 'HIRA',
    inPeft: true,
    config: (settings, model) => ({
      r: settings.rank,
      hira_dropout: settings.dropout,
      target_modules: peftTargets(model, targetedSites(model, settings.targetModules)),
      fan_in_fan_out: fanInFanOut(model, targetedSites(model, settings.targetModules)),
      init_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
    }),
    settings(contents) {
      const { config, tensors, model, refuse } = contents;
      // PEFT 0.21 makes all layers of one rank, whatever `rank_pattern` says.
      const read = ['r', 'hira_dropout', 'rank_pattern', 'init_weights'];
      refuseUnknownFields(contents, new Set([...commonFields, ...read]));
      const told = schema.safeParse({ rank: config['r'], dropout: config['hira_dropout'] });
      if (!told.success) return refuse('has no usable r or hira_dropout in its adapter_config.json');
      const adapted = model.linearLayers.filter(({ name }) => tensors.has(`${name}.hira_A`));
      if (adapted.length === 0) return refuse('holds no HiRA factors for a linear layer of this model');
      return { ...told.data, targetModules: targetsOf(model, adapted) };
    },
    /** Layers of parts need more ranks; PEFT makes all layers of one rank, so the others' grow by zeros. */
    portable(settings: HiraSettings, model: AdaptedModel, given: ReadonlyMap<string, OwnValues>) {
      const { tensors, ranks, targets } = stackedParts(model, settings.targetModules, given, {
        suffixes,
        factorsOf: () => ({ rank: settings.rank, scale: 1 }),
      });
      const largest = Math.max(settings.rank, ...Object.values(ranks));
      const widened = new Map(tensors);
      for (const { name } of targetedSites(model, targets))
        for (const suffix of suffixes)
          widened.set(
            `${name}.${suffix}`,
            padded(tensors.get(`${name}.${suffix}`)!, suffix === 'hira_A' ? 0 : 1, largest),
          );
      return { settings: { ...settings, rank: largest, targetModules: targets }, tensors: widened };
    },
  },
};
