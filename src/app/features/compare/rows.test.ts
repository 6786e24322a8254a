import { describe, expect, it } from 'vitest';
import { seriesOf } from '../../chart/runs';
import { newRun, type RunRecord } from '../../run-record';
import { differences } from './differences';
import { comparableTo, isBest, rowsOf, sorted, type Row } from './rows';

const task = {
  id: 'sample',
  title: 'Sample',
  question: '',
  primaryMetric: 'accuracy',
  fields: ['Text'],
} as const;

function run(startedAt: number, batchSize: number, scores: readonly number[], validation = 10): RunRecord {
  const methods = [
    { method: 'hut', rank: 8, targetModules: ['query', 'value'] },
    { method: 'lora', rank: 8, alpha: 16, targetModules: ['query', 'value'], learningRate: 0.1 },
  ];
  const empty = newRun(
    { task: 'sample', methods, training: { batchSize, learningRate: 0.5 } },
    [
      { id: 'hut', title: 'HUT' },
      { id: 'lora', title: 'LoRA' },
    ],
    startedAt,
  );
  return {
    ...empty,
    task,
    examples: { train: 20, validation },
    methods: empty.methods.map((series, i) => ({
      ...series,
      steps: [1, 2].map((step) => ({ step, loss: 1, learningRate: 1, gradNorm: 1, milliseconds: 500, tokens: 8 })),
      evaluations: scores[i] === undefined ? [] : [{ step: 2, epoch: 1, metrics: { accuracy: scores[i] } }],
      ...(scores[i] !== undefined && { bestStep: 2 }),
    })),
  };
}

describe('what tells runs apart', () => {
  it('is what those that have a setting disagree on, and nothing else', () => {
    const told = differences(seriesOf([run(1, 8, []), run(2, 16, [])])).map((one) =>
      one.map(({ title, value }) => `${title} ${value}`),
    );
    expect(told).toEqual([
      ['batch size 8', 'learning rate 0.5'],
      ['batch size 8', 'learning rate 0.1'],
      ['batch size 16', 'learning rate 0.5'],
      ['batch size 16', 'learning rate 0.1'],
    ]);
  });
});

describe('the table of runs', () => {
  it('tells the best evaluation and the time, and sorts what has no score last', () => {
    const rows = rowsOf(seriesOf([run(1, 8, [0.5, 0.75]), run(2, 8, [0.6])]));
    expect(rows.map(({ best, seconds }) => [best, seconds])).toEqual([
      [0.5, 1],
      [0.75, 1],
      [0.6, 1],
      [undefined, 1],
    ]);
    const scores = (descending: boolean) => sorted(rows, 'best', descending).map(({ best }) => best);
    expect(scores(true)).toEqual([0.75, 0.6, 0.5, undefined]);
    expect(scores(false)).toEqual([0.5, 0.6, 0.75, undefined]);
  });

  it('compares scores only where they were measured on as many examples of the same task', () => {
    const rows = rowsOf(seriesOf([run(1, 8, [0.5, 0.75]), run(2, 8, [0.6, 0.6], 99)]));
    expect(rows.filter(comparableTo(rows[0]!)).map(({ best }) => best)).toEqual([0.5, 0.75]);
  });

  it('calls best only what is ahead by more than noise', () => {
    const [low, high, ...others] = rowsOf(seriesOf([run(1, 8, [0.5, 0.75]), run(2, 8, [0.6])]));
    const sure: Row = { ...high!, interval: [0.7, 0.8] };
    expect([low!, sure, ...others].map((row, _, rows) => isBest(row, rows))).toEqual([false, true, false, false]);
    const unsure: Row = { ...high!, interval: [0.55, 0.9] };
    expect(isBest(unsure, [low!, unsure, ...others])).toBe(false);
  });
});
