import { describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { memorySource } from '../checkpoint/source';
import { readQuestions } from './squad';

const read = async (value: unknown, name = 'dev.json') => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const source = memorySource(new Map([[name, new TextEncoder().encode(text)]]));
  return readQuestions(await source.open(name), name);
};
const file = (context: string, ...qas: object[]) => ({
  version: '1.1',
  data: [{ title: 'T', paragraphs: [{ context, qas }] }],
});
const asked = (id: string, text: string, start: number) => ({
  id,
  question: 'Which?',
  answers: [{ text, answer_start: start }],
});

describe('questions of SQuAD', () => {
  it('are read with their answers, whose places are counted in UTF-16 units', async () => {
    expect(await read(file('😀 one two', asked('a', 'two', 6)))).toEqual([
      { id: 'a', title: 'T', context: '😀 one two', question: 'Which?', answers: [{ text: 'two', start: 7 }] },
    ]);
  });

  it('may be JSON lines in the hub’s columns', async () => {
    const row = {
      id: 'a',
      title: 'T',
      context: 'one two',
      question: 'Which?',
      answers: { text: ['one'], answer_start: [0] },
    };
    expect((await read(JSON.stringify(row), 'dev.jsonl'))[0]!.answers).toEqual([{ text: 'one', start: 0 }]);
    await expect(read(JSON.stringify({ ...row, answers: 'one' }), 'dev.jsonl')).rejects.toThrow(/row 1: the answers/);
  });

  const refused: [string, unknown, RegExp][] = [
    ['no JSON', '{"data": [', /dev\.json is not valid JSON .*give a file of SQuAD v1\.1/],
    ['another JSON', { rows: [] }, /dev\.json is no file of SQuAD v1\.1: data is missing/],
    [
      'a wrong place',
      file('one two', asked('q7', 'two', 3)),
      /question "q7" says that its answer "two" stands at character 3/,
    ],
    [
      'version 2',
      file('one', { id: 'q', question: '?', is_impossible: true, answers: [] }),
      /question "q" has no answer: SQuAD v2/,
    ],
    ['one id twice', file('one', asked('q', 'one', 0), asked('q', 'one', 0)), /two questions with the id "q"/],
    ['nothing', { data: [] }, /dev\.json holds no examples/],
  ];
  it.each(refused)('are refused where the file has %s', async (_, value, sentence) => {
    await expect(read(value)).rejects.toThrow(sentence);
  });
});

describe('the bundled passages', () => {
  const bundled = async (split: string) =>
    readQuestions(await folderSource('public/data/questions').open(`${split}.json`), `${split}.json`);

  it('have as many questions as their README says, and no passage in both files', async () => {
    const [train, validation] = [await bundled('train'), await bundled('validation')];
    const passages = [train, validation, [...train, ...validation]].map(
      (split) => new Set(split.map(({ context }) => context)).size,
    );
    expect([train.length, validation.length]).toEqual([310, 64]);
    expect(passages).toEqual([40, 8, 48]);
    expect([train, validation].map((split) => split.filter(({ answers }) => answers.length === 2).length)).toEqual([
      126, 32,
    ]);
  });

  it('have short answers of whole words, as many at the end of a passage as at its beginning', async () => {
    const fifths = [0, 0, 0, 0, 0];
    for (const { context, answers } of [...(await bundled('train')), ...(await bundled('validation'))]) {
      fifths[Math.floor((5 * answers[0]!.start) / context.length)]! += 1;
      for (const { text, start } of answers) {
        expect(text.split(' ').length).toBeLessThanOrEqual(6);
        expect(` ${context} `.slice(start, start + text.length + 2)).toMatch(/^\W.*\W$/);
      }
    }
    expect(Math.min(...fifths) / Math.max(...fifths)).toBeGreaterThan(0.7);
  });
});
