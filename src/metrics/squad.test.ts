import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { answerScores, normalizeAnswer, squadScores } from './squad';

/* Against SQuAD's official script (reference/squad_fixtures.py). */

const cases = JSON.parse(readFileSync('reference/fixtures/squad/scores.json', 'utf8')) as {
  prediction: string;
  references: string[];
  normalized: string;
  exactMatch: number;
  f1: number;
}[];

it.each(cases)(
  'scores $prediction as the official script',
  ({ prediction, references, normalized, exactMatch, f1 }) => {
    expect(normalizeAnswer(prediction)).toBe(normalized);
    expect(answerScores(prediction, references)).toEqual({ exactMatch, f1 });
  },
);

it('averages over questions', () => {
  const { exactMatch, f1, rows } = squadScores(['red', 'a big dog'], [['red'], ['dog', 'cat']]);
  expect(exactMatch).toBe(0.5);
  expect(f1).toBeCloseTo((1 + 2 / 3) / 2, 12);
  expect(rows).toHaveLength(2);
});
