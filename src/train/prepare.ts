/**
 * From a recipe to a run that is ready to train: open → encode → plan → place.
 *
 * Whatever can be refused is refused before it costs something: the recipe first, then config and data, then the device's limits,
 * and only then are weights read and memory allocated.
 */
import { assertFits } from '../graph/executable';
import { encode, type Encoded } from './encode';
import type { Environment, PrepareOptions } from './environment';
import { linearShapes } from './kernel-choice';
import { open, tunedModels, type Opened } from './open';
import { place, type Placed } from './place';
import { limitsOf, plan, programOptions, shapesOf, stepsOf, type Plan, type Steps } from './plan';
import type { Recipe } from './recipe';
import type { TunedModel } from './tuned-model';

export interface Prepared extends Opened, Encoded, Placed, Steps {
  readonly plan: Plan;
  /** In the order of the contenders. */
  readonly tuned: readonly TunedModel[];
}

/** @throws UserError for whatever the recipe, the files or the device make impossible */
export async function prepare(
  recipe: Recipe,
  environment: Environment,
  options: PrepareOptions = {},
): Promise<Prepared> {
  const { signal, onEvent } = options;
  const opened = await open(recipe, environment, options);
  const encoded = await encode(opened, environment, options);
  signal?.throwIfAborted();
  const tuned = tunedModels(opened, encoded.loaded.task);
  const steps = stepsOf(recipe.training, encoded.splits.get('train')!.encoded.count);
  const gpu = await environment.gpu();
  const shapes = shapesOf(recipe.training, encoded);
  const limits = limitsOf(gpu);
  const choice = await environment.choice(gpu, {
    shapes: () => linearShapes(gpu, tuned, shapes, programOptions(recipe.training, limits)),
    onTuning: () => onEvent?.({ type: 'progress', phase: 'tune', done: 0, total: 0, label: 'kernels' }),
  });
  signal?.throwIfAborted();
  const budgetBytes = environment.budgetBytes?.();
  const planned = plan(tuned, recipe.training, { ...limits, shapes, choice, budgetBytes });
  for (const { largestWeight } of planned.costs) assertFits(gpu, largestWeight);
  onEvent?.({
    type: 'plan',
    adapter: gpu.identity,
    totalSteps: steps.totalSteps,
    peakBytes: planned.peakBytes,
    methods: opened.contenders.map(({ id }, i) => ({ id, cost: planned.costs[i]! })),
  });
  const placed = await place(gpu, opened, tuned, { ...options, shapes, program: planned.program });
  return { ...opened, ...encoded, ...placed, ...steps, tuned, plan: planned };
}
