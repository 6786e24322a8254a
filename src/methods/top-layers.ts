/**
 * Fine-tuning of the last blocks only, and of what lies above them (BERT's pooler): with two, the FT-Top2 of the E2E comparisons that
 * began with prefix tuning (Li and Liang 2021, arXiv 2101.00190).
 */
import { z } from 'zod';
import { inPlace, inPlaceFormat, inPlacePython } from './core/base-tensors';
import { biasFactor, cellsFactor, type DrawnSite } from './core/drawing';
import type { AdaptedModel, Method } from './core/method';

const schema = z.strictObject({ layers: z.number().int().min(1).max(1024).default(2) });
type TopLayersSettings = z.output<typeof schema>;

const above = ({ tensors, numHiddenLayers }: AdaptedModel, layers: number) =>
  tensors.filter(({ layer }) => layer >= numHiddenLayers - layers && layer >= 0);

const isAbove = ({ model, settings, site }: DrawnSite<TopLayersSettings>) =>
  site.layer >= model.numHiddenLayers - settings.layers;

export const method: Method<TopLayersSettings> = {
  id: 'top-layers',
  title: 'Top layers',
  family: 'subset',
  summary: 'Trains every weight of the last blocks and leaves the blocks below as they were.',
  citation: {
    title: 'Prefix-Tuning: Optimizing Continuous Prompts for Generation',
    url: 'https://arxiv.org/abs/2101.00190',
  },
  schema,
  words: { layers: { label: 'Blocks', help: 'How many of the last blocks train; 2 is FT-Top2.' } },
  tensors: (model, { layers }) => ({ trained: inPlace(above(model, layers)) }),
  // The trained tensors are part of the merged model.
  merge: () => [],
  drawing: {
    words: (drawn) =>
      isAbove(drawn)
        ? 'This block is one of the last: every cell of the weight is trained by itself, and so is every bias.'
        : 'This block lies below the last ones, so its weight stays as it is.',
    factors: (layer) => (isAbove(layer) ? [cellsFactor(layer), biasFactor(layer)] : []),
  },
  adapter: inPlaceFormat('TOP_LAYERS', (names, { tensors, numHiddenLayers }) => {
    const lowest = Math.min(...tensors.filter(({ name }) => names.has(name)).map(({ layer }) => layer));
    return Number.isFinite(lowest) ? { layers: numHiddenLayers - lowest } : {};
  }),
  python: inPlacePython,
};
