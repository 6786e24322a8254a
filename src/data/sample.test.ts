/** The bundled sample is what its script writes, and its validation sentences are not nearly in its training sentences. */
import { expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { sampleFiles } from '../../scripts/sentences.mjs';

const files = sampleFiles();
const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}']+/gu)!;
/** The sentences of a file, each with its runs of three words. */
const read = (file: keyof typeof files) =>
  files[file]
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [text, label] = line.split('\t') as [string, string];
      const words = wordsOf(text);
      return { text, label, words, runs: new Set(words.slice(2).map((_, i) => words.slice(i, i + 3).join(' '))) };
    });
const train = read('train.tsv');
const validation = read('validation.tsv');

it('the files are those that the script writes', async () => {
  for (const [name, text] of Object.entries(files))
    expect(await readFile(`public/data/sample/${name}`, 'utf8')).toBe(text);
});

it('no validation sentence shares more than three fifths of its runs of three words with a training sentence', () => {
  for (const { text, runs } of validation)
    for (const other of train) {
      const shared = [...runs].filter((run) => other.runs.has(run)).length;
      if (shared > 0.6 * runs.size) throw new Error(`"${text}" is too near "${other.text}".`);
    }
});

it('no validation sentence says in other small words what a training sentence says', () => {
  const small =
    'a an the this that our my i we it he she his her him and or but was were is are to be of for in on at as so very really ' +
    'quite thoroughly truly what how not never no nothing nobody there though although even me us you have had been could would';
  const contentOf = (words: string[]) =>
    [...new Set(words.filter((word) => !small.split(' ').includes(word)))].sort().join(' ');
  const trained = new Set(train.map(({ words }) => contentOf(words)));
  expect(validation.filter(({ words }) => trained.has(contentOf(words))).map(({ text }) => text)).toEqual([]);
});

it('what visitors are asked to try is in neither file', () => {
  const texts = [...train, ...validation].map(({ text }) => text);
  expect(texts).not.toContain('This is terrible and I hate it.');
  expect(texts).not.toContain('What a lovely evening, I would come again.');
});
