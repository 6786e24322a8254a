/**
 * Pairs of a meaning representation and a sentence that says it, as the E2E NLG Challenge has them (Novikova et al. 2017, arXiv
 * 1706.09254): `name[Blue Spice], eatType[coffee shop]`. Several sentences say the same; where they are read to be compared with, those of
 * equal meaning are one row.
 */
import { UserError } from '../errors';
import type { OpenFile } from '../checkpoint/source';
import { columnMissing } from './glue-tsv';
import { readTable, type Table } from './table';

export interface MeaningRow {
  readonly meaning: string;
  readonly references: readonly string[];
}

export interface MeaningColumns {
  readonly meaning: string;
  readonly reference: string;
}

/** The challenge's own column names, and the hub's. */
export const usualColumns: readonly MeaningColumns[] = [
  { meaning: 'mr', reference: 'ref' },
  { meaning: 'meaning_representation', reference: 'human_reference' },
];

/** The slots of a meaning representation in their order; empty where the text is of another kind. */
export function slotsOf(meaning: string): { readonly slot: string; readonly value: string }[] {
  const slot = /\s*([^[\],]+)\[([^[\]]*)\]\s*(?:,|$)/y;
  const slots: { slot: string; value: string }[] = [];
  while (slot.lastIndex < meaning.length) {
    const found = slot.exec(meaning);
    if (!found) return [];
    slots.push({ slot: found[1]!.trim(), value: found[2]!.trim() });
  }
  return slots;
}

/** A meaning as it is put before a model: `name : Blue Spice | eatType : coffee shop`; a text of another kind as it is. */
export function linearised(meaning: string): string {
  const slots = slotsOf(meaning);
  return slots.length ? slots.map(({ slot, value }) => `${slot} : ${value}`).join(' | ') : meaning.trim();
}

/** Two columns of a table, found whatever the case of their names; cells are trimmed. @throws UserError `data/column-missing` */
export function twoColumns(table: Table, names: readonly [string, string]): [string, string][] {
  const [first, second] = names.map((name) => {
    const place = table.columns.findIndex((column) => column.toLowerCase() === name.toLowerCase());
    if (place === -1) throw columnMissing(name, table.columns, table.label);
    return place;
  });
  const text = (cell: unknown) => String(cell ?? '').trim();
  return table.rows.map((row) => [text(row[first!]), text(row[second!])]);
}

/**
 * The pairs of a table, a row each.
 *
 * @param label the file's name
 * @param columns where the table does not call them as the challenge or the hub does
 * @throws UserError `data/column-missing`, `data/empty-cell`, and those of `readTable`
 */
export async function readMeanings(file: OpenFile, label: string, columns?: MeaningColumns): Promise<MeaningRow[]> {
  const table = await readTable(file, label);
  const has = (name: string) => table.columns.some((column) => column.toLowerCase() === name);
  const named =
    columns ?? usualColumns.find(({ meaning, reference }) => has(meaning) && has(reference)) ?? usualColumns[0]!;
  return twoColumns(table, [named.meaning, named.reference]).map(([meaning, reference], row) => {
    const empty = meaning === '' ? named.meaning : reference === '' ? named.reference : undefined;
    if (empty !== undefined)
      throw new UserError(
        'data/empty-cell',
        `${label}, row ${row + 1} has an empty ${empty}; fill it or delete the row.`,
      );
    return { meaning, references: [reference] };
  });
}

/** Rows of equal meaning as one, in the order in which each meaning first comes. */
export function groupedByMeaning(rows: readonly MeaningRow[]): MeaningRow[] {
  const groups = new Map<string, string[]>();
  for (const { meaning, references } of rows) {
    const known = groups.get(meaning);
    if (known) known.push(...references);
    else groups.set(meaning, [...references]);
  }
  return Array.from(groups, ([meaning, references]) => ({ meaning, references }));
}
