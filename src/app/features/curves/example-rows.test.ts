import { expect, it } from 'vitest';
import type { EvaluationRecord } from '../../../train/events';
import { shownRows } from './example-rows';

const evaluation = (step: number, ...answers: string[]): EvaluationRecord => ({
  step,
  epoch: 0,
  metrics: {},
  examples: answers.map((answer) => ({ answer })),
});
const views = ['one', 'two'].map((text) => ({ text, truth: 'yes' }));

it('marks flips and finds disagreements', () => {
  const methods = [
    [evaluation(0, 'no', 'no'), evaluation(5, 'yes', 'no')],
    [evaluation(0, 'no', 'no'), evaluation(5, 'no', 'no')],
  ];
  expect(shownRows(views, methods, 'all').map(({ answers }) => answers.map((found) => found?.flipped))).toEqual([
    [true, false],
    [false, false],
  ]);
  expect(shownRows(views, methods, 'flips').map(({ index }) => index)).toEqual([0]);
  expect(shownRows(views, methods, 'disagreements').map(({ index }) => index)).toEqual([0]);
  expect(shownRows(views, [[evaluation(0, 'no', 'yes')], []], 'all')[1]!.answers).toEqual([
    { answer: { answer: 'yes' }, flipped: false },
    undefined,
  ]);
});
