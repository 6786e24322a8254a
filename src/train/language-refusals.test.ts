import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, type Tensor } from '../checkpoint/safetensors';
import { writeSafetensors } from '../checkpoint/safetensors-writer';
import { memorySource } from '../checkpoint/source';
import { testEnvironment } from '../cli/runs.node';
import { Gpu } from '../gpu/device';
import { openModel } from '../models/core/registry';
import type { Environment } from './environment';
import { fixtureFolder } from './fixtures.node';
import { prepare } from './prepare';
import { parseRecipe } from './recipe';
import { restaurantFiles } from '../../scripts/restaurants.mjs';

/* What GPT-2 and its tasks refuse, each with one sentence that says what is wrong, where, and what to do. */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const text = (content: string) => new TextEncoder().encode(content);
const small = { maxSteps: 1, batchSize: 2, maxLength: 96 };
const table = (content: string): Partial<Environment> => ({
  file: (path) => ({ source: memorySource(new Map([[path, text(content)]]), 'x'), path }),
});

async function refused(json: object, words: RegExp, environment: Partial<Environment> = {}): Promise<void> {
  const recipe = { task: 'e2e', data: { train: 'x.csv' }, training: small, ...json };
  await expect((async () => prepare(parseRecipe(recipe), testEnvironment(gpu, environment)))()).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(words) as string,
  });
}

describe('data', () => {
  it('a table without references', () =>
    refused({}, /x\.csv has no column "ref"; its columns are "mr", "text"/, table('mr,text\nname[A],b\n')));
  it('an empty meaning', () =>
    refused({}, /x\.csv, row 2 has an empty mr; fill it or delete the row/, table('mr,ref\nname[A],A is.\n,B is.\n')));
  it('a reference that is missing', () =>
    refused({}, /x\.csv, row 1 has an empty ref/, table('mr,ref\nname[A],\nname[B],B is.\n')));
  it('a context that leaves no room', () =>
    refused(
      { training: { ...small, maxLength: 12 } },
      /The prompt of row 1 has \d+ tokens, which leaves no room for an answer in maxLength 12; raise training\.maxLength/,
      table('mr,ref\n"name[The Old Mill], eatType[pub], area[riverside]",A pub.\nname[B],B is.\n'),
    ));
  it('rows longer than the model’s positions', () =>
    refused(
      { training: { ...small, maxLength: 4096 } },
      /training\.maxLength is 4096, but .*tiny-gpt2 has positions for/,
    ));
  it('an encoder, which writes nothing', () =>
    refused(
      { checkpoint: 'bundled:tiny-roberta' },
      /A roberta checkpoint does not write text; choose a GPT-2, such as bundled:tiny-gpt2/,
      table('mr,ref\nname[A],A is.\nname[B],B is.\n'),
    ));
  it('a text without a word', () =>
    refused({ task: 'text', data: { train: 'x.txt' } }, /x\.txt holds no text/, table(' \n\n')));
  it('no text at all', () => refused({ task: 'text', data: undefined }, /The task "text" needs data\.train/));
});

describe('settings', () => {
  it('sampling by beams', () =>
    refused({ generation: { doSample: true, numBeams: 4 } }, /generation\.numBeams: .*set numBeams to 1/));
  it('a whole layer and a part of it', () =>
    refused(
      { methods: [{ method: 'lora', targetModules: ['qkv', 'query'] }] },
      /c_attn\.query is a part of transformer\.h\.0\.attn\.c_attn, which is named too; name the one or the other/,
      table('mr,ref\nname[A],A is.\nname[B],B is.\n'),
    ));
});

describe('checkpoints', () => {
  const config = JSON.parse(readFileSync(`${fixtureFolder}/models/gpt2-tiny/config.json`, 'utf8')) as object;
  it.each([
    [{ scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx true is not supported/],
    [{ reorder_and_upcast_attn: true }, /reorder_and_upcast_attn/],
    [{ scale_attn_weights: false }, /scale_attn_weights false is not supported; a GPT-2 with true is/],
    [{ add_cross_attention: true }, /add_cross_attention/],
    [{ tie_word_embeddings: false }, /tie_word_embeddings/],
    [{ n_head: 5 }, /n_embd 64 is not a multiple of n_head 5/],
    [{ activation_function: 'silu' }, /activation_function "silu" is not supported/],
    [{ n_layer: 0 }, /n_layer/],
  ])('%j', (change, words) => expect(() => openModel({ ...config, ...change }, 'x')).toThrow(words));

  it('a c_attn that is no three parts', async () => {
    const folder = 'public/checkpoints/tiny-gpt2';
    const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
    const files = new Map(names.map((name) => [name, new Uint8Array(readFileSync(`${folder}/${name}`))]));
    const { tensors } = readSafetensors(files.get('model.safetensors')!);
    const name = [...tensors.keys()].find((key) => key.endsWith('h.0.attn.c_attn.weight'))!;
    const { shape, data, dtype } = tensors.get(name)!;
    const cut: Tensor = { dtype, shape: [shape[0]!, shape[1]! - 1], data: data.slice(0, -2 * shape[0]!) };
    files.set('model.safetensors', writeSafetensors(new Map([...tensors, [name, cut]])));
    await refused({}, /h\.0\.attn\.c_attn\.weight of x is \[256, 767\], but config\.json makes it \[256, 768\]/, {
      ...table('mr,ref\nname[A],A is.\nname[B],B is.\n'),
      checkpoint: () => memorySource(files, 'x'),
    });
  });
});

describe('the bundled restaurants', () => {
  it('are what their grammar writes', () => {
    for (const [name, content] of Object.entries(restaurantFiles()))
      expect(readFileSync(`public/data/restaurants/${name}`, 'utf8')).toBe(content);
  });
  it('share no meaning between training and validation', () => {
    const meanings = (content: string) =>
      new Set(
        content
          .split('\n')
          .map((line) => line.split('","')[0]!)
          .slice(1, -1),
      );
    const { 'train.csv': train, 'validation.csv': validation } = restaurantFiles();
    const known = meanings(train!);
    expect(meanings(validation!).size).toBe(40);
    expect([...meanings(validation!)].filter((meaning) => known.has(meaning))).toEqual([]);
  });
});
