import { describe, expect, it } from 'vitest';
import { bootstrap, wilson } from './interval';

describe('intervals', () => {
  it('Wilson’s: the shares whose own normal interval ends at the one measured', () => {
    expect(wilson(270, 300)).toEqual([expect.closeTo(0.8608335, 6), expect.closeTo(0.9290521, 6)]);
    for (const bound of wilson(7, 40))
      expect(Math.abs(7 / 40 - bound)).toBeCloseTo(1.959963984540054 * Math.sqrt((bound * (1 - bound)) / 40), 9);
    expect(wilson(0, 10)).toEqual([expect.closeTo(0, 12), expect.closeTo(0.2775328, 6)]);
    expect(wilson(10, 10)).toEqual([expect.closeTo(0.7224672, 6), expect.closeTo(1, 12)]);
  });

  it('the bootstrap’s, near the normal approximation for a mean, and the same each time', () => {
    const values = Float64Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 0 : 1));
    const mean = (places: Uint32Array) => places.reduce((sum, i) => sum + values[i]!, 0) / places.length;
    const [low, high] = bootstrap(400, mean);
    const half = 1.96 * Math.sqrt((0.75 * 0.25) / 400);
    expect(low).toBeCloseTo(0.75 - half, 1);
    expect(high).toBeCloseTo(0.75 + half, 1);
    expect(high - low).toBeGreaterThan(half);
    expect(bootstrap(400, mean)).toEqual([low, high]);
  });
});
