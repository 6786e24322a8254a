/**
 * A user's own table: CSV, TSV, JSON lines or Parquet. Cells stay as the file has them; `table-task.ts` makes them
 * texts and labels.
 */
import type { OpenFile } from '../checkpoint/source';
import { UserError } from '../errors';
import { emptySplit } from './glue-tsv';
import { openParquet } from './parquet';
import { decodeUtf8 } from './text';

export interface Table {
  /** The file's name, for messages. */
  label: string;
  /** Distinct; a second `name` in a header becomes `name.1`, as in pandas. */
  columns: string[];
  /** Cells in the columns' order: text from CSV and TSV, any JSON value else; `undefined` where a JSON line lacks the key. */
  rows: unknown[][];
}

type Reader = (file: OpenFile, label: string) => Promise<Table>;

const readers: Record<string, Reader> = {
  csv: async (file, label) => delimited(await readText(file, label), label, { quoted: true }),
  // Tab-separated files are quoted if Excel wrote them and unquoted if GLUE did; a quotation mark in the wrong place tells.
  tsv: async (file, label) => {
    const text = await readText(file, label);
    return delimited(text, label, { delimiter: '\t', quoted: true, unquotedOtherwise: true });
  },
  jsonl: async (file, label) => jsonLines(await readText(file, label), label),
  parquet: async (file, label) => {
    const parquet = await openParquet(file, label);
    const columns = await parquet.read(parquet.columns);
    const rows = Array.from({ length: parquet.rowCount }, (_, row) => columns.map((column) => column[row]));
    return table(label, parquet.columns, rows);
  },
};
const byExtension: Record<string, Reader> = { ...readers, ndjson: readers['jsonl']!, tab: readers['tsv']! };

/** What a file picker may offer. */
export const tableExtensions = Object.keys(byExtension).map((extension) => `.${extension}`);

/**
 * Reads a table by what its name ends in: `.csv` (separated by commas, semicolons or tabs, with a header), `.tsv`, `.jsonl`,
 * `.parquet`.
 *
 * @param label the file's name
 * @throws UserError `data/table-format`, `data/not-utf8`, `data/csv-invalid`, `data/row-length`, `data/json-invalid`,
 *   `data/parquet-invalid`, `data/empty-split`
 */
export async function readTable(file: OpenFile, label: string): Promise<Table> {
  const extension = /\.([^./\\]+)$/.exec(label)?.[1]?.toLowerCase() ?? '';
  const read = Object.hasOwn(byExtension, extension) ? byExtension[extension] : undefined;
  if (!read) {
    throw new UserError(
      'data/table-format',
      `${label} is no table we read; give a ${tableExtensions.join(', ')} file.`,
    );
  }
  return read(file, label);
}

const readText = async (file: OpenFile, label: string) => decodeUtf8(await file.slice(0), label);

interface DelimitedOptions {
  delimiter?: string;
  quoted: boolean;
  unquotedOtherwise?: boolean;
}

async function delimited(text: string, label: string, options: DelimitedOptions): Promise<Table> {
  const { default: Papa } = await import('papaparse');
  const { data, errors } = Papa.parse<string[]>(text, {
    delimiter: options.delimiter,
    delimitersToGuess: [',', ';', '\t', '|'],
    // A character that no text file holds stands for "no quoting at all".
    quoteChar: options.quoted ? '"' : '\u0000',
    skipEmptyLines: 'greedy',
  });
  const quotes = errors.find(({ type }) => type === 'Quotes');
  if (quotes && options.unquotedOtherwise)
    return delimited(text, label, { ...options, quoted: false, unquotedOtherwise: false });
  if (quotes) {
    throw new UserError(
      'data/csv-invalid',
      `${label}, row ${quotes.row ?? 0} after the header: a quotation mark is not closed or not doubled; quote cells as "…""…".`,
    );
  }
  const [header, ...rows] = data;
  for (const [i, row] of rows.entries()) {
    if (row.length !== header!.length) {
      throw new UserError(
        'data/row-length',
        `${label}, row ${i + 1} after the header has ${row.length} cells where the header has ${header!.length}; ` +
          'put cells that hold the separator in quotation marks.',
      );
    }
  }
  return table(label, header ?? [], rows);
}

function jsonLines(text: string, label: string): Table {
  const columns = new Map<string, number>();
  const rows: unknown[][] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      // Reported below, with what else it may be.
    }
    if (record === null || typeof record !== 'object' || Array.isArray(record)) {
      throw new UserError(
        'data/json-invalid',
        `${label}, line ${i + 1} is not a JSON object; write one object a line.`,
      );
    }
    const row: unknown[] = [];
    for (const [key, value] of Object.entries(record)) {
      if (!columns.has(key)) columns.set(key, columns.size);
      row[columns.get(key)!] = value;
    }
    rows.push(row);
  }
  return table(
    label,
    [...columns.keys()],
    rows.map((row) => Array.from({ length: columns.size }, (_, i) => row[i])),
  );
}

function table(label: string, header: readonly string[], rows: unknown[][]): Table {
  if (rows.length === 0) throw emptySplit(label);
  const columns: string[] = [];
  for (const name of header) {
    let unique = name.trim();
    for (let n = 1; columns.includes(unique); n++) unique = `${name.trim()}.${n}`;
    columns.push(unique);
  }
  return { label, columns, rows };
}
