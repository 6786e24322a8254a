import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { ranked, windowCandidates } from '../tasks/core/spans';
import { encodeRows } from './encoding';
import { loadTokenizer } from './tokenizer';
import { questionWindows } from './windows';

/* Windows, their targets and the answers picked from them, against transformers (reference/squad_fixtures.py). */

interface Fixture {
  maxLength: number;
  docStride: number;
  cases: {
    id: string;
    context: string;
    question: string;
    answer: string;
    answerStart: number;
    windows: {
      inputIds: number[];
      tokenTypeIds: number[];
      start: number;
      end: number;
      offsets: ([number, number] | null)[];
      logits: [number, number][];
    }[];
    nBest: { text: string; score: number; probability: number }[];
  }[];
}

/** Python counts characters by code points. */
const unitsOf = (text: string, codePoints: number) => [...text].slice(0, codePoints).join('').length;

describe.each([
  ['tiny-roberta', 'public/checkpoints/tiny-roberta'],
  ['minilm-l6', '../shared/data/checkpoints/minilm-l6'],
])('questions in windows, %s', (name, folder) => {
  const absent = !existsSync(folder);
  const { maxLength, docStride, cases } = JSON.parse(
    readFileSync(`reference/fixtures/squad/windows-${name}.json`, 'utf8'),
  ) as Fixture;

  it.skipIf(absent).each(cases)('$id', async ({ id, context, question, answer, answerStart, windows, nBest }) => {
    const tokenizer = await loadTokenizer(folderSource(folder));
    const answers = [{ text: answer, start: unitsOf(context, answerStart) }];
    const rows = questionWindows(tokenizer, { id, context, question, answers }, { maxLength, docStride });
    expect(rows).toHaveLength(windows.length);
    windows.forEach(({ inputIds, tokenTypeIds, start, end, offsets }, i) => {
      const row = rows[i]!;
      expect(row.inputIds).toEqual(inputIds);
      expect(row.tokenTypeIds).toEqual(tokenTypeIds);
      expect(row.targets).toEqual({ starts: [start], ends: [end] });
      const places = offsets.flatMap((place) => place?.map((at) => unitsOf(context, at)) ?? [-1, -1]);
      expect(Array.from(row.places!)).toEqual(places);
    });

    const encoded = await encodeRows([question], () => rows);
    const candidates = windows.map(({ logits }, row) =>
      windowCandidates(encoded, row, Float32Array.from(logits.flat())),
    );
    const best = ranked(candidates);
    expect(best.map(({ start, end }) => context.slice(start, end))).toEqual(nBest.map(({ text }) => text));
    best.forEach(({ score, probability }, i) => {
      expect(score).toBeCloseTo(nBest[i]!.score, 5);
      expect(probability).toBeCloseTo(nBest[i]!.probability, 6);
    });
  });
});

describe('windows', () => {
  it('refuses a question that leaves the passage no room', async () => {
    const tokenizer = await loadTokenizer(folderSource('public/checkpoints/tiny-roberta'));
    const long = { id: 'q1', context: 'word '.repeat(80), question: 'What is it? '.repeat(20), answers: [] };
    expect(() => questionWindows(tokenizer, long, { maxLength: 48, docStride: 16 })).toThrow(
      /Question "q1" has \d+ tokens, which leaves 0 of maxLength 48/,
    );
    const short = { ...long, question: 'What is it?' };
    expect(() => questionWindows(tokenizer, short, { maxLength: 24, docStride: 20 })).toThrow(/docStride 20/);
  });
});
