import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import fixture from '../../reference/fixtures/metrics.json';
import { accuracy, confusionMatrix, f1, matthewsCorrelation } from './classification';
import { averageRanks, pearson, spearman } from './correlation';
import { glueMetrics, predictionsFromLogits, taskMetrics, type MetricName } from './task-metrics';

const classes = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), { minLength: 1 });
const reals = fc.array(fc.tuple(fc.double({ noNaN: true }), fc.double({ noNaN: true })), {
  minLength: 1,
  maxLength: 30,
});
const unzip = (pairs: [number, number][]) => [pairs.map(([p]) => p), pairs.map(([, t]) => t)] as const;

describe('against numpy', () => {
  it.each(fixture.map((entry, index) => ({ index, ...entry })))('case $index', ({ predictions, labels, scores }) => {
    const names = Object.keys(scores) as MetricName[];
    const ours = taskMetrics({ names, primary: names[0]! }, predictions, labels);
    for (const name of names) expect(ours[name]).toBeCloseTo((scores as Partial<Record<MetricName, number>>)[name]!, 9);
  });
});

describe('classification scores', () => {
  it('agree with counts done by hand', () => {
    // TP 2, FP 1, FN 1, TN 2: F1 4/6, MCC (2·2 − 1·1) / √(3·3·3·3).
    const [predictions, labels] = [
      [1, 1, 1, 0, 0, 0],
      [1, 1, 0, 1, 0, 0],
    ];
    expect(accuracy(predictions!, labels!)).toBeCloseTo(4 / 6);
    expect(f1(predictions!, labels!)).toBeCloseTo(4 / 6);
    expect(matthewsCorrelation(predictions!, labels!)).toBeCloseTo(3 / 9);
    expect(confusionMatrix(predictions!, labels!, 2)).toEqual([
      [2, 1],
      [1, 2],
    ]);
  });

  it('are 0, not NaN, where a class is missing', () => {
    expect(f1([0, 0], [0, 0])).toBe(0);
    expect(f1([0, 0], [1, 1])).toBe(0);
    expect(matthewsCorrelation([1, 1, 1], [0, 1, 1])).toBe(0);
    expect(matthewsCorrelation([0, 1, 1], [1, 1, 1])).toBe(0);
  });

  it('stay in range, reach 1 on the truth, and ignore the order of the examples', () => {
    fc.assert(
      fc.property(classes, (pairs) => {
        const [predictions, labels] = unzip(pairs);
        const [backwards, backLabels] = unzip([...pairs].reverse());
        const mcc = matthewsCorrelation(predictions, labels);
        expect(mcc).toBeGreaterThanOrEqual(-1 - 1e-12);
        expect(mcc).toBeLessThanOrEqual(1 + 1e-12);
        expect(matthewsCorrelation(backwards, backLabels)).toBeCloseTo(mcc, 12);
        expect(matthewsCorrelation(labels, predictions)).toBeCloseTo(mcc, 12);
        expect(matthewsCorrelation(labels, labels)).toBeCloseTo(new Set(labels).size > 1 ? 1 : 0, 12);
        expect(accuracy(labels, labels)).toBe(1);
        const matrix = confusionMatrix(predictions, labels, 4);
        expect(matrix.flat().reduce((sum, n) => sum + n)).toBe(pairs.length);
        expect(matrix.reduce((sum, row, k) => sum + row[k]!, 0) / pairs.length).toBeCloseTo(
          accuracy(predictions, labels),
        );
        const score = f1(predictions, labels);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('refuse lists of different or no length', () => {
    expect(() => accuracy([1], [1, 0])).toThrow(RangeError);
    expect(() => pearson([], [])).toThrow(RangeError);
  });
});

describe('correlations', () => {
  it('share the rank of equal values', () => {
    expect([...averageRanks([10, 20, 20, 5, 20])]).toEqual([2, 4, 4, 1, 4]);
  });

  it('are 0, not NaN, where one side is constant, single or not finite', () => {
    expect(pearson([2, 2, 2], [1, 2, 3])).toBe(0);
    expect(spearman([1, 2, 3], [4, 4, 4])).toBe(0);
    expect(pearson([1], [1])).toBe(0);
    expect(pearson([1, NaN, 3], [1, 2, 3])).toBe(0);
    expect(spearman([1, NaN, 3], [1, 2, 3])).toBe(0);
    expect(pearson([1, Infinity, 3], [1, 2, 3])).toBe(0);
    expect(pearson([1e300, 2e300, 3e300], [1, 2, 3])).toBeCloseTo(1);
    expect(pearson([1e-300, 2e-300, 3e-300], [3, 2, 1])).toBeCloseTo(-1);
  });

  it('stay in −1..1 for any doubles, and rank correlation ignores a monotone change of scale', () => {
    fc.assert(
      fc.property(reals, (pairs) => {
        const [x, y] = unzip(pairs);
        for (const r of [pearson(x, y), spearman(x, y)]) {
          expect(r).toBeGreaterThanOrEqual(-1);
          expect(r).toBeLessThanOrEqual(1);
        }
        const squashed = x.map((v) => averageRanks(x)[x.indexOf(v)]! ** 3);
        expect(spearman(squashed, y)).toBeCloseTo(spearman(x, y), 9);
        expect(
          spearman(
            x.map((v) => -v),
            y,
          ),
        ).toBeCloseTo(-spearman(x, y), 9);
      }),
    );
  });

  it('are unmoved by shift and positive scale', () => {
    const integers = fc.array(fc.tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: -99, max: 99 })), {
      minLength: 2,
    });
    fc.assert(
      fc.property(integers, fc.integer({ min: 1, max: 50 }), fc.integer({ min: -50, max: 50 }), (pairs, a, b) => {
        const [x, y] = unzip(pairs);
        expect(
          pearson(
            x.map((v) => a * v + b),
            y,
          ),
        ).toBeCloseTo(pearson(x, y), 9);
      }),
    );
  });
});

describe('task metrics', () => {
  it("are GLUE's own, under evaluate's names", () => {
    expect(taskMetrics(glueMetrics.cola, [0, 1], [0, 1])).toEqual({ matthews_correlation: 1 });
    expect(taskMetrics(glueMetrics.mrpc, [0, 1], [0, 1])).toEqual({ accuracy: 1, f1: 1 });
    expect(taskMetrics(glueMetrics.mnli, [2, 1], [0, 1])).toEqual({ accuracy: 0.5 });
    const stsb = taskMetrics(glueMetrics.stsb, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]);
    expect(stsb.pearson).toBeCloseTo(1);
    expect(stsb.spearmanr).toBeCloseTo(1);
  });

  it('read predictions off logits', () => {
    expect([...predictionsFromLogits([0.1, 0.2, 3, -1, 5, 5], 2)]).toEqual([1, 0, 0]);
    expect([...predictionsFromLogits([1.5, 2.5], 1)]).toEqual([1.5, 2.5]);
  });
});
