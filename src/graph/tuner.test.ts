import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adapterLabel, Gpu, type AdapterIdentity } from '../gpu/device';
import type { LinearShape } from './tensor';
import { recordShapes, shapeClass, timeVariants, tuneKernels } from './tuner';
import { linearVariants, staticChoice } from './variants';

/** Where the only adapter is a software one, tuning is asked to take it for a GPU. */
const identity: AdapterIdentity = { vendor: 'test', architecture: 'x', device: '', description: '', software: false };
const thin: LinearShape = { rows: 40, inner: 16, columns: 8, layout: 'nk', halfWeights: false };
const head: LinearShape = { rows: 8, inner: 32, columns: 32, layout: 'kn', halfWeights: true };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

describe('tuning', () => {
  it('goes by rule on a software adapter, without timing anything', async () => {
    const compile = vi.spyOn(gpu.device, 'createComputePipelineAsync');
    const { choice, cache } = await tuneKernels(gpu, [thin, head], { identity: { ...identity, software: true } });
    expect(compile).not.toHaveBeenCalled();
    expect(cache).toEqual({});
    expect(choice.linear(thin)).toBe(staticChoice({ software: true }).linear(thin));
  });

  it('tries each class once, remembers it for the device, and repeats it from the cache', async () => {
    const compile = vi.spyOn(gpu.device, 'createComputePipelineAsync');
    const first = await tuneKernels(gpu, [thin, head, { ...head, inner: 30 }], { identity, seconds: 60 });
    const found = first.cache[adapterLabel(identity)]!;
    expect(Object.keys(found).sort()).toEqual([shapeClass(thin), shapeClass(head)].sort());
    for (const shape of [thin, head])
      expect(first.choice.linear(shape)).toBe(linearVariants[found[shapeClass(shape)] as keyof typeof linearVariants]);
    // The same class with other rows of its bucket.
    expect(first.choice.linear({ ...thin, rows: 64 })).toBe(first.choice.linear(thin));

    expect(compile).toHaveBeenCalled();
    compile.mockClear();
    const again = await tuneKernels(gpu, [thin, head], { identity, cache: JSON.parse(JSON.stringify(first.cache)) });
    expect(compile).not.toHaveBeenCalled();
    expect(again.cache).toEqual(first.cache);
  });

  it.each(['warp 32', 'quad 16×16', 'toString'])(
    'believes a cache, but no variant that a GPU has not: %s',
    async (name) => {
      const other = await Gpu.open();
      try {
        const cache = { [adapterLabel(identity)]: { [shapeClass(thin)]: 'block 4×4', [shapeClass(head)]: name } };
        const { choice, cache: after } = await tuneKernels(other, [thin, head], { identity, cache, seconds: 0 });
        expect(choice.linear(thin)).toBe(linearVariants['block 4×4']);
        // No time was left to try: the rule's variant, remembered.
        expect(choice.linear(head)).toBe(staticChoice(identity).linear(head));
        expect(linearVariants).toHaveProperty(after[adapterLabel(identity)]![shapeClass(head)]!);
      } finally {
        other.close();
      }
    },
  );

  it('learns the shapes of a program from a first compilation', () => {
    const { choice, shapes } = recordShapes(staticChoice(identity));
    expect(choice.linear(thin)).toBe(staticChoice(identity).linear(thin));
    choice.linear({ ...thin, rows: 33 });
    choice.linear(head);
    expect(shapes().map(shapeClass)).toEqual([shapeClass(thin), shapeClass(head)]);
  });

  it('times every variant asked for', async () => {
    const seconds = await timeVariants(gpu, thin, ['block 8×8 tall', 'block 4×4']);
    expect([...seconds.keys()]).toEqual(['block 8×8 tall', 'block 4×4']);
    for (const time of seconds.values()) {
      expect(time).toBeGreaterThan(0);
      expect(time).toBeLessThan(Infinity);
    }
  });

  it('a variant that the device does not compile takes for ever', async () => {
    const other = await Gpu.open();
    try {
      const compile = vi.spyOn(other.device, 'createComputePipelineAsync');
      compile.mockRejectedValueOnce(new Error('too many registers'));
      const seconds = await timeVariants(other, thin, ['block 8×8', 'block 4×4']);
      expect(seconds.get('block 8×8')).toBe(Infinity);
      expect(seconds.get('block 4×4')).toBeLessThan(Infinity);
    } finally {
      other.close();
    }
  });
});
