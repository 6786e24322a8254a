import { expect, it } from 'vitest';
import type { Plan } from '../worker/protocol';
import type { RunRecord } from './run-record';
import { plannedSpeed } from './speed';

it('tells planned FLOPs a second, without each method’s first step', () => {
  const method = (...milliseconds: number[]) => ({ steps: milliseconds.map((time) => ({ milliseconds: time })) });
  const run = { methods: [method(9000, 100, 300), method(5000, 100, 100)] } as unknown as RunRecord;
  const plan = { methods: [{ cost: { step: { flops: 3e9 } } }, { cost: { step: { flops: 6e9 } } }] } as unknown as Plan;
  // 2 · 3 + 2 · 6 GFLOP in 0.6 s.
  expect(plannedSpeed(run, plan)).toBeCloseTo(30e9);
  expect(plannedSpeed({ methods: [] }, plan)).toBeUndefined();
});
