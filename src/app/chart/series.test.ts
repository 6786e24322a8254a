import * as fc from 'fast-check';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import {
  csv,
  csvOfLines,
  extent,
  logTicks,
  mergeRows,
  nearest,
  smooth,
  stepTicks,
  thin,
  within,
  type Point,
} from './series';

const line = (...ys: number[]): Point[] => ys.map((y, i) => ({ x: i + 1, y }));
const points = fc
  .array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 3000 })
  .map((ys) => line(...ys));

describe('smoothing', () => {
  it('is the weighted mean of all values so far', () => {
    expect(smooth(line(4, 8, 0), 0).map(({ y }) => y)).toEqual([4, 8, 0]);
    const [first, second, third] = smooth(line(4, 8, 0), 0.5).map(({ y }) => y);
    expect(first).toBe(4);
    expect(second).toBeCloseTo((8 + 0.5 * 4) / 1.5);
    expect(third).toBeCloseTo((0 + 0.5 * 8 + 0.25 * 4) / 1.75);
  });
  it('stays between the extremes and keeps every x', () => {
    fc.assert(
      fc.property(points, fc.double({ min: 0, max: 0.99, noNaN: true }), (all, weight) => {
        const [low, high] = extent([{ points: all }])!;
        const slack = 1e-9 * Math.max(1, Math.abs(low), Math.abs(high));
        const smoothed = smooth(all, weight);
        expect(smoothed.map(({ x }) => x)).toEqual(all.map(({ x }) => x));
        for (const { y } of smoothed) expect(y >= low - slack && y <= high + slack).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('thinning', () => {
  it('gives at most the count, of the points themselves, in order, with both ends', () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 3, max: 600 }), (all, count) => {
        const thinned = thin(all, count);
        expect(thinned.length).toBe(Math.min(all.length, count));
        expect(thinned[0]).toBe(all[0]);
        expect(thinned.at(-1)).toBe(all.at(-1));
        const known = new Set(all);
        thinned.forEach((point, i) => expect(known.has(point) && (i === 0 || point.x > thinned[i - 1]!.x)).toBe(true));
      }),
      { numRuns: 100 },
    );
  });
  it('keeps a lone spike among thousands of points', () => {
    const all = line(...Array.from({ length: 20_000 }, (_, i) => (i === 12_345 ? 100 : Math.sin(i / 500))));
    expect(thin(all).some(({ y }) => y === 100)).toBe(true);
  });
});

describe('ranges and rows', () => {
  it('keeps one neighbour on either side of a range', () => {
    expect(within(line(1, 2, 3, 4, 5, 6), [2.5, 4]).map(({ x }) => x)).toEqual([2, 3, 4, 5]);
    expect(within(line(1, 2, 3), [0, 9])).toHaveLength(3);
    expect(within(line(1, 2, 3), undefined)).toHaveLength(3);
    expect(within([], [1, 2])).toEqual([]);
  });
  it('finds the nearest point', () => {
    const all = [
      { x: 10, y: 1 },
      { x: 20, y: 2 },
    ];
    expect([0, 14, 16, 99].map((x) => nearest(all, x)?.y)).toEqual([1, 1, 2, 2]);
    expect(nearest([], 1)).toBeUndefined();
  });
  it('merges lines by x', () => {
    const rows = mergeRows([
      { key: 'b', points: [{ x: 2, y: 5 }] },
      { key: 'a', points: line(7, 8) },
    ]);
    expect(rows).toEqual([
      { x: 1, a: 7 },
      { x: 2, a: 8, b: 5 },
    ]);
  });
  it('chooses few ticks, all inside', () => {
    expect(logTicks([0.03, 2])).toEqual([0.1, 1]);
    expect(logTicks([2, 30])).toEqual([2, 5, 10, 20]);
    expect(logTicks([1e-12, 1e12]).length).toBeLessThan(10);
    expect(stepTicks([1, 24])).toEqual([5, 10, 15, 20]);
    expect(stepTicks([1, 3])).toEqual([1, 2, 3]);
    expect(stepTicks([1000, 61_000])).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  });
});

describe('CSV', () => {
  it('comes back as it was from a reader that follows RFC 4180', () => {
    const cells = fc.array(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(cells, ([header, ...rows]) => {
        const parsed = Papa.parse<string[]>(csv(header!, rows), { delimiter: ',', newline: '\r\n' }).data;
        expect(parsed.slice(0, -1)).toEqual([header, ...rows]);
      }),
    );
  });
  it('holds every point in full, whatever is drawn', () => {
    const all = line(...Array.from({ length: 3000 }, (_, i) => i / 3));
    const text = csvOfLines('step', [{ key: 'a', title: 'HUT, 2', colour: 'red', dash: undefined, points: all }]);
    const rows = text.trimEnd().split('\r\n');
    expect(rows[0]).toBe('step,"HUT, 2"');
    expect(rows).toHaveLength(3001);
    expect(Number(rows[11]!.split(',')[1])).toBe(10 / 3);
  });
});
