/** Only the task's head trains, on the features of the frozen model: what any other method must beat to be worth its cost. */
import { z } from 'zod';
import { inPlaceFormat, inPlacePython } from './core/base-tensors';
import type { Method } from './core/method';

const schema = z.strictObject({});

export const method: Method<z.output<typeof schema>> = {
  id: 'head',
  title: 'Head only',
  family: 'baseline',
  summary: 'Trains only the task’s head: the baseline of every comparison.',
  citation: { title: 'A linear probe of the frozen model' },
  schema,
  tensors: () => ({ trained: [] }),
  // The head is part of every merged model.
  merge: () => [],
  drawing: {
    words: () =>
      'The weight stays as it is, as do all weights of the pre-trained model: only the head on top of it is trained.',
    factors: () => [],
  },
  adapter: inPlaceFormat('HEAD'),
  python: inPlacePython,
};
