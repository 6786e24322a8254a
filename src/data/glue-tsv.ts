/**
 * The official GLUE files: tab-separated, one example a line, and never quoted. A quotation mark is a character like
 * any other, so a CSV reader would glue lines together wherever a sentence opens with one.
 */
import { UserError } from '../errors';
import { parseLabel } from './labels';
import type { Example, LabelledData } from './labelled';
import { decodeUtf8 } from './text';

/**
 * Reads one file of `task`.
 *
 * @param label the file's name, for errors
 * @throws UserError `data/not-utf8`, `data/column-missing`, `data/row-too-short`, `data/label-out-of-range`, `data/empty-split`
 */
export function readGlueTsv(task: LabelledData, bytes: Uint8Array, label: string): Example[] {
  if (!task.tsv)
    throw new UserError('data/no-tsv-layout', `${task.title} has no official TSV layout; map the columns of ${label}.`);
  const lines = decodeUtf8(bytes, label).split('\n');
  const { columns, skipShortRows } = task.tsv;
  const header = typeof columns.text === 'string' ? cells(lines[0]!) : undefined;
  const place = (column: string | number) => (typeof column === 'number' ? column : findColumn(header!, column, label));
  const text = place(columns.text);
  const pair = columns.pair === undefined ? undefined : place(columns.pair);
  const target = place(columns.label);
  const width = Math.max(text, pair ?? 0, target) + 1;

  const examples: Example[] = [];
  for (let i = header ? 1 : 0; i < lines.length; i++) {
    const row = cells(lines[i]!);
    if (row.length === 1 && row[0]!.trim() === '') continue;
    const where = `${label}, line ${i + 1}`;
    if (row.length < width) {
      if (skipShortRows) continue;
      throw new UserError(
        'data/row-too-short',
        `${where} has ${row.length} tab-separated columns where ${width} or more are needed; fix or delete the line.`,
      );
    }
    examples.push({
      text: row[text]!,
      ...(pair !== undefined && { pair: row[pair]! }),
      label: parseLabel(task, row[target]!, where),
    });
  }
  if (examples.length === 0) throw emptySplit(label);
  return examples;
}

export const emptySplit = (label: string) =>
  new UserError('data/empty-split', `${label} holds no examples; choose a file with at least one.`);

export const columnMissing = (column: string, present: readonly string[], label: string) =>
  new UserError(
    'data/column-missing',
    `${label} has no column ${JSON.stringify(column)}; its columns are ${present.map((name) => JSON.stringify(name)).join(', ')}.`,
  );

const cells = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line).split('\t');

function findColumn(header: readonly string[], column: string, label: string): number {
  const index = header.indexOf(column);
  if (index < 0) throw columnMissing(column, header, label);
  return index;
}
