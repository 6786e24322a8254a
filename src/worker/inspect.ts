/** Looks at a task's data before a run: rows, label balance, token lengths; and at a table whose columns are to be chosen. */
import { encodeExamples } from '../../data/batching';
import { readTable } from '../../data/table';
import type { LoadedTask, DataFile } from '../../data/load-task';
import type { Example, Task } from '../../data/tasks';
import { loadTokenizer } from '../../data/tokenizer';
import { loadData, type Environment } from '../../train/prepare';
import type { Recipe } from '../../train/recipe';
import type { DataReport, ExamplePreview, TablePreview } from '../protocol';

const previewRows = 20;
/** Token lengths are counted on at most so many training rows, evenly spread. */
const countedRows = 2000;
const maxDistinct = 100;

const cell = (value: unknown) =>
  value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

export function labelText(task: Pick<Task, 'kind' | 'labelNames'>, label: number): string {
  return task.kind === 'regression'
    ? String(Math.round(label * 1000) / 1000)
    : (task.labelNames[label] ?? String(label));
}

export const examplePreview = (task: Task, { text, pair, label }: Example): ExamplePreview => ({
  text,
  ...(pair !== undefined && { pair }),
  label: labelText(task, label),
});

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

function balance(task: Task, examples: readonly Example[]): DataReport['balance'] {
  if (task.kind === 'classification') {
    const counts = task.labelNames.map(() => 0);
    for (const { label } of examples) counts[label]!++;
    return task.labelNames.map((name, i) => ({ name, count: counts[i]! }));
  }
  const labels = examples.map(({ label }) => label);
  const [low, high] = task.labelRange ?? [
    labels.reduce((a, b) => Math.min(a, b)),
    labels.reduce((a, b) => Math.max(a, b)),
  ];
  const width = (high - low) / 10 || 1;
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[Math.min(9, Math.floor((label - low) / width))]!++;
  const name = (i: number) =>
    `${Number((low + i * width).toPrecision(3))} – ${Number((low + (i + 1) * width).toPrecision(3))}`;
  return counts.map((count, i) => ({ name: name(i), count }));
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
  loaded: LoadedTask,
): Promise<DataReport['tokens']> {
  const { maxLength } = recipe.training;
  const tokenizer = await loadTokenizer(environment.checkpoint(recipe.checkpoint, recipe.revision));
  const every = Math.max(1, loaded.train.length / countedRows);
  const rows = Array.from(
    { length: Math.min(countedRows, loaded.train.length) },
    (_, i) => loaded.train[Math.floor(i * every)]!,
  );
  const { offsets, count, truncated } = await encodeExamples(tokenizer, rows, { maxLength });
  const lengths = Array.from({ length: count }, (_, i) => offsets[i + 1]! - offsets[i]!).sort((a, b) => a - b);
  return {
    median: lengths[count >> 1]!,
    longest: lengths.at(-1)!,
    truncated,
    counted: count,
    histogram: histogram(lengths, maxLength),
  };
}

export async function inspectData(recipe: Recipe, environment: Environment): Promise<DataReport> {
  const loaded = await loadData(recipe, environment, {});
  const { task, train, validation, heldOut } = loaded;
  return {
    title: task.title,
    question: task.question,
    kind: task.kind,
    labelNames: task.labelNames,
    examples: { train: train.length, validation: validation.length },
    heldOut,
    rows: train.slice(0, previewRows).map((example) => examplePreview(task, example)),
    balance: balance(task, train),
    tokens: await tokenLengths(recipe, environment, loaded),
  };
}
