/** Labelled data with their examples: from the hub's Parquet, from files of the user's, or bundled with the project. */
import type { FileSource, ReadOptions } from '../checkpoint/source';
import { UserError } from '../errors';
import { columnMissing, readGlueTsv } from './glue-tsv';
import type { Example, LabelledData } from './labelled';
import { openParquet } from './parquet';
import { createRandom, shuffle } from '../random';
import { splitNames, type SplitName } from './splits';
import { dataFromTable, examplesFromTable, type TableMapping } from './table-labelled';
import { readTable } from './table';

export interface LoadedData<Row = Example> {
  splits: Map<SplitName, Row[]>;
  /** There was no validation file; a share of the training examples was set aside. */
  heldOut: boolean;
}

export interface DataFile {
  source: FileSource;
  path: string;
}

/** A file for each split there is. */
export type SplitFiles = Readonly<Partial<Record<SplitName, DataFile>> & { train: DataFile }>;

/** Share of the training examples set aside where no validation file is given. */
const HELD_OUT = 0.1;

/** Where the examples of known data come from. */
export type DataOrigin =
  /** The repository of the hub's data set, `data.hub.dataset`. */
  | { hub: FileSource }
  /** A folder with the names GLUE gives its files, e.g. the distribution's `RTE/`, or the bundled sample. */
  | { folder: FileSource }
  /**
   * Named files: `.tsv` in the official layout; `.csv`, `.jsonl` and `.parquet` with the hub's column names. Without a validation
   * file a tenth of the training examples is set aside, drawn by `seed`.
   */
  | { files: SplitFiles; seed: number };

/**
 * Data that we know, with their examples.
 *
 * @throws UserError `data/no-hub-layout`, `data/no-tsv-layout`, those of `readGlueTsv`, `readTable` and `examplesFromTable`, and
 *   the source's own
 */
export async function loadLabelled(data: LabelledData, from: DataOrigin, options?: ReadOptions): Promise<LoadedData> {
  const read = (file: DataFile) => readExamples(data, file, options);
  if ('files' in from) return completed(from.files, from.seed, read);
  const files = 'hub' in from ? hubFiles(data, from.hub) : folderFiles(data, from.folder);
  return { splits: await readSplits(files, read), heldOut: false };
}

/**
 * A table of the user's own, with the columns that `mapping` names. Classes are those of the training file.
 *
 * @throws UserError as `readTable`, `dataFromTable` and `examplesFromTable`
 */
export async function loadOwnTable(
  files: SplitFiles,
  mapping: TableMapping,
  seed: number,
  options?: ReadOptions,
): Promise<LoadedData & { data: LabelledData }> {
  const table = async ({ source, path }: DataFile) => readTable(await source.open(path, options), path);
  const train = await table(files.train);
  const data = dataFromTable(train, mapping);
  const read = async (file: DataFile) =>
    examplesFromTable(file === files.train ? train : await table(file), data, mapping.labels);
  return { data, ...(await completed(files, seed, read)) };
}

/**
 * Sets a tenth of the examples aside, at least one, by a seeded draw; both parts keep the file's order.
 *
 * @throws UserError `data/too-few-examples` where there are fewer than two
 */
export function holdOut<Row>(examples: readonly Row[], seed: number): { train: Row[]; validation: Row[] } {
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

function splitFiles(
  source: FileSource,
  splits: Readonly<Partial<Record<SplitName, string>> & { train: string }>,
  pathOf: (name: string) => string,
): SplitFiles {
  const file = (name: string): DataFile => ({ source, path: pathOf(name) });
  const others = Object.entries(splits).map(([split, name]) => [split, file(name)]);
  return { ...Object.fromEntries(others), train: file(splits.train) };
}

function hubFiles({ title, hub }: LabelledData, source: FileSource): SplitFiles {
  if (!hub) throw new UserError('data/no-hub-layout', `${title} is not on the hub; give its files under "data".`);
  return splitFiles(source, hub.splits, (split) => `${hub.config}/${split}-00000-of-00001.parquet`);
}

function folderFiles({ title, tsv }: LabelledData, source: FileSource): SplitFiles {
  if (!tsv) throw new UserError('data/no-tsv-layout', `${title} has no official files; give its files under "data".`);
  return splitFiles(source, tsv.splits, (file) => file);
}

/** One after the other: a hub limits rates, and progress is easier to follow. */
export async function readSplits<Row>(
  files: SplitFiles,
  read: (file: DataFile) => Promise<Row[]>,
): Promise<Map<SplitName, Row[]>> {
  const splits = new Map<SplitName, Row[]>();
  for (const name of splitNames) {
    const file = files[name];
    if (file) splits.set(name, await read(file));
  }
  return splits;
}

/** Reads the splits there are, and sets validation aside where there is none. */
export async function completed<Row>(
  files: SplitFiles,
  seed: number,
  read: (file: DataFile) => Promise<Row[]>,
): Promise<LoadedData<Row>> {
  const splits = await readSplits(files, read);
  if (files.validation) return { splits, heldOut: false };
  const { train, validation } = holdOut(splits.get('train')!, seed);
  // In this order: the split that decides comes first of those that are scored.
  return {
    splits: new Map([
      ...new Map<SplitName, Row[]>([
        ['train', train],
        ['validation', validation],
      ]),
      ...[...splits].filter(([name]) => name !== 'train'),
    ]),
    heldOut: true,
  };
}

async function readExamples(data: LabelledData, { source, path }: DataFile, options?: ReadOptions): Promise<Example[]> {
  if (data.tsv && path.toLowerCase().endsWith('.tsv')) {
    return readGlueTsv(data, await source.read(path, options), path);
  }
  const file = await source.open(path, options);
  if (!path.toLowerCase().endsWith('.parquet')) return examplesFromTable(await readTable(file, path), data);
  // Of a hub file only the columns that are needed.
  const parquet = await openParquet(file, path);
  const columns = Object.values(data.columns);
  for (const column of columns)
    if (!parquet.columns.includes(column)) throw columnMissing(column, parquet.columns, path);
  const values = await parquet.read(columns);
  const rows = Array.from({ length: parquet.rowCount }, (_, row) => values.map((column) => column[row]));
  return examplesFromTable({ label: path, columns, rows }, data);
}
