/** Looks at a task's data before a run: rows, label balance, token lengths; and at a table whose columns are to be chosen. */
import { rowLengths } from '../data/encoding';
import { readTable } from '../data/table';
import type { DataFile } from '../data/load-labelled';
import { decidingSplit } from '../data/splits';
import { loadTokenizer } from '../data/tokenizer';
import type { Task } from '../tasks/core/task';
import { loadRows } from '../train/encode';
import type { Environment } from '../train/environment';
import type { Recipe } from '../train/recipe';
import type { DataReport, TablePreview } from './protocol';

const previewRows = 20;
/** Token lengths are counted on at most so many training rows, evenly spread. */
const countedRows = 2000;
const maxDistinct = 100;

const cell = (value: unknown) =>
  value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

export async function previewTable({ source, path }: DataFile): Promise<TablePreview> {
  const table = await readTable(await source.open(path), path);
  const distinct: Record<string, string[]> = {};
  const meanLength = new Map<string, number>();
  for (const [i, column] of table.columns.entries()) {
    const values = new Set<string>();
    let characters = 0;
    for (const row of table.rows) {
      const text = cell(row[i]);
      characters += text.length;
      if (values.size <= maxDistinct) values.add(text.trim());
    }
    if (values.size <= maxDistinct) distinct[column] = [...values].sort();
    meanLength.set(column, characters / table.rows.length);
  }
  return {
    file: path,
    columns: table.columns,
    rowCount: table.rows.length,
    rows: table.rows.slice(0, previewRows).map((row) => row.map(cell)),
    distinct,
    guess: guess(table.columns, distinct, meanLength),
  };
}

/** Label: a column called so, else the one with the fewest values; text and pair: what is called so, else the longest column. */
function guess(
  columns: readonly string[],
  distinct: Readonly<Record<string, readonly string[]>>,
  meanLength: ReadonlyMap<string, number>,
): TablePreview['guess'] {
  const named = (pattern: RegExp, not: readonly (string | undefined)[] = []) =>
    columns.find((column) => pattern.test(column) && !not.includes(column));
  const few = columns
    .filter((column) => (distinct[column]?.length ?? 0) >= 2)
    .sort((a, b) => distinct[a]!.length - distinct[b]!.length);
  const label = named(/^(label|labels|class|category|sentiment|target|score|gold_label|y)$/i) ?? few[0];
  const byLength = columns.filter((column) => column !== label).sort((a, b) => meanLength.get(b)! - meanLength.get(a)!);
  const text =
    named(/^(text|sentence|sentence1|premise|question1|review|content|message|body)$/i, [label]) ?? byLength[0];
  const pair = named(/^(sentence2|hypothesis|question2|pair|text2|text_b|text_pair)$/i, [label, text]);
  return {
    ...(text !== undefined && { text }),
    ...(pair !== undefined && { pair }),
    ...(label !== undefined && { label }),
  };
}

function histogram(lengths: readonly number[], maxLength: number): { from: number; to: number; count: number }[] {
  const width = Math.max(1, Math.ceil(maxLength / 16));
  const bins = Array.from({ length: Math.ceil((maxLength + 1) / width) }, (_, i) => ({
    from: i * width,
    to: (i + 1) * width,
    count: 0,
  }));
  for (const length of lengths) bins[Math.floor(length / width)]!.count++;
  return bins;
}

async function tokenLengths(
  recipe: Recipe,
  environment: Environment,
  task: Task,
  train: readonly unknown[],
): Promise<DataReport['tokens']> {
  const { maxLength } = recipe.training;
  const tokenizer = await loadTokenizer(environment.checkpoint(recipe.checkpoint, recipe.revision));
  const every = Math.max(1, train.length / countedRows);
  const rows = Array.from({ length: Math.min(countedRows, train.length) }, (_, i) => train[Math.floor(i * every)]!);
  const encoded = await task.encode(tokenizer, rows, recipe.training);
  const lengths = rowLengths(encoded).sort((a, b) => a - b);
  return {
    median: lengths[lengths.length >> 1]!,
    longest: lengths.at(-1)!,
    truncated: encoded.truncated,
    counted: encoded.count,
    histogram: histogram(lengths, maxLength),
  };
}

export async function inspectData(recipe: Recipe, environment: Environment): Promise<DataReport> {
  const { task, splits, heldOut } = await loadRows(recipe, environment, {});
  const train = splits.get('train')!;
  return {
    title: task.title,
    question: task.question,
    examples: { train: train.length, validation: splits.get(decidingSplit(splits))!.length },
    heldOut,
    rows: train.slice(0, previewRows).map((row) => task.view(row)),
    distribution: task.distribution(train),
    tokens: await tokenLengths(recipe, environment, task, train),
  };
}
