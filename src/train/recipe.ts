/**
 * A run is a recipe: one JSON, the same for the page, the benchmark and the command line. See the README for what each field means.
 *
 * Everything that comes from outside passes through `parseRecipe`; behind it the recipe is trusted.
 */
import { z } from 'zod';
import { tasks } from '../data/tasks';
import { UserError } from '../errors';
import { scheduleNames } from '../optim/schedule';
import type { Adaptation } from '../peft/classifier';
import { methodById, methods } from '../peft/registry';

const positive = z.number().positive();
const whole = (min: number, max: number) => z.number().int().min(min).max(max);
const path = z.string().min(1).max(4096);

const training = z.strictObject({
  epochs: whole(1, 1000).default(3),
  /** 0: `epochs` decides; otherwise the run's length, however many epochs that takes. */
  maxSteps: whole(0, 10_000_000).default(0),
  batchSize: whole(1, 1024).default(16),
  gradientAccumulation: whole(1, 1024).default(1),
  maxLength: whole(4, 8192).default(128),
  learningRate: positive.max(10).default(1e-3),
  schedule: z.enum(scheduleNames).default('linear'),
  warmupRatio: z.number().min(0).max(1).default(0.06),
  /** Wins over `warmupRatio` where both are given, as in `transformers`. */
  warmupSteps: whole(0, 10_000_000).optional(),
  weightDecay: z.number().min(0).max(10).default(0.01),
  /** 0: no clipping. */
  maxGradNorm: z.number().min(0).default(1),
  dropout: z.number().min(0).max(0.9).default(0),
  shuffle: z.boolean().default(true),
  seed: whole(0, 2 ** 32 - 1).default(42),
});

const data = z.strictObject({
  train: path,
  validation: path.optional(),
  validationMismatched: path.optional(),
  /** For `task: "custom"`: which columns hold what. */
  columns: z
    .strictObject({ text: z.string().min(1), pair: z.string().min(1).optional(), label: z.string().min(1) })
    .optional(),
  /** For `task: "custom"`: class names in the order of their ids, or the class of each value of the label column. */
  labels: z.union([z.array(z.string()), z.record(z.string(), z.string())]).optional(),
  regression: z.boolean().optional(),
});

const method = z.looseObject({
  method: z.string(),
  learningRate: positive.max(10).optional(),
  adapter: path.optional(),
});

const schema = z.strictObject({
  checkpoint: path.default('bundled:tiny-roberta'),
  revision: z.string().min(1).max(256).optional(),
  task: z.enum(['custom', ...Object.keys(tasks)]),
  data: data.optional(),
  /** How frozen matrices are kept on the device. */
  weights: z.enum(['f32', 'f16']).default('f32'),
  methods: z
    .array(method)
    .min(1)
    .max(16)
    .default([{ method: 'hut' }, { method: 'lora' }]),
  training: training.prefault({}),
  evaluation: z
    .strictObject({ everySteps: whole(0, 10_000_000).default(0), limit: whole(0, 10_000_000).default(0) })
    .prefault({}),
  output: z
    .strictObject({
      merged: z.boolean().default(true),
      adapter: z.boolean().default(true),
      predictions: z.boolean().default(true),
    })
    .prefault({}),
});

export interface RecipeMethod extends Adaptation {
  /** Unique in the recipe: the method's id, with a number from its second use on. Also its output folder. */
  readonly id: string;
  readonly learningRate: number;
  /** A PEFT folder to start from. */
  readonly adapter?: string | undefined;
}

export type RecipeJson = z.input<typeof schema>;
export type Recipe = Omit<z.output<typeof schema>, 'methods'> & { readonly methods: readonly RecipeMethod[] };

const place = (parts: readonly PropertyKey[]) =>
  parts.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('');

function refuse(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[] = []): never {
  const at = place([...prefix, ...issue.path]);
  throw new UserError(
    'recipe/invalid',
    `The recipe does not work${at ? ` at ${at}` : ''}: ${issue.message.replace(/\.$/, '')}.`,
  );
}

/**
 * Checks a recipe and fills in its defaults.
 *
 * @throws UserError `recipe/invalid`, `recipe/method`, `recipe/data`, naming the field
 */
export function parseRecipe(json: unknown): Recipe {
  const parsed = schema.safeParse(json);
  if (!parsed.success) return refuse(parsed.error.issues[0]!);
  const recipe = parsed.data;
  if (recipe.task === 'custom' && !recipe.data?.columns)
    throw new UserError('recipe/data', 'A custom task needs data.train and data.columns: { "text": …, "label": … }.');
  if (
    recipe.task !== 'custom' &&
    (recipe.data?.columns ?? recipe.data?.labels ?? recipe.data?.regression) !== undefined
  )
    throw new UserError(
      'recipe/data',
      `data.columns, data.labels and data.regression are for task "custom"; ${recipe.task} has columns and labels of its own.`,
    );
  const used = new Map<string, number>();
  const parsedMethods = recipe.methods.map(({ method: id, learningRate, adapter, ...settings }, i): RecipeMethod => {
    const found = methodById(id);
    if (!found)
      throw new UserError(
        'recipe/method',
        `methods[${i}]: there is no method "${id}"; there are ${methods.map((known) => known.id).join(' and ')}.`,
      );
    const checked = found.schema.safeParse(settings);
    if (!checked.success) return refuse(checked.error.issues[0]!, ['methods', i]);
    const count = (used.get(id) ?? 0) + 1;
    used.set(id, count);
    return {
      id: count === 1 ? id : `${id}-${count}`,
      method: found,
      settings: checked.data,
      learningRate: learningRate ?? recipe.training.learningRate,
      adapter,
    };
  });
  return { ...recipe, methods: parsedMethods };
}

/** The recipe as JSON again, defaults written out. */
export function recipeJson({ methods: used, ...recipe }: Recipe): Record<string, unknown> {
  return {
    ...recipe,
    methods: used.map(({ method: { id: name }, settings, learningRate, adapter }) => ({
      method: name,
      learningRate,
      ...settings,
      ...(adapter !== undefined && { adapter }),
    })),
  };
}
