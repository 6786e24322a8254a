import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fromFloat16Bits, toFloat16Bits } from './float';
import { readJson } from './json';
import { folderSource } from './node';
import { writeSafetensors, type Tensor } from './safetensors';
import { memorySource } from './source';
import { openWeights } from './weights';

const f32 = (...values: number[]): Tensor => ({
  dtype: 'F32',
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const f16 = (...values: number[]): Tensor => ({
  dtype: 'F16',
  shape: [values.length],
  data: new Uint8Array(toFloat16Bits(Float32Array.from(values)).buffer),
});
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const first = writeSafetensors(
  new Map([
    ['a', f32(1, -2.5, 1 / 3)],
    ['ids', { dtype: 'I64', shape: [1], data: new Uint8Array(8) }],
  ]),
);
const second = writeSafetensors(new Map([['b', f16(0.5, 4)]]));
const sharded = (index: object, files: [string, Uint8Array][] = []) =>
  memorySource(
    new Map([
      ['one.safetensors', first as Uint8Array],
      ['two.safetensors', second],
      ['model.safetensors.index.json', json(index)],
      ...files,
    ]),
    'the folder',
  );

describe('openWeights', () => {
  it('reads one file’s tensors as f32 and as f16', async () => {
    const weights = await openWeights(memorySource(new Map([['model.safetensors', first]])));
    expect(weights.names().sort()).toEqual(['a', 'ids']);
    expect(weights.shape('a')).toEqual([3]);
    expect(await weights.read('a')).toEqual({ shape: [3], data: Float32Array.of(1, -2.5, 1 / 3) });
    expect(await weights.readHalf('a')).toEqual({ shape: [3], data: toFloat16Bits(Float32Array.of(1, -2.5, 1 / 3)) });
  });

  it('reads shards by their index', async () => {
    const weights = await openWeights(sharded({ weight_map: { a: 'one.safetensors', b: 'two.safetensors' } }));
    expect(weights.names()).toEqual(['a', 'b']);
    expect(weights.has('ids')).toBe(false);
    expect((await weights.read('b')).data).toEqual(Float32Array.of(0.5, 4));
    expect((await weights.readHalf('b')).data).toEqual(toFloat16Bits(Float32Array.of(0.5, 4)));
  });

  it.each<[string, ReturnType<typeof sharded>, string, RegExp]>([
    [
      'a tensor not in its shard',
      sharded({ weight_map: { a: 'two.safetensors' } }),
      'weights/index',
      /a into two.*not there/,
    ],
    ['a shard that is missing', sharded({ weight_map: { a: 'three.safetensors' } }), 'source/missing-file', /three/],
    ['a shard outside the folder', sharded({ weight_map: { a: '../one.safetensors' } }), 'source/path', /\.\./],
    ['an empty index', sharded({ weight_map: {} }), 'weights/index', /lists no weights/],
    ['an index of another form', sharded({ weight_map: [] }), 'json/schema', /weight_map/],
    [
      'a truncated shard',
      sharded({ weight_map: { a: 'one.safetensors' } }, [['one.safetensors', first.slice(0, -1)]]),
      'safetensors/truncated',
      /one\.safetensors of the folder is cut off/,
    ],
    [
      'PyTorch files only',
      memorySource(new Map([['pytorch_model.bin', first]]), 'x'),
      'weights/other-format',
      /convert them to model\.safetensors/,
    ],
    ['no weights at all', memorySource(new Map(), 'x'), 'weights/missing', /x has no weights/],
  ])('refuses %s', async (_, source, code, words) => {
    const error = await openWeights(source).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'UserError', code, message: expect.stringMatching(words) as string });
  });

  it('refuses integers as weights, unknown names, and values beyond f16', async () => {
    const weights = await openWeights(memorySource(new Map([['model.safetensors', first]]), 'the folder'));
    await expect(weights.read('ids')).rejects.toThrow('ids of the folder has dtype I64');
    await expect(weights.readHalf('ids')).rejects.toMatchObject({ code: 'checkpoint/dtype' });
    await expect(weights.read('c')).rejects.toMatchObject({ code: 'weights/missing-tensor' });
    const large = writeSafetensors(new Map([['w', f32(1, 65520, Infinity)]]));
    const reader = await openWeights(memorySource(new Map([['model.safetensors', large]])));
    await expect(reader.readHalf('w')).rejects.toThrow(/w of memory holds 65520, which f16 cannot/);
  });

  it('reads the bundled checkpoint', async () => {
    const folder = new URL('../../public/checkpoints/tiny-roberta', import.meta.url);
    if (!existsSync(folder)) throw new Error(`The bundled checkpoint is not in ${folder.pathname}.`);
    const weights = await openWeights(folderSource(folder.pathname));
    const name = 'roberta.encoder.layer.0.attention.self.query.weight';
    expect(weights.shape(name)).toEqual([256, 256]);
    const [{ data }, half] = [await weights.read(name), await weights.readHalf(name)];
    expect(fromFloat16Bits(half.data)).toEqual(data);
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
    expect(deviation).toBeGreaterThan(0.01);
    expect(deviation).toBeLessThan(1);
    const bytes = readFileSync(new URL('tiny-roberta/model.safetensors', new URL('./', folder)));
    expect(weights.names().length).toBe(
      [
        ...bytes
          .subarray(0, 20_000)
          .toString('latin1')
          .matchAll(/"dtype"/g),
      ].length,
    );
  });
});

describe('readJson', () => {
  it('says which file is bad, where and how', async () => {
    const source = memorySource(
      new Map([
        ['bad.json', Buffer.from('{"a":')],
        ['config.json', json({ a: { b: 'x' } })],
      ]),
      'm',
    );
    const schema = z.object({ a: z.object({ b: z.number() }) });
    await expect(readJson(source, 'bad.json', schema)).rejects.toThrow(/^bad\.json of m is not valid JSON/);
    await expect(readJson(source, 'config.json', schema)).rejects.toThrow(
      /^config\.json of m is not as expected, at a\.b: /,
    );
    expect(await readJson(source, 'config.json', z.object({ a: z.unknown() }))).toEqual({ a: { b: 'x' } });
  });
});
