import { parquetWriteBuffer } from 'hyparquet-writer';
import fc from 'fast-check';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { bytesFile } from '../checkpoint/source';
import { readTable, type Table } from './table';
import { examplesFromTable, dataFromTable, type TableMapping } from './table-labelled';

const read = (name: string, content: string | Uint8Array | ArrayBuffer) => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
  return readTable(bytesFile(bytes as Uint8Array<ArrayBuffer>), name);
};
const cell = fc.string({ unit: 'grapheme' });

describe('CSV', () => {
  it('reads quoted cells with separators, quotes and newlines in them, and guesses the separator', async () => {
    expect(await read('a.csv', '\uFEFFtext,label\r\n"He said ""no"", twice",0\r\n"two\nlines",1\r\n')).toEqual({
      label: 'a.csv',
      columns: ['text', 'label'],
      rows: [
        ['He said "no", twice', '0'],
        ['two\nlines', '1'],
      ],
    });
    expect((await read('a.csv', 'text;label\ngood, really;1\nbad;0\n')).rows).toEqual([
      ['good, really', '1'],
      ['bad', '0'],
    ]);
  });

  it('reads back whatever was written', async () => {
    const rows = fc.array(fc.tuple(cell, cell, fc.constantFrom('0', '1')), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(rows, async (written) => {
        const text = Papa.unparse({ fields: ['a', 'b', 'label'], data: written }, { quotes: true });
        expect((await read('a.csv', text)).rows).toEqual(written);
      }),
    );
  });

  it('keeps columns of the same or a hostile name apart', async () => {
    const table = await read('a.csv', 'text,text,__proto__\na,b,c\n');
    expect(table.columns).toEqual(['text', 'text.1', '__proto__']);
    expect(table.rows).toEqual([['a', 'b', 'c']]);
  });
});

describe('TSV', () => {
  it('reads what Excel quotes, and takes quotes literally where they are none', async () => {
    expect((await read('a.tsv', 'text\tlabel\n"a ""b"" c"\t1\n')).rows).toEqual([['a "b" c', '1']]);
    expect((await read('a.tsv', 'text\tlabel\n" Not closed , he said\t1\nfine " here\t0\n')).rows).toEqual([
      ['" Not closed , he said', '1'],
      ['fine " here', '0'],
    ]);
  });
});

describe('JSON lines', () => {
  it('reads objects, whatever the order of their keys', async () => {
    const table = await read('a.jsonl', '{"text":"a","label":1}\n\n{"label":0,"text":"b","extra":[1]}\n{"text":"c"}');
    expect(table.columns).toEqual(['text', 'label', 'extra']);
    expect(table.rows).toEqual([
      ['a', 1, undefined],
      ['b', 0, [1]],
      ['c', undefined, undefined],
    ]);
  });
});

describe('Parquet', () => {
  const columnData = [
    { name: 'text', data: ['caf\u00e9', '', 'x'.repeat(5000)], type: 'STRING' as const },
    { name: 'label', data: [0n, 1n, 1n], type: 'INT64' as const },
    { name: 'score', data: [0.5, 1.5, 2.5], type: 'DOUBLE' as const },
  ];

  it.each(['SNAPPY', 'UNCOMPRESSED'] as const)('reads %s columns', async (codec) => {
    const table = await read('a.parquet', parquetWriteBuffer({ columnData, codec }));
    expect(table.columns).toEqual(['text', 'label', 'score']);
    expect(table.rows).toEqual([
      ['caf\u00e9', 0n, 0.5],
      ['', 1n, 1.5],
      ['x'.repeat(5000), 1n, 2.5],
    ]);
  });

  it('refuses files that are cut, garbled or no Parquet at all', async () => {
    const whole = new Uint8Array(parquetWriteBuffer({ columnData }));
    const broken = [new Uint8Array(), whole.slice(0, -20), whole.slice(100), new TextEncoder().encode('PAR1 no PAR1')];
    for (const bytes of broken)
      await expect(read('a.parquet', bytes)).rejects.toMatchObject({ code: 'data/parquet-invalid' });
  });

  it('refuses a file cut anywhere, as a broken download leaves it', async () => {
    const whole = new Uint8Array(parquetWriteBuffer({ columnData: columnData.slice(1) }));
    for (let length = 0; length < whole.length; length++) {
      await expect(read('a.parquet', whole.slice(0, length))).rejects.toMatchObject({ code: 'data/parquet-invalid' });
    }
  });
});

describe('bad tables', () => {
  it.each<[string, string, string, RegExp]>([
    ['data/table-format', 'a.xlsx', 'x', /a\.xlsx is no table we read; give a \.csv, \.tsv/],
    ['data/table-format', 'constructor', 'x', /no table/],
    [
      'data/row-length',
      'a.csv',
      'text,label\none, two,1\n',
      /row 1 after the header has 3 cells where the header has 2/,
    ],
    ['data/row-length', 'a.csv', 'text,label\nok,1\nshort\n', /row 2 after the header has 1/],
    ['data/csv-invalid', 'a.csv', 'text,label\n"never closed,1\nmore,0\n', /quotation mark/],
    ['data/json-invalid', 'a.jsonl', '{"a":1}\n[1]\n', /line 2 is not a JSON object/],
    ['data/json-invalid', 'a.jsonl', '{"a":', /line 1/],
    ['data/empty-split', 'a.csv', 'text,label\n', /no examples/],
    ['data/empty-split', 'a.csv', '', /no examples/],
    ['data/empty-split', 'a.jsonl', '\n', /no examples/],
  ])('%s: %s %j', async (code, name, content, message) => {
    await expect(read(name, content)).rejects.toMatchObject({
      name: 'UserError',
      code,
      message: expect.stringMatching(message),
    });
  });

  it('are refused where they are not UTF-8', async () => {
    await expect(read('a.csv', Uint8Array.of(0x61, 0xe9, 0x2c, 0x0a))).rejects.toMatchObject({ code: 'data/not-utf8' });
  });
});

describe('a table as a task', () => {
  const table: Table = {
    label: 'mine.csv',
    columns: ['review', 'title', 'stars'],
    rows: [
      ['lovely', 'A', '10'],
      ['bad', 'B', '2'],
      ['so so', 'C', '2'],
    ],
  };
  const columns = { text: 'review', label: 'stars' };
  const examples = (mapping: TableMapping, from = table) =>
    examplesFromTable(from, dataFromTable(from, mapping), mapping.labels);

  it('finds the classes in the column, numbers in the order of their size', () => {
    expect(dataFromTable(table, columns)).toMatchObject({
      kind: 'classification',
      labelNames: ['2', '10'],
      numLabels: 2,
    });
    expect(examples(columns)).toEqual([
      { text: 'lovely', label: 1 },
      { text: 'bad', label: 0 },
      { text: 'so so', label: 0 },
    ]);
  });

  it('takes class names in the order given, or renames and merges values', () => {
    expect(examples({ ...columns, labels: ['10', '2'] }).map(({ label }) => label)).toEqual([0, 1, 1]);
    const labels = { '1': 'negative', '2': 'negative', '10': 'positive' };
    expect(dataFromTable(table, { ...columns, labels }).labelNames).toEqual(['negative', 'positive']);
    expect(examples({ ...columns, labels, pair: 'title' })[0]).toEqual({ text: 'lovely', pair: 'A', label: 1 });
  });

  it('takes scores for regression', () => {
    expect(dataFromTable(table, { ...columns, regression: true })).toMatchObject({ kind: 'regression', numLabels: 1 });
    expect(examples({ ...columns, regression: true }).map(({ label }) => label)).toEqual([10, 2, 2]);
  });

  it('writes out numbers, truth values and big integers', () => {
    const rows = [
      [1, true, 5n],
      [2, false, 6n],
    ];
    const typed = { ...table, rows };
    expect(examples({ text: 'review', label: 'title' }, typed)).toEqual([
      { text: '1', label: 1 },
      { text: '2', label: 0 },
    ]);
    expect(examples({ text: 'review', label: 'stars' }, typed).map(({ label }) => label)).toEqual([0, 1]);
  });

  it.each<[string, TableMapping, unknown[][], RegExp]>([
    [
      'data/column-missing',
      { text: 'txt', label: 'stars' },
      table.rows,
      /mine\.csv has no column "txt".*"review", "title", "stars"/,
    ],
    ['data/column-missing', { ...columns, pair: 'other' }, table.rows, /"other"/],
    ['data/column-missing', { ...columns, label: '__proto__' }, table.rows, /"__proto__"/],
    ['data/one-class', columns, [['a', 'b', '1']], /two labels or more.*has 1/],
    ['data/one-class', { ...columns, labels: ['x'] }, table.rows, /the mapping names 1/],
    [
      'data/too-many-classes',
      columns,
      Array.from({ length: 101 }, (_, i) => ['a', 'b', `${i}`]),
      /over 100 distinct labels/,
    ],
    [
      'data/label-out-of-range',
      { ...columns, labels: ['2', '3'] },
      table.rows,
      /example 1: the label "10" is none of 0 \(2\), 1 \(3\)/,
    ],
    ['data/label-out-of-range', { ...columns, labels: { '2': 'a', '3': 'b' } }, table.rows, /"10" is none of "2", "3"/],
    ['data/label-out-of-range', { ...columns, regression: true }, [['a', 'b', 'many']], /"many" is not a number/],
    [
      'data/cell-missing',
      columns,
      [
        [null, 'b', '1'],
        ['a', 'b', '0'],
      ],
      /example 1: column "review" is empty/,
    ],
    [
      'data/cell-missing',
      columns,
      [
        ['a', 'b', '1'],
        [{}, 'b', '0'],
      ],
      /example 2: column "review" holds neither/,
    ],
    ['data/empty-split', { ...columns, regression: true }, [], /no examples/],
  ])('%s', (code, mapping, rows, message) => {
    expect(() => examples(mapping, { ...table, rows })).toThrow(
      expect.objectContaining({ name: 'UserError', code, message: expect.stringMatching(message) }),
    );
  });
});
