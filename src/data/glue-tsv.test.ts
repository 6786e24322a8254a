import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGlueTsv } from './glue-tsv';
import { glue as glueData, knownData, sample } from './glue';
import { ownData } from './labelled';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (id: string, text: string) => readGlueTsv(knownData(id), bytes(text), 'some/train.tsv');
const glue = '../shared/data/glue';

describe('official files', () => {
  // Counts as the distributors state them.
  const counts: [string, 'train' | 'validation', number][] = [
    ['cola', 'train', 8551],
    ['cola', 'validation', 1043],
    ['sst2', 'train', 67349],
    ['sst2', 'validation', 872],
    ['mrpc', 'train', 3668],
    ['mrpc', 'validation', 408],
    ['rte', 'train', 2490],
    ['rte', 'validation', 277],
    ['stsb', 'train', 5749],
    ['stsb', 'validation', 1500],
    ['wnli', 'train', 635],
    ['wnli', 'validation', 71],
    ['qnli', 'validation', 5463],
  ];
  const absent = !existsSync(glue);
  it.skipIf(absent).each(counts)(`%s %s has %i rows${absent ? ` (skipped: no ${glue})` : ''}`, (id, split, count) => {
    const task = knownData(id);
    const file = `${glue}/${task.tsv!.folder}/${task.tsv!.splits[split]}`;
    const examples = readGlueTsv(task, readFileSync(file), file);
    expect(examples).toHaveLength(count);
    for (const { text, pair, label } of examples) {
      if (text.length === 0 || text.includes('\t')) throw new Error(`row without text in ${file}`);
      if ((pair !== undefined) !== (task.columns.pair !== undefined)) throw new Error(`pair or no pair in ${file}`);
      if (!(label >= 0 && label <= (task.labelRange?.[1] ?? task.numLabels - 1))) throw new Error(`label ${label}`);
    }
    // Every class occurs.
    if (task.kind === 'classification') expect(new Set(examples.map(({ label }) => label)).size).toBe(task.numLabels);
  });
});

describe('layouts', () => {
  it('take quotation marks literally', () => {
    const line = '1\t10\t20\t" Not closed , he said .\tHe said " yes " and "\n';
    expect(read('mrpc', `\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n${line}${line}`)).toEqual(
      new Array(2).fill({ text: '" Not closed , he said .', pair: 'He said " yes " and "', label: 1 }),
    );
  });

  it('read CoLA, which has no header, with or without a newline at the end', () => {
    const rows = [
      { text: 'The book was read.', label: 1 },
      { text: 'Book the was read.', label: 0 },
    ];
    expect(read('cola', 'gj04\t1\t\tThe book was read.\ngj04\t0\t*\tBook the was read.')).toEqual(rows);
    expect(read('cola', 'gj04\t1\t\tThe book was read.\r\ngj04\t0\t*\tBook the was read.\r\n\r\n')).toEqual(rows);
  });

  it('find MNLI by name among its columns, and skip the rows QQP is known to have broken', () => {
    const header = 'index\tpromptID\tpairID\tgenre\tsentence1\tsentence2\tlabel1\tgold_label';
    expect(read('mnli', `${header}\n0\t1\t1n\tfiction\tA dog runs.\tNothing moves.\tneutral\tcontradiction\n`)).toEqual(
      [{ text: 'A dog runs.', pair: 'Nothing moves.', label: 2 }],
    );
    const qqp =
      'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tHow?\tWhy?\t0\n4\t5\t6\tbroken\n7\t8\t9\tA?\tB?\t1\n';
    expect(read('qqp', qqp).map(({ label }) => label)).toEqual([0, 1]);
  });

  it('read back whatever sentences were written', () => {
    const sentence = fc.string({ unit: 'grapheme' }).filter((text) => !/[\t\r\n]/.test(text));
    const rows = fc.array(fc.record({ text: sentence, pair: sentence, label: fc.nat(1) }), { minLength: 1 });
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), (examples, newline) => {
        const lines = examples.map(({ text, pair, label }, i) =>
          [i, text, pair, knownData('rte').labelNames[label]].join('\t'),
        );
        expect(read('rte', ['index\tsentence1\tsentence2\tlabel', ...lines].join(newline))).toEqual(examples);
      }),
    );
  });
});

describe('bad files', () => {
  it.each<[string, string, string, RegExp]>([
    [
      'data/column-missing',
      'sst2',
      'text\tlabel\nfine\t1\n',
      /some\/train\.tsv has no column "sentence".*"text", "label"/,
    ],
    ['data/row-too-short', 'sst2', 'sentence\tlabel\nfine\t1\nno label\n', /train\.tsv, line 3 has 1 .* 2 or more/],
    ['data/row-too-short', 'cola', 'sentence\tlabel\n', /line 1 has 2/],
    [
      'data/label-out-of-range',
      'sst2',
      'sentence\tlabel\nfine\t2\n',
      /line 2: the label "2" is none of 0 \(negative\), 1/,
    ],
    ['data/label-out-of-range', 'sst2', 'sentence\tlabel\nfine\t\n', /the label ""/],
    ['data/label-out-of-range', 'sst2', 'sentence\tlabel\nfine\t-1\n', /unlabelled test split/],
    [
      'data/label-out-of-range',
      'rte',
      'sentence1\tsentence2\tlabel\na\tb\tmaybe\n',
      /"maybe" is none of 0 \(entailment\)/,
    ],
    [
      'data/label-out-of-range',
      'stsb',
      'sentence1\tsentence2\tscore\na\tb\t5.1\n',
      /"5.1" is not a number from 0 to 5/,
    ],
    ['data/label-out-of-range', 'stsb', 'sentence1\tsentence2\tscore\na\tb\thigh\n', /"high"/],
    ['data/empty-split', 'sst2', 'sentence\tlabel\n\n', /holds no examples/],
    ['data/empty-split', 'cola', '', /holds no examples/],
    ['data/column-missing', 'sst2', '', /has no column/],
  ])('%s (%s)', (code, id, text, message) => {
    expect(() => read(id, text)).toThrow(
      expect.objectContaining({ name: 'UserError', code, message: expect.stringMatching(message) }),
    );
  });

  it('are refused where they are not UTF-8', () => {
    const latin1 = Uint8Array.of(...bytes('sentence\tlabel\ncaf'), 0xe9, ...bytes('\t1\n'));
    expect(() => readGlueTsv(knownData('sst2'), latin1, 'x.tsv')).toThrow(
      expect.objectContaining({ code: 'data/not-utf8' }),
    );
  });

  it('never cause anything but an answer or a UserError', () => {
    const ids = [sample, ...glueData].map(({ id }) => id);
    const cell = fc.oneof(fc.constantFrom('sentence', 'label', '0', '1', '-1', '', '"'), fc.string());
    const file = fc.array(fc.array(cell).map((row) => row.join('\t'))).map((rows) => rows.join('\n'));
    fc.assert(
      fc.property(fc.constantFrom(...ids), file, (id, text) => {
        try {
          expect(read(id, text).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ name: 'UserError' });
        }
      }),
    );
  });
});

describe('the registry', () => {
  it('holds the nine tasks and the sample, labels in the order of the hub', () => {
    expect([sample, ...glueData].map(({ id }) => id)).toEqual([
      'sample',
      'cola',
      'sst2',
      'mrpc',
      'stsb',
      'qqp',
      'mnli',
      'qnli',
      'rte',
      'wnli',
    ]);
    expect(knownData('rte').labelNames[0]).toBe('entailment');
    expect(knownData('wnli').labelNames[0]).toBe('not_entailment');
    expect(knownData('stsb')).toMatchObject({ kind: 'regression', numLabels: 1, metrics: { primary: 'pearson' } });
    expect(knownData('mnli').hub!.splits).toMatchObject({
      validation: 'validation_matched',
      validationMismatched: 'validation_mismatched',
    });
    expect(() => knownData('toString')).toThrow();
    expect(ownData('Mine', { text: 'a', label: 'b' }, [])).toMatchObject({ kind: 'regression', numLabels: 1 });
  });
});
