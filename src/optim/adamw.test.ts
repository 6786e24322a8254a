import { describe, expect, it } from 'vitest';
import { testDevice } from '../check/device.node';
import { adamwReference, runAdamW } from '../check/adamw';
import { difference, roundingBound, sameBits } from '../check/check';
import { readBuffer } from '../gpu/commands';
import { ParameterLayout } from '../graph/parameter-layout';
import { updateCost } from './adamw';

const device = testDevice();

describe('AdamW', () => {
  it('updates in chunks as in one piece, bit for bit where the sums of squares fall alike', async () => {
    const count = 1024;
    const whole = await runAdamW(device.memory, { count });
    const cut = await runAdamW(device.memory, { count, chunkBytes: count * 4 });
    expect(whole.layout.chunks).toEqual([2 * count * 4]);
    expect(cut.layout.chunks).toEqual([count * 4, count * 4]);
    expect(sameBits(cut.parameters, whole.parameters)).toBe(true);
    expect(difference(cut.parameters, adamwReference(count)).error).toBeLessThan(roundingBound);
    expect(whole.adamw.update(0.1)).toHaveLength(3);
    expect(cut.adamw.update(0.1)).toHaveLength(5);
    expect(updateCost(cut.layout, 1).dispatches).toBe(5);
    expect(updateCost(cut.layout, 2).dispatches).toBe(9);
    for (const { dispose } of [whole, cut]) dispose();
    device.gpu.check();
  });

  it('leaves the padding between tensors zero, also where decay goes towards 1', async () => {
    const { flat, adamw, dispose } = await runAdamW(device.memory, { count: 70 });
    for (const buffer of [flat.parameters, ...adamw.moments].map(({ chunks }) => chunks[0]!)) {
      const values = new Float32Array(await readBuffer(device.gpu.device, buffer, 0, buffer.size));
      for (const start of [0, 128]) {
        expect(values.subarray(start, start + 70).every((value) => value !== 0)).toBe(true);
        expect(values.subarray(start + 70, start + 128).every((value) => value === 0)).toBe(true);
      }
    }
    dispose();
  });

  it('takes more workgroups than one dimension has', async () => {
    const count = 140_000;
    const { parameters, dispose } = await runAdamW(device.memory, {
      count,
      tile: { workgroup: 1, normWorkgroup: 1, normTurns: 1 },
    });
    expect(difference(parameters, adamwReference(count)).error).toBeLessThan(roundingBound);
    dispose();
    device.gpu.check();
  });

  it('goes on from a snapshot, in chunks of another size', async () => {
    const count = 1024;
    const [whole, cut] = [
      await runAdamW(device.memory, { count }),
      await runAdamW(device.memory, { count, chunkBytes: count * 4 }),
    ];
    const snapshot = await whole.adamw.snapshot();
    expect(snapshot.step).toBe(3);
    device.memory.submitter.submit(whole.adamw.update(0.1));
    const expected = await whole.adamw.snapshot();

    cut.flat.parameters.write(
      new Map([...snapshot.parameters].map(([name, { length }]) => [name, new Float32Array(length)])),
    );
    const total = await whole.adamw.total!.read();
    cut.adamw.total!.write(total);
    cut.adamw.restore(snapshot);
    device.memory.submitter.submit(cut.adamw.update(0.1));
    expect(await cut.adamw.snapshot()).toEqual(expected);
    for (const { dispose } of [whole, cut]) dispose();
  });
});

describe('flat buffers', () => {
  it('lets no tensor cross a chunk', () => {
    const sizes = [100, 300, 64, 256, 1, 400, 511];
    const layout = ParameterLayout.of(
      sizes.map((size, i) => ({ name: `${i}`, shape: [size] })),
      512 * 4,
    );
    let end = { chunk: 0, offset: 0 };
    for (const { chunk, offset, shape } of layout.entries.values()) {
      expect(offset % 256).toBe(0);
      expect(chunk > end.chunk || offset >= end.offset).toBe(true);
      end = { chunk, offset: offset + 4 * shape[0]! };
      expect(end.offset).toBeLessThanOrEqual(layout.chunks[chunk]!);
    }
    expect(layout.chunks.length).toBe(end.chunk + 1);
    for (const bytes of layout.chunks) expect(bytes).toBeLessThanOrEqual(512 * 4);
    expect(layout.count).toBe(sizes.reduce((sum, size) => sum + size));
  });

  it('refuses a tensor that no chunk holds, by name, size, limit and what to do', () => {
    const layout = new ParameterLayout(128 * 2 ** 20);
    const add = () => layout.add('roberta.embeddings.word_embeddings.weight', [50_265, 768]);
    expect(add).toThrow(
      expect.objectContaining({
        code: 'model/too-large',
        message: expect.stringMatching(/word_embeddings\.weight takes 148 MiB.*128 MiB.*choose/) as string,
      }) as Error,
    );
  });

  it('writes and reads tensors by name, and nothing where one is missing or of another size', async () => {
    const layout = ParameterLayout.of(
      ['a', 'b', 'c'].map((name) => ({ name, shape: [10, 7] })),
      512,
    );
    expect(layout.chunks).toEqual([512, 512, 512]);
    const { parameters } = device.memory.flatBuffers(layout);
    const values = new Map(['a', 'b', 'c'].map((name, i) => [name, new Float32Array(70).fill(i + 1)]));
    parameters.write(values);
    expect(await parameters.read()).toEqual(values);
    const other = new Map([...values].map(([name]) => [name, new Float32Array(name === 'c' ? 69 : 70)]));
    expect(() => parameters.write(other)).toThrow(/c takes 70 values, got 69/);
    other.delete('c');
    expect(() => parameters.write(other)).toThrow(/c takes 70 values, got none/);
    expect(await parameters.read()).toEqual(values);
  });
});
