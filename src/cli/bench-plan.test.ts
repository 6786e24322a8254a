import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAxis, planRuns, type NamedRecipe } from './bench-plan';
import type { RecipeJson } from '../train/recipe';

const named = (json: unknown, name = 'tiny', base = '.'): NamedRecipe => ({ name, json: json as RecipeJson, base });
const plan = (json: unknown, grid: string[] = [], more: { seeds?: number[]; repeat?: number } = {}) =>
  planRuns([named(json)], { axes: grid.map(parseAxis), repeat: 1, ...more });
const methodsOf = (cell: { json: Readonly<Record<string, unknown>> }) =>
  cell.json['methods'] as Record<string, unknown>[];

describe('an axis', () => {
  it('takes JSON, or plain words', () => {
    expect(parseAxis('methods.*.rank=4,8')).toEqual({ path: 'methods.*.rank', values: [4, 8] });
    expect(parseAxis('task=rte, mrpc')).toEqual({ path: 'task', values: ['rte', 'mrpc'] });
    expect(parseAxis('methods.1.targetModules=["query"],["query","value"]').values).toEqual([
      ['query'],
      ['query', 'value'],
    ]);
    expect(parseAxis('methods=[{"method":"hut"}],[{"method":"lora"}]').values).toHaveLength(2);
  });
  it.each(['rank', '=4', 'rank=', 'a..b=1', '.a=1'])('refuses %s', (text) => {
    expect(() => parseAxis(text)).toThrow(/PATH=VALUE/);
  });
  it('leaves seeds to --seeds', () => {
    expect(() => parseAxis('training.seed=1,2')).toThrow(/--seeds/);
  });
});

describe('a plan', () => {
  it('is recipes × grid × seeds × repeats, each a whole recipe', () => {
    const cells = planRuns([named({ task: 'sample' }, 'a'), named({ task: 'rte' }, 'b')], {
      axes: [parseAxis('methods.*.rank=2,4'), parseAxis('methods.1.targetModules=["query"],["value"],["key"]')],
      seeds: [1, 2],
      repeat: 3,
    });
    expect(cells).toHaveLength(2 * 2 * 3 * 2 * 3);
    expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
    expect(cells[0]!.name).toBe('a, methods.*.rank=2, methods.1.targetModules=["query"], seed 1, run 1');
    const last = cells.at(-1)!;
    expect(last).toMatchObject({
      recipe: 'b',
      settings: { 'methods.*.rank': 4, 'methods.1.targetModules': ['key'] },
      seed: 2,
      repeat: 3,
      json: { task: 'rte', training: { seed: 2, batchSize: 16 } },
    });
    expect(methodsOf(last).map(({ method, rank, targetModules }) => [method, rank, targetModules])).toEqual([
      ['hut', 4, ['query', 'value']],
      ['lora', 4, ['key']],
    ]);
  });

  it('keeps a recipe’s own seed, and its rates where the training’s varies', () => {
    const [slow, fast] = plan({ task: 'sample', training: { seed: 7 } }, ['training.learningRate=0.001,0.01']);
    expect(slow!.seed).toBe(7);
    expect(methodsOf(slow!)[0]!['learningRate']).toBe(0.001);
    expect(methodsOf(fast!)[0]!['learningRate']).toBe(0.01);
  });

  it('refuses what changes nothing, what the recipe does not have, and what it does not allow', () => {
    const methods = [{ method: 'hut', learningRate: 0.1 }];
    expect(() => plan({ task: 'sample', methods }, ['training.learningRate=0.001,0.01'])).toThrow(/are the same run/);
    expect(() => plan({ task: 'sample' }, [], { seeds: [3, 3] })).toThrow(/are the same run/);
    expect(() => plan({ task: 'sample' }, ['methods.2.rank=4'])).toThrow(/"2" is no position in a list of 2/);
    expect(() => plan({ task: 'sample' }, ['task.name=a'])).toThrow(/there is no "name" to set in "sample"/);
    expect(() => plan({ task: 'sample' }, ['training.*=1'])).toThrow(/no "\*" to set/);
    expect(() => plan({ task: 'sample' }, ['trainning.epochs=1'])).toThrow(/trainning/);
    expect(() => plan({ task: 'sample' }, ['methods.*.rank=4,many'])).toThrow(/^tiny, methods\.\*\.rank=many: .*rank/);
    expect(() => plan({ task: 'sample' }, ['methods.*.alpha=8'])).toThrow(/methods\[0\]/);
  });
});

describe('local files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
    for (const inner of ['model', 'RTE', 'other']) await mkdir(path.join(folder, inner));
    for (const file of ['RTE/train.tsv', 'RTE/dev.tsv', 'other/train.tsv'])
      await writeFile(path.join(folder, file), '');
  });
  afterAll(() => rm(folder, { recursive: true }));
  const local = (json: object) =>
    planRuns([named({ task: 'rte', ...json }, 'rte', folder)], { axes: [], repeat: 1 })[0]!;

  it('are named as the page will know them', () => {
    const data = { train: './RTE/train.tsv', validation: 'RTE/dev.tsv' };
    for (const checkpoint of ['./model', 'model']) {
      const cell = local({ checkpoint, data });
      expect(cell.json).toMatchObject({
        checkpoint: './model',
        data: { train: 'train.tsv', validation: 'dev.tsv' },
      });
      expect(cell.files).toEqual({
        checkpoint: path.join(folder, 'model'),
        tables: [path.join(folder, 'RTE/train.tsv'), path.join(folder, 'RTE/dev.tsv')],
      });
    }
    expect(local({ checkpoint: 'FacebookAI/roberta-base' })).toMatchObject({
      json: { checkpoint: 'FacebookAI/roberta-base' },
      files: { tables: [] },
    });
  });

  it('are looked for before anything runs', () => {
    expect(() => local({ checkpoint: './gone' })).toThrow(/no folder .*gone/);
    expect(() => local({ data: { train: 'RTE/gone.tsv' } })).toThrow(/no file .*gone\.tsv/);
    expect(() => local({ data: { train: 'RTE/train.tsv', validation: 'other/train.tsv' } })).toThrow(/by name/);
    expect(() => local({ methods: [{ method: 'lora', adapter: './model' }] })).toThrow(/from scratch/);
  });
});
