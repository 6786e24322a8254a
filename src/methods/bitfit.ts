/** BitFit (Ben Zaken et al. 2021, arXiv 2106.10199): only the biases of the pre-trained model train, those of its normalisation included. */
import { z } from 'zod';
import { inPlace, inPlaceFormat, inPlacePython } from './core/base-tensors';
import { biasFactor } from './core/drawing';
import type { Method } from './core/method';

const schema = z.strictObject({});

export const method: Method<z.output<typeof schema>> = {
  id: 'bitfit',
  title: 'BitFit',
  family: 'subset',
  summary: 'Trains the biases of every layer and nothing else.',
  citation: {
    title: 'BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked Language-models',
    url: 'https://arxiv.org/abs/2106.10199',
  },
  schema,
  tensors: ({ tensors }) => ({ trained: inPlace(tensors.filter(({ name }) => name.endsWith('.bias'))) }),
  // The trained biases are part of the merged model.
  merge: () => [],
  drawing: {
    words: () => 'The weight stays as it is; Δb, one number for each output, is added to the bias.',
    factors: (layer) => [biasFactor(layer)],
  },
  adapter: inPlaceFormat('BITFIT'),
  python: inPlacePython,
};
