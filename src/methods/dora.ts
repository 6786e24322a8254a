/**
 * DoRA, weight-decomposed low-rank adaptation (Liu et al. 2024, arXiv 2402.09353, Eq. 5), as PEFT trains it (`tuners/lora/dora.py`,
 * `LoraConfig(use_dora=True)`):
 *
 *     W_new = diag(m / ‖W0 + s B A‖) (W0 + s B A),   norms of rows of `[out, in]`
 *
 * with A, B and s as LoRA has them, and the magnitudes `m [out]` trained. They start as the norms of W0's rows, so step 0 is the
 * pre-trained model. The norm is a constant in the backward pass (the paper's section 4.3). Dropout acts on all but the pre-trained
 * output: `h = x W0ᵀ + b + dropout(x) (W_new − W0)ᵀ`.
 */
import { add, scale as scaled } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import { multiply } from '../graph/ops/multiply';
import { inverseRowNorm } from '../graph/ops/row-norm';
import type { LinearSite } from '../models/core/model';
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
import type { Method, OwnValues, TrainedTensor } from './core/method';
import { wholesOf } from './core/peft-config';
import { mergeLayers, targetedNames, targetedSites } from './core/targets';

const suffix = 'lora_magnitude_vector';

const norm = (row: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]! ** 2;
  return Math.sqrt(sum);
};

/** The norms of a weight's rows. */
const rowNorms = (weight: Float32Array, rows: number): Float32Array => {
  const inputs = weight.length / rows;
  return Float32Array.from({ length: rows }, (_, o) => norm(weight.subarray(o * inputs, (o + 1) * inputs)));
};

const magnitude = (site: LinearSite): TrainedTensor => ({
  name: `${site.name}.${suffix}`,
  shape: [site.outFeatures],
  // One-dimensional tensors do not decay.
  decayTarget: 0,
  fromLayer: { site, values: ({ weight }) => rowNorms(weight, site.outFeatures) },
});

/** `A`, `sB`, and what each row of their sum with the weight is multiplied by. */
const drawing: Drawing<LoraSettings> = {
  words: ({ model, settings, site }) =>
    targetedNames(model, settings.targetModules).has(site.name)
      ? `s B A, a product of rank ${factorsOf(site, settings).rank}, is added to the weight; then every column is multiplied by c, which gives it the trained length m.`
      : 'This weight is none of those that DoRA was told to adapt, so it stays as it is.',
  factors(layer) {
    const { model, settings, site, own, now } = layer;
    if (!targetedNames(model, settings.targetModules).has(site.name)) return alongFactors(layer);
    const { rank, scale } = factorsOf(site, settings);
    const factors = { a: own('lora_A.weight'), b: own('lora_B.weight'), rank };
    const lengths = rowNorms(changedRows(now.weight, factors, addedRow(scale)), site.outFeatures);
    return [
      ...drawnFactors(factors, scale),
      {
        ...({ name: 'c', along: 'outputs', of: 'weight', lines: 1, neutral: 1 } as const),
        values: own(suffix).map((m, o) => m / lengths[o]!),
      },
      ...alongFactors(layer),
    ];
  },
  weight(before, factors) {
    const product = drawnProduct(factors);
    const columns = factors[2]!.values;
    const inputs = before.length / columns.length;
    return before.map((value, at) => (value + product(at)) * columns[Math.floor(at / inputs)]!);
  },
};

const folder = loraFolder(true);

export const method: Method<LoraSettings> = {
  id: 'dora',
  title: 'DoRA',
  family: 'lowRank',
  summary: 'Adds LoRA’s product to each chosen weight and trains the length of every column of the sum beside it.',
  citation: { title: 'DoRA: Weight-Decomposed Low-Rank Adaptation', url: 'https://arxiv.org/abs/2402.09353' },
  schema: loraSchema,
  words: loraWords,

  tensors: (model, settings) => ({
    trained: [
      ...targetedSites(model, settings.targetModules).flatMap((site) => [
        ...factorTensors(site, factorsOf(site, settings).rank),
        magnitude(site),
      ]),
      ...along(model, settings),
    ],
  }),

  hooks({ graph, settings, model, own, dropout }) {
    const adapted = targetedNames(model, settings.targetModules);
    return {
      linear({ site, x, weight, bias, plain }) {
        if (!adapted.has(site.name)) return undefined;
        const [a, b] = [own(`${site.name}.lora_A.weight`), own(`${site.name}.lora_B.weight`)];
        const { scale } = factorsOf(site, settings);
        const inverse = inverseRowNorm(graph, { weight, a, b }, scale);
        const columnScale = multiply(graph, own(`${site.name}.${suffix}`), inverse);
        const dropped = dropout(x, settings.dropout, site);
        const u = linear(graph, { x: dropped, weight: a });
        const product = linear(graph, { x: u, weight: b, columnScale }, { alpha: scale });
        if (dropped === x) return add(graph, linear(graph, { x, weight, columnScale, bias }), product);
        const difference = add(
          graph,
          linear(graph, { x: dropped, weight, columnScale }),
          scaled(graph, linear(graph, { x: dropped, weight }), -1),
        );
        return add(graph, plain(x), add(graph, difference, product));
      },
    };
  },

  merge: (context) =>
    mergeLayers(context, (site, layer, own) => {
      const { rank, scale } = factorsOf(site, context.settings);
      const factors = { a: own('lora_A.weight'), b: own('lora_B.weight'), rank };
      const m = own(suffix);
      const added = addedRow(scale);
      const weight = changedRows(layer.weight, factors, (old, product, o) => {
        const row = added(old, product);
        const factor = m[o]! / norm(row);
        return row.map((value) => value * factor);
      });
      return { weight };
    }),

  drawing,

  adapter: {
    ...folder,
    /** As LoRA's; of rows that no part adapts, the magnitude is the norm of the pre-trained row. */
    async portable(settings, model, given, layer) {
      const told = await folder.portable!(settings, model, given, layer);
      const tensors = new Map(told.tensors);
      for (const { whole, parts } of wholesOf(model, settings.targetModules)) {
        const data = rowNorms((await layer(whole)).weight, whole.outFeatures) as OwnValues['data'];
        for (const { name, partOf } of parts) {
          data.set(given.get(`${name}.${suffix}`)!.data, partOf!.from);
          tensors.delete(`${name}.${suffix}`);
        }
        tensors.set(`${whole.name}.${suffix}`, { shape: [whole.outFeatures], data });
      }
      return { ...told, tensors };
    },
  },
};
