/**
 * A run is a recipe: one JSON, the same for the page, the benchmark and the command line. See the README for what each field means.
 *
 * Everything that comes from outside passes through `parseRecipe`; behind it the recipe is trusted. Tasks and methods bring their own
 * fields with them.
 */
import { z } from 'zod';
import { splitNames } from '../data/splits';
import { UserError } from '../errors';
import type { Method } from '../methods/core/method';
import { methodById, methods } from '../methods/core/registry';
import { scheduleNames } from '../optim/schedule';
import { taskById, tasks } from '../tasks/core/registry';
import type { TaskEntry } from '../tasks/core/task';

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
  /** Whether activations are computed again in the backward pass instead of being kept: of the layers that do not fit, of all, of none. */
  gradientCheckpointing: z.union([z.literal('auto'), z.boolean()]).default('auto'),
  shuffle: z.boolean().default(true),
  seed: whole(0, 2 ** 32 - 1).default(42),
});

const method = z.looseObject({
  method: z.string(),
  learningRate: positive.max(10).optional(),
  adapter: path.optional(),
});

const evaluation = z.strictObject({
  everySteps: whole(0, 10_000_000).default(0),
  limit: whole(0, 10_000_000).default(0),
});
const output = z.strictObject({
  merged: z.boolean().default(true),
  adapter: z.boolean().default(true),
  predictions: z.boolean().default(true),
  /** Of how many scored examples each method's highlights are written. */
  highlights: whole(0, 10_000).default(0),
});

/** A task's own fields beside the shared ones, whose types zod would forget. */
const withFields = <Shape extends z.ZodRawShape>(shared: z.ZodObject<Shape, z.core.$strict>, own: z.ZodRawShape = {}) =>
  shared.extend(own) as unknown as typeof shared;

export const defaultCheckpoint = 'bundled:tiny-roberta';

/** The recipe of a task: its splits may have files, and its own fields are known. */
const schemaOf = ({ splits, fields, checkpoint = defaultCheckpoint }: TaskEntry) =>
  withFields(
    z.strictObject({
      checkpoint: path.default(checkpoint),
      revision: z.string().min(1).max(256).optional(),
      task: z.string(),
      data: z
        .strictObject({
          ...Object.fromEntries(splits.map((split) => [split, path.optional()])),
          train: path,
          ...fields?.data,
        })
        .optional(),
      /** How frozen matrices are kept on the device. */
      weights: z.enum(['f32', 'f16']).default('f32'),
      methods: z
        .array(method)
        .min(1)
        .max(16)
        .default([{ method: 'hut' }, { method: 'lora' }]),
      training: withFields(training, fields?.training).prefault({}),
      evaluation: evaluation.prefault({}),
      output: output.prefault({}),
    }),
    fields?.recipe,
  );

type Schema = ReturnType<typeof schemaOf>;
/** What only some tasks have. */
interface TaskFields {
  readonly [field: string]: unknown;
}
type Parsed = Omit<z.output<Schema>, 'training'> & { readonly training: z.output<typeof training> & TaskFields };

/** Files by split, and what only some tasks have. */
export type RecipeData = { readonly train: string } & {
  readonly [split in Exclude<(typeof splitNames)[number], 'train'>]?: string | undefined;
} & TaskFields;

/** One method with its settings in a run. */
export interface Contender {
  /** Unique in the recipe: the method's id, with a number from its second use on. Also its output folder. */
  readonly id: string;
  readonly method: Method;
  /** With defaults; where the contender starts from an adapter, the folder's settings take their place. */
  readonly settings: object;
  /** What the recipe itself says of the settings beside an adapter, which may not contradict it. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly learningRate: number;
  /** An adapter folder to start from. */
  readonly adapter?: string | undefined;
}

export type RecipeJson = Omit<z.input<Schema>, 'data' | 'training'> & {
  data?: RecipeData | undefined;
  training?: (z.input<typeof training> & TaskFields) | undefined;
};
export interface Recipe extends Omit<Parsed, 'methods' | 'data'> {
  readonly data?: RecipeData | undefined;
  readonly contenders: readonly Contender[];
}

const place = (parts: readonly PropertyKey[]) =>
  parts.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${String(part)}`)).join('');

function refuse(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[] = []): never {
  const at = place([...prefix, ...issue.path]);
  throw new UserError(
    'recipe/invalid',
    `The recipe does not work${at ? ` at ${at}` : ''}: ${issue.message.replace(/\.$/, '')}.`,
  );
}

function entryOf(json: unknown): TaskEntry {
  const named = z.looseObject({ task: z.string() }).safeParse(json);
  if (!named.success) return refuse(named.error.issues[0]!);
  const { task } = named.data;
  const entry = taskById(task);
  if (entry) return entry;
  throw new UserError(
    'recipe/task',
    `There is no task ${JSON.stringify(task.slice(0, 60))}; there are ${tasks.map(({ id }) => id).join(', ')}.`,
  );
}

/** A field that the task does not have, though others do, gets a sentence of its own. Throws `recipe/data`. */
function checkData(json: unknown, { id, splits, fields }: TaskEntry): void {
  const { data } = json as { data?: unknown };
  if (typeof data !== 'object' || data === null) return;
  const own = new Set<string>([...splits, ...Object.keys(fields?.data ?? {})]);
  for (const field of Object.keys(data)) {
    if (own.has(field)) continue;
    const others = tasks.filter((task) => task.splits.some((split) => split === field) || task.fields?.data?.[field]);
    if (others.length)
      throw new UserError(
        'recipe/data',
        `data.${field} is for ${others.map((task) => `"${task.id}"`).join(', ')}; ${id} has no such field, so leave it out.`,
      );
  }
}

/** @throws UserError `recipe/method`, `recipe/invalid` */
function contenderOf(
  { method: id, learningRate, adapter, ...given }: Parsed['methods'][number],
  i: number,
  count: number,
  shared: number,
): Contender {
  const found = methodById(id);
  if (!found)
    throw new UserError(
      'recipe/method',
      `methods[${i}]: there is no method "${id}"; there are ${methods.map((known) => known.id).join(', ')}.`,
    );
  if (adapter !== undefined && !found.adapter)
    throw new UserError(
      'recipe/method',
      `methods[${i}]: ${found.title} has no adapters to start from; name its merged model as the checkpoint instead.`,
    );
  const checked = found.schema.safeParse(given);
  if (!checked.success) return refuse(checked.error.issues[0]!, ['methods', i]);
  return {
    id: count === 1 ? id : `${id}-${count}`,
    method: found,
    settings: checked.data,
    given: adapter === undefined ? {} : given,
    learningRate: learningRate ?? shared,
    adapter,
  };
}

/**
 * Checks a recipe and fills in its defaults.
 *
 * @throws UserError `recipe/invalid`, `recipe/task`, `recipe/method`, `recipe/data`, naming the field
 */
export function parseRecipe(json: unknown): Recipe {
  const entry = entryOf(json);
  checkData(json, entry);
  const parsed = schemaOf(entry).safeParse(json);
  if (!parsed.success) return refuse(parsed.error.issues[0]!);
  const { methods: listed, ...recipe }: Parsed = parsed.data;
  entry.check?.(recipe);
  const used = new Map<string, number>();
  const contenders = listed.map((item, i) => {
    const count = (used.get(item.method) ?? 0) + 1;
    used.set(item.method, count);
    return contenderOf(item, i, count, recipe.training.learningRate);
  });
  return { ...recipe, contenders };
}

/** The entry of a recipe's task. */
export function taskEntry({ task }: Pick<Recipe, 'task'>): TaskEntry {
  const entry = taskById(task);
  if (!entry) throw new Error(`no task ${task} in a recipe that was checked`);
  return entry;
}

/** The recipe as JSON again, defaults written out; where an adapter decides, only what the recipe itself said. */
export function recipeJson({ contenders, ...recipe }: Recipe): Record<string, unknown> {
  return {
    ...recipe,
    methods: contenders.map(({ method: { id }, settings, given, learningRate, adapter }) => ({
      method: id,
      learningRate,
      ...(adapter === undefined ? settings : { ...given, adapter }),
    })),
  };
}
