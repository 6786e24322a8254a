/** A table of the visitor's own: the recipe says which columns hold texts and labels, the training file which classes there are. */
import { z } from 'zod';
import { ownData, type Example, type LabelledData } from '../data/labelled';
import { loadOwnTable } from '../data/load-labelled';
import { UserError } from '../errors';
import { classification } from './classification';
import type { Task, TaskEntry, TaskRecipe } from './core/task';
import { regression } from './regression';

const fields = {
  /** Which columns hold what. */
  columns: z
    .strictObject({ text: z.string().min(1), pair: z.string().min(1).optional(), label: z.string().min(1) })
    .optional(),
  /** Class names in the order of their ids, or the class of each value of the label column. */
  labels: z.union([z.array(z.string()), z.record(z.string(), z.string())]).optional(),
  regression: z.boolean().optional(),
};
/** What a recipe's `data` says beside its files. */
export type OwnTableData = z.output<z.ZodObject<typeof fields>>;

const parsed = ({ data }: TaskRecipe) => z.object(fields).parse(data ?? {});

const make = (data: LabelledData): Task<Example, Float32Array> =>
  data.kind === 'regression' ? regression(data) : classification(data);

/** Throws `recipe/data`. */
function columnsOf(recipe: TaskRecipe) {
  const { columns } = parsed(recipe);
  if (columns) return columns;
  throw new UserError('recipe/data', 'A custom task needs data.train and data.columns: { "text": …, "label": … }.');
}

const custom: TaskEntry<Example> = {
  id: 'custom',
  title: 'A table of your own',
  question: 'Which label, or which score?',
  group: 'Your own',
  splits: ['train', 'validation', 'validationMismatched'],
  ownFiles: true,
  fields: { data: fields },
  check: (recipe) => void columnsOf(recipe),
  describe(recipe) {
    const { labels = ['0', '1'], regression: score } = parsed(recipe);
    const names = score ? [] : Array.isArray(labels) ? labels : [...new Set(Object.values(labels))];
    return make(ownData('custom', columnsOf(recipe), names));
  },
  async load(recipe, { files, seed }, options) {
    const { labels, regression: score } = parsed(recipe);
    const mapping = {
      ...columnsOf(recipe),
      ...(labels && { labels }),
      ...(score !== undefined && { regression: score }),
    };
    const { data, ...loaded } = await loadOwnTable(files!, mapping, seed, options);
    return { task: make(data), ...loaded };
  },
};

export const tasks: readonly TaskEntry<Example>[] = [custom];
