/** A task with its examples: from the hub's Parquet, from files of the user's, or bundled with the project. */
import type { FileSource, ReadOptions } from '../checkpoint/source';
import { UserError } from '../errors';
import { columnMissing, readGlueTsv } from './glue-tsv';
import { openParquet } from './parquet';
import { createRandom, shuffle } from '../random';
import { examplesFromTable, taskFromTable, type TableMapping } from './table-task';
import { readTable } from './table';
import type { Example, Task } from './tasks';

export interface LoadedTask {
  task: Task;
  train: Example[];
  validation: Example[];
  /** MNLI only: validation examples of other genres than the training file's. */
  validationMismatched?: Example[];
  /** There was no validation file; a share of the training examples was set aside. */
  heldOut: boolean;
}

export interface DataFile {
  source: FileSource;
  path: string;
}

export interface TaskFiles {
  train: DataFile;
  validation?: DataFile;
  validationMismatched?: DataFile;
}

/** Share of the training examples set aside where no validation file is given. */
const HELD_OUT = 0.1;

/** Where the examples of a known task come from. */
export type TaskOrigin =
  /** The repository of the task's hub data set, `task.hub.dataset`. */
  | { hub: FileSource }
  /** A folder with the names GLUE gives its files, e.g. the distribution's `RTE/`, or the bundled sample. */
  | { folder: FileSource }
  /**
   * Named files: `.tsv` in the official layout; `.csv`, `.jsonl` and `.parquet` with the hub's column names. Without a validation
   * file a tenth of the training examples is set aside, drawn by `seed`.
   */
  | { files: TaskFiles; seed: number };

/**
 * A task that we know, with its examples.
 *
 * @throws UserError `data/no-hub-layout`, `data/no-tsv-layout`, those of `readGlueTsv`, `readTable` and `examplesFromTable`, and
 *   the source's own
 */
export async function loadTask(task: Task, from: TaskOrigin, options?: ReadOptions): Promise<LoadedTask> {
  const read = (file: DataFile) => readExamples(task, file, options);
  if ('files' in from) return completed(task, await read(from.files.train), from.files, from.seed, read);
  const { source, layout, pathOf } = 'hub' in from ? hubLayout(task, from.hub) : folderLayout(task, from.folder);
  // One after the other: a hub limits rates, and progress is easier to follow.
  const split = (name: string) => read({ source, path: pathOf(name) });
  const train = await split(layout.train);
  const validation = await split(layout.validation);
  const mismatched = layout.validationMismatched && (await split(layout.validationMismatched));
  return { task, train, validation, ...(mismatched && { validationMismatched: mismatched }), heldOut: false };
}

/**
 * A task of the user's own, from tables with the columns that `mapping` names. Classes are those of the training file.
 *
 * @throws UserError as `readTable`, `taskFromTable` and `examplesFromTable`
 */
export async function loadCustomTask(
  files: TaskFiles,
  mapping: TableMapping,
  seed: number,
  options?: ReadOptions,
): Promise<LoadedTask> {
  const table = async ({ source, path }: DataFile) => readTable(await source.open(path, options), path);
  const train = await table(files.train);
  const task = taskFromTable(train, mapping);
  const read = async (file: DataFile) => examplesFromTable(await table(file), task, mapping.labels);
  return completed(task, examplesFromTable(train, task, mapping.labels), files, seed, read);
}

/**
 * Sets a tenth of the examples aside, at least one, by a seeded draw; both parts keep the file's order.
 *
 * @throws UserError `data/too-few-examples` where there are fewer than two
 */
export function holdOut(examples: readonly Example[], seed: number): { train: Example[]; validation: Example[] } {
  if (examples.length < 2) {
    throw new UserError(
      'data/too-few-examples',
      'One example cannot be split; give a validation file, or more examples.',
    );
  }
  const order = shuffle(Uint32Array.from(examples.keys()), createRandom(seed));
  const aside = new Set(order.subarray(0, Math.max(1, Math.round(examples.length * HELD_OUT))));
  return {
    train: examples.filter((_, i) => !aside.has(i)),
    validation: examples.filter((_, i) => aside.has(i)),
  };
}

function hubLayout(task: Task, source: FileSource) {
  const layout = task.hub;
  if (!layout)
    throw new UserError('data/no-hub-layout', `${task.title} is not on the hub; give its files under "data".`);
  return { source, layout, pathOf: (split: string) => `${layout.config}/${split}-00000-of-00001.parquet` };
}

function folderLayout(task: Task, source: FileSource) {
  const layout = task.tsv;
  if (!layout)
    throw new UserError('data/no-tsv-layout', `${task.title} has no official files; give its files under "data".`);
  return { source, layout, pathOf: (file: string) => file };
}

async function completed(
  task: Task,
  train: Example[],
  { validation, validationMismatched }: TaskFiles,
  seed: number,
  read: (file: DataFile) => Promise<Example[]>,
): Promise<LoadedTask> {
  const mismatched = validationMismatched && { validationMismatched: await read(validationMismatched) };
  if (!validation) return { task, ...holdOut(train, seed), ...mismatched, heldOut: true };
  return { task, train, validation: await read(validation), ...mismatched, heldOut: false };
}

async function readExamples(task: Task, { source, path }: DataFile, options?: ReadOptions): Promise<Example[]> {
  if (task.tsv && path.toLowerCase().endsWith('.tsv')) {
    return readGlueTsv(task, await source.read(path, options), path);
  }
  const file = await source.open(path, options);
  if (!path.toLowerCase().endsWith('.parquet')) return examplesFromTable(await readTable(file, path), task);
  // Of a hub file only the columns that are needed.
  const parquet = await openParquet(file, path);
  const columns = Object.values(task.columns);
  for (const column of columns)
    if (!parquet.columns.includes(column)) throw columnMissing(column, parquet.columns, path);
  const values = await parquet.read(columns);
  const rows = Array.from({ length: parquet.rowCount }, (_, row) => values.map((column) => column[row]));
  return examplesFromTable({ label: path, columns, rows }, task);
}
