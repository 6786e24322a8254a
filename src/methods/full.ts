/** Full fine-tuning: every tensor of the pre-trained model trains, embeddings and normalisation included. */
import { z } from 'zod';
import { inPlace } from './core/base-tensors';
import { biasFactor, cellsFactor } from './core/drawing';
import type { Method } from './core/method';

const schema = z.strictObject({});

export const method: Method<z.output<typeof schema>> = {
  id: 'full',
  title: 'Full fine-tuning',
  family: 'subset',
  summary: 'Trains every weight of the model; gradients and moments take four times the memory of the weights.',
  citation: {
    title: 'BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding',
    url: 'https://arxiv.org/abs/1810.04805',
  },
  schema,
  tensors: ({ tensors }) => ({ trained: inPlace(tensors) }),
  // The trained tensors are the merged model.
  merge: () => [],
  drawing: {
    words: () => 'Every cell of the weight is trained by itself, and so is every bias.',
    factors: (layer) => [cellsFactor(layer), biasFactor(layer)],
  },
};
