/** The data of a recipe as token ids: rows read from wherever the recipe says, tokenised, and checked against the model. */
import type { EncodedExamples } from '../data/encoding';
import type { DataFile } from '../data/load-labelled';
import { splitNames, type SplitName } from '../data/splits';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer';
import { UserError } from '../errors';
import type { Model } from '../models/core/model';
import type { EncodedSplit, LoadedTask } from '../tasks/core/task';
import type { Environment, PrepareOptions } from './environment';
import type { Opened } from './open';
import { taskEntry, type Recipe } from './recipe';

export interface Encoded {
  readonly loaded: LoadedTask;
  readonly tokenizer: TextTokenizer;
  /** `train` first, then those that are scored, the deciding one before the others. */
  readonly splits: ReadonlyMap<SplitName, EncodedSplit>;
}

/** The rows of a recipe's task. */
export function loadRows(recipe: Recipe, environment: Environment, options: PrepareOptions): Promise<LoadedTask> {
  const { data, training } = recipe;
  const files = Object.fromEntries(
    splitNames.flatMap((split): [SplitName, DataFile][] => {
      const path = data?.[split];
      return path === undefined ? [] : [[split, environment.file(path)]];
    }),
  );
  return taskEntry(recipe).load(
    recipe,
    {
      ...(data && { files: { ...files, train: environment.file(data.train) } }),
      dataset: (repository, revision) => environment.dataset(repository, revision),
      bundled: (name) => environment.bundled(name),
      seed: training.seed,
    },
    {
      signal: options.signal,
      onProgress: (done, total) =>
        options.onEvent?.({ type: 'progress', phase: 'download', done, total: total ?? 0, label: 'data' }),
    },
  );
}

/** A split's tokens are checked against the model once, here, so that no kernel can read beyond a table. */
function checkIds({ inputIds, tokenTypeIds }: EncodedExamples, model: Model, label: string): void {
  const largest = inputIds.reduce((max, id) => Math.max(max, id), 0);
  if (largest >= model.vocabSize)
    throw new UserError(
      'model/tokenizer',
      `The tokenizer of ${label} gives token ${largest}, but the model's vocabulary ends at ${model.vocabSize - 1}; the two do not belong together.`,
    );
  if (tokenTypeIds.some((type) => type >= model.typeVocabSize))
    throw new UserError(
      'model/tokenizer',
      `The tokenizer of ${label} marks second texts with a type the model does not have.`,
    );
}

/** @throws UserError those of the data, the tokenizer and `model/tokenizer` */
export async function encode(
  { recipe, source, model }: Opened,
  environment: Environment,
  options: PrepareOptions = {},
): Promise<Encoded> {
  const { signal, onEvent } = options;
  const tokenizer = await loadTokenizer(source);
  const loaded = await loadRows(recipe, environment, options);
  signal?.throwIfAborted();
  const { limit } = recipe.evaluation;
  const splits = new Map<SplitName, EncodedSplit>();
  for (const [name, all] of loaded.splits) {
    const rows = limit && name !== 'train' ? all.slice(0, limit) : all;
    const encoded = await loaded.task.encode(tokenizer, rows, {
      ...recipe.training,
      signal,
      onProgress: (done, total) => onEvent?.({ type: 'progress', phase: 'tokenise', done, total, label: name }),
    });
    checkIds(encoded, model, source.label);
    splits.set(name, { rows, encoded });
  }
  return { loaded, tokenizer, splits };
}
