/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685), as PEFT trains it: `h = x W0ᵀ + b + scale · (dropout(x) Aᵀ) Bᵀ`, with `scale = alpha / rank`, or
 * `alpha / √rank` for rsLoRA (Kalajdzievski 2023, arXiv 2312.03732). `core/low-rank.ts` has the factors and their first values.
 */
import { add } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import type { Drawing } from './core/drawing';
import { loraFolder } from './core/lora-folder';
import {
  addedRow,
  along,
  alongFactors,
  changedRows,
  drawnFactors,
  drawnProduct,
  factorsOf,
  factorTensors,
  loraSchema,
  loraWords,
  type LoraSettings,
} from './core/low-rank';
import type { Method } from './core/method';
import { mergeLayers, targetedNames, targetedSites } from './core/targets';

/** `s B A` over the weight, its scale s drawn with B. */
const drawing: Drawing<LoraSettings> = {
  words: ({ model, settings, site }) =>
    targetedNames(model, settings.targetModules).has(site.name)
      ? `s B A, a product of rank ${factorsOf(site, settings).rank}, is added to the weight: a row takes its part by A, a column by sB.`
      : 'This weight is none of those that LoRA was told to adapt, so it stays as it is.',
  factors(layer) {
    const { model, settings, site, own } = layer;
    if (!targetedNames(model, settings.targetModules).has(site.name)) return alongFactors(layer);
    const { rank, scale } = factorsOf(site, settings);
    return [...drawnFactors({ a: own('lora_A.weight'), b: own('lora_B.weight'), rank }, scale), ...alongFactors(layer)];
  },
  weight(before, factors) {
    const product = drawnProduct(factors);
    return before.map((value, at) => value + product(at));
  },
};

export const method: Method<LoraSettings> = {
  id: 'lora',
  title: 'LoRA',
  family: 'lowRank',
  summary: 'Adds a product of two thin trained matrices to each chosen weight.',
  citation: { title: 'LoRA: Low-Rank Adaptation of Large Language Models', url: 'https://arxiv.org/abs/2106.09685' },
  schema: loraSchema,
  words: loraWords,

  tensors: (model, settings) => ({
    trained: [
      ...targetedSites(model, settings.targetModules).flatMap((site) =>
        factorTensors(site, factorsOf(site, settings).rank),
      ),
      ...along(model, settings),
    ],
  }),

  hooks({ graph, settings, model, own, dropout }) {
    const adapted = targetedNames(model, settings.targetModules);
    return {
      linear({ site, x, plain }) {
        if (!adapted.has(site.name)) return undefined;
        const u = linear(graph, { x: dropout(x, settings.dropout, site), weight: own(`${site.name}.lora_A.weight`) });
        return add(
          graph,
          plain(x),
          linear(
            graph,
            { x: u, weight: own(`${site.name}.lora_B.weight`) },
            { alpha: factorsOf(site, settings).scale },
          ),
        );
      },
    };
  },

  merge: (context) =>
    mergeLayers(context, (site, layer, own) => {
      const { rank, scale } = factorsOf(site, context.settings);
      const [a, b] = [own('lora_A.weight'), own('lora_B.weight')];
      return { weight: changedRows(layer.weight, { a, b, rank }, addedRow(scale)) };
    }),

  drawing,
  adapter: loraFolder(false),

  /** Table 2 of arXiv 2409.13501: the product of the factors and its sum with the weight. */
  paperFlops: (model, settings) =>
    targetedSites(model, settings.targetModules).reduce(
      (total, site) => total + (2 * factorsOf(site, settings).rank + 1) * site.inFeatures * site.outFeatures,
      0,
    ),
};
