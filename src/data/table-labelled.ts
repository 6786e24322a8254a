/** A table's columns become a task's texts and labels. */
import { UserError } from '../errors';
import { columnMissing, emptySplit } from './glue-tsv';
import { parseLabel, quote } from './labels';
import type { Table } from './table';
import { ownData, type ColumnMapping, type Example, type LabelledData } from './labelled';

/** Which columns to use, and how the values of the label column become classes. */
export interface TableMapping extends ColumnMapping {
  /**
   * Class names in the order of their ids; or, for values that are to be renamed or merged, the class name of each value, ids in
   * the order the names first appear. Default: the distinct values of the column, sorted.
   */
  labels?: readonly string[] | Readonly<Record<string, string>>;
  /** The label is a score, not a class. */
  regression?: boolean;
}

/** More distinct labels than this are taken for a score or a text chosen by mistake. */
const MAX_CLASSES = 100;

/**
 * The task that a mapping makes of a table.
 *
 * @throws UserError `data/column-missing`, `data/one-class`, `data/too-many-classes`, `data/cell-missing`
 */
export function dataFromTable(table: Table, mapping: TableMapping): LabelledData {
  const { text, pair, label, labels, regression } = mapping;
  const columns = { text, ...(pair !== undefined && { pair }), label };
  for (const column of Object.values(columns)) columnIndex(table, column);
  if (regression) return ownData(table.label, columns, []);
  const names = labels ? new Set(Array.isArray(labels) ? labels : Object.values(labels)) : distinctLabels(table, label);
  if (names.size < 2) {
    throw new UserError(
      'data/one-class',
      `A classification task needs two labels or more, and ${labels ? 'the mapping names' : `column ${quote(label)} of ${table.label} has`} ${names.size}.`,
    );
  }
  return ownData(table.label, columns, [...names]);
}

/**
 * The rows of a table as examples of `task`, whose `columns` say where they stand.
 *
 * @param labels class names of the column's values, where they differ (see `TableMapping`)
 * @throws UserError `data/column-missing`, `data/cell-missing`, `data/label-out-of-range`, `data/empty-split`
 */
export function examplesFromTable(
  table: Table,
  task: Pick<LabelledData, 'columns' | 'kind' | 'labelNames' | 'labelRange'>,
  labels?: TableMapping['labels'],
): Example[] {
  const { text, pair, label } = task.columns;
  const at = {
    text: columnIndex(table, text),
    pair: pair === undefined ? -1 : columnIndex(table, pair),
    label: columnIndex(table, label),
  };
  const renamed = labels && !Array.isArray(labels) ? new Map(Object.entries(labels)) : undefined;
  if (table.rows.length === 0) throw emptySplit(table.label);
  return table.rows.map((row, i) => {
    const where = `${table.label}, example ${i + 1}`;
    const value = cellText(row[at.label], label, where).trim();
    if (renamed && !renamed.has(value)) {
      const known = [...renamed.keys()].map(quote).join(', ');
      throw new UserError('data/label-out-of-range', `${where}: the label ${quote(value)} is none of ${known}.`);
    }
    return {
      text: cellText(row[at.text], text, where),
      ...(pair !== undefined && { pair: cellText(row[at.pair], pair, where) }),
      label: parseLabel(task, renamed ? renamed.get(value) : value, where),
    };
  });
}

/** Distinct values of a column in order: as numbers where all are, else as text. */
function distinctLabels(table: Table, column: string): Set<string> {
  const index = columnIndex(table, column);
  const values = new Set<string>();
  for (const [i, row] of table.rows.entries()) {
    values.add(cellText(row[index], column, `${table.label}, example ${i + 1}`).trim());
    if (values.size > MAX_CLASSES) {
      throw new UserError(
        'data/too-many-classes',
        `Column ${quote(column)} of ${table.label} has over ${MAX_CLASSES} distinct labels; choose another column, or regression if it is a score.`,
      );
    }
  }
  const list = [...values];
  const numeric = list.every((value) => value !== '' && Number.isFinite(Number(value)));
  return new Set(numeric ? list.sort((a, b) => Number(a) - Number(b)) : list.sort());
}

function columnIndex(table: Table, column: string): number {
  const index = table.columns.indexOf(column);
  if (index < 0) throw columnMissing(column, table.columns, table.label);
  return index;
}

/** A cell as text; numbers and truth values are written out, anything else is refused. */
function cellText(value: unknown, column: string, where: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  const found = value === null || value === undefined ? 'is empty' : 'holds neither text nor a number';
  throw new UserError(
    'data/cell-missing',
    `${where}: column ${quote(column)} ${found}; fill it in or leave the row out.`,
  );
}
