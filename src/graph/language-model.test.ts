import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCase, type CaseOptions } from '../check/expect-case.node';
import type { Build } from '../check/experiment';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from './executable';
import { Graph } from './graph';
import { appendToCache, cachedAttention } from './ops/cache';
import { embedding } from './ops/embedding';
import { languageModelLogits, languageModelLoss, languageModelScores } from './ops/language-model';
import { linear } from './ops/linear';
import { selectLast, splitColumns } from './ops/select';
import { slice } from './ops/storage';
import { ParameterLayout } from './parameter-layout';
import { compile } from './plan';
import type { Tensor } from './tensor';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

/** With a memory of its own: weights of the same name are uploaded once. */
async function check(build: Build, options?: CaseOptions): Promise<void> {
  const memory = new DeviceMemory(gpu);
  await expectCase(memory, build, options).finally(() => memory.dispose());
}

/** Rows of different lengths; some tokens count for nothing, and of the last row none does. */
const rows = { batchSize: 3, length: 30, width: 8 };
const tokens = rows.batchSize * rows.length;
const given = (vocabulary: number) => ({
  ids: Array.from({ length: tokens }, (_, i) => (i * 7919) % vocabulary),
  lengths: [30, 17, 5],
  starts: [0, 9, 5],
});

const inputs = (g: Graph, table: readonly Tensor[]) => ({
  hidden: g.parameter('hidden', [tokens, rows.width]),
  table,
  ids: g.input('ids', [tokens], 'u32'),
  lengths: g.input('lengths', [rows.batchSize], 'u32'),
  starts: g.input('starts', [rows.batchSize]),
});

const tables: Readonly<Record<string, (g: Graph) => Tensor[]>> = {
  'a trained table of odd size': (g) => [g.parameter('table', [37, rows.width])],
  'a frozen table': (g) => [g.weight('table', [40, rows.width])],
  'an f16 table of odd size': (g) => [g.weight('table', [37, rows.width], 'f16')],
  'a table in three blocks': (g) => [12, 18, 7].map((size, i) => g.weight(`table${i}`, [size, rows.width])),
  'a table in two f16 blocks': (g) => [20, 17].map((size, i) => g.weight(`table${i}`, [size, rows.width], 'f16')),
};

describe('the loss of a language model', () => {
  for (const [name, table] of Object.entries(tables))
    for (const labelSmoothing of [0, 0.2])
      it(`${name}, smoothing ${labelSmoothing}`, async () => {
        await check((g) => languageModelLoss(g, inputs(g, table(g)), { length: 30, labelSmoothing }), {
          values: given(37),
        });
      });

  it('is a summand of what is differentiated, and nothing else', () =>
    expect(
      check((g) => {
        const loss = languageModelLoss(g, inputs(g, [g.weight('t', [8, 8])]), { length: 30, labelSmoothing: 0 });
        return linear(g, { x: slice(g, loss, 0, [1, 1]), weight: g.weight('twice', [1, 1]) });
      }),
    ).rejects.toThrow('summand'));

  for (const [name, table] of Object.entries(tables))
    it(`tells each row’s likelihood: ${name}`, async () => {
      const g = new Graph();
      const scores = languageModelScores(g, inputs(g, table(g)), { length: 30 });
      expect(scores.shape).toEqual([3, 2]);
      const { calls } = compile(g, { scores }, new Map(), ParameterLayout.of(g.named('parameter')));
      expect(calls.some(({ shader }) => shader === 'token-loss-gradient')).toBe(false);
    });

  it('never stores all scores', () => {
    const g = new Graph();
    const [count, width, vocabulary] = [2048, 64, 50_257];
    const loss = languageModelLoss(
      g,
      {
        hidden: g.input('hidden', [count, width]),
        table: [g.weight('table', [vocabulary, width])],
        ids: g.input('ids', [count], 'u32'),
        lengths: g.input('lengths', [4], 'u32'),
        starts: g.input('starts', [4]),
      },
      { length: 512, labelSmoothing: 0.1 },
    );
    const { arena, cost } = compile(g, { loss }, new Map(), ParameterLayout.of([]));
    expect(arena.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(17 * 2 ** 20);
    // The product, and per score and token what the loss needs.
    expect(cost.flops).toBe(2 * count * width * 50_260 + 5 * count * vocabulary + count + 4);
  });
});

describe('parts of tensors', () => {
  it('splits columns, and joins their gradients', async () => {
    await check((g) => {
      const [a, , c] = splitColumns(g, g.parameter('x', [5, 12]), 3) as [Tensor, Tensor, Tensor];
      return linear(g, { x: a, weight: c });
    });
  });
  it('takes the last token of each row', async () => {
    await check((g) => selectLast(g, g.parameter('x', [12, 8]), g.input('lengths', [3], 'u32'), 4), {
      values: { lengths: [4, 1, 3] },
    });
  });
  for (const offset of [0, 64, 6])
    it(`slices at element ${offset}`, async () => {
      await check((g) => slice(g, g.parameter('x', [30, 6]), offset, [3, 6]));
    });
  it('slices f16 weights where no binding can start', async () => {
    await check((g) =>
      linear(g, { x: g.parameter('x', [4, 6]), weight: slice(g, g.weight('w', [9, 6], 'f16'), 18, [4, 6]) }),
    );
  });
});

describe('embeddings', () => {
  for (const dataType of ['f32', 'f16'] as const)
    it(`without types, of a table in blocks of ${dataType}, at given positions`, async () => {
      await check(
        (g) => {
          const blocks = [5, 4, 2].map((size, i) => g.weight(`word${i}`, [size, 8], dataType));
          const x = embedding(
            g,
            {
              ids: g.input('ids', [6], 'u32'),
              lengths: g.input('lengths', [2], 'u32'),
              word: blocks,
              position: g.weight('position', [9, 8], dataType),
              positions: g.input('positions', [6], 'u32'),
            },
            { length: 3, positionOffset: 0 },
          );
          return linear(g, { x, weight: g.parameter('w', [4, 8]) });
        },
        { values: { ids: [0, 4, 5, 8, 9, 10], lengths: [3, 2], positions: [8, 0, 3, 1, 1, 7] } },
      );
    });
});

describe('a cache', () => {
  it('is attended to as it was written', async () => {
    const [prompts, promptLength, beams, capacity, width] = [2, 5, 2, 4, 16];
    const count = prompts * beams;
    await check(
      (g) => {
        const of = (name: string, size: number) => ({
          keys: g.input(`k ${name}`, [size, width]),
          values: g.input(`v ${name}`, [size, width]),
        });
        const slot = g.input('slot', [1], 'u32');
        const prompt = appendToCache(
          g,
          g.state('prompt', [prompts * promptLength, 2 * width]),
          of('prompt', prompts * promptLength),
        );
        const cache = g.state('generated', [capacity * count, 2 * width]);
        const first = appendToCache(g, cache, of('first', count));
        const generated = appendToCache(g, first, of('second', count), slot);
        const x = cachedAttention(
          g,
          {
            q: g.input('q', [count, width]),
            prompt,
            promptLengths: g.input('lengths', [prompts], 'u32'),
            generated,
            origins: g.input('origins', [count * capacity], 'u32'),
            slot,
          },
          { heads: 2, promptLength, beams },
        );
        return linear(g, { x, weight: g.parameter('w', [4, width]) });
      },
      {
        values: {
          lengths: [5, 2],
          slot: [1],
          origins: [0, 0, 0, 0, 0, 1, 0, 0, 3, 2, 0, 0, 2, 3, 0, 0],
        },
      },
    );
  });

  it('holds a multiple of what is appended', () => {
    const g = new Graph();
    const given = { keys: g.input('k', [3, 8]), values: g.input('v', [3, 8]) };
    expect(() => appendToCache(g, g.state('cache', [4, 16]), given)).toThrow('does not fit');
  });
});

it('gives the scores of the next token in blocks', async () => {
  await check((g) => {
    const blocks = [16, 8].map((size, i) => g.weight(`table${i}`, [size, 8]));
    const hidden = linear(g, { x: g.input('x', [3, 4]), weight: g.parameter('w', [8, 4]) });
    const [first, second] = languageModelLogits(g, hidden, blocks) as [Tensor, Tensor];
    expect([first.shape, second.shape]).toEqual([
      [3, 16],
      [3, 8],
    ]);
    return hidden;
  });
});
