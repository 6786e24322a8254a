import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { memorySource } from '../checkpoint/source';
import { loadTokenizer, truncatedLengths, type TextTokenizer } from './tokenizer';

const tiny = 'public/checkpoints/tiny-roberta';
const miniLm = '../shared/data/checkpoints/minilm-l6';
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const tinyFiles = () =>
  new Map<string, Uint8Array>(
    ['tokenizer.json', 'tokenizer_config.json'].map((name) => [name, readFileSync(`${tiny}/${name}`)]),
  );

interface Fixture {
  padTokenId: number;
  cases: { text: string; pair: string | null; maxLength: number; inputIds: number[]; tokenTypeIds?: number[] }[];
}

describe.each([
  ['tiny-roberta', tiny],
  ['minilm-l6', miniLm],
  // vocab.json and merges.txt only
  ['roberta-base', '../shared/data/tokenizers/roberta-base'],
])('%s', (name, folder) => {
  const absent = !existsSync(folder);
  it.skipIf(absent)(`gives the ids transformers gives${absent ? ` (skipped: no ${folder})` : ''}`, async () => {
    const fixture = JSON.parse(readFileSync(`reference/fixtures/tokenizer/${name}.json`, 'utf8')) as Fixture;
    const tokenizer = await loadTokenizer(folderSource(folder));
    expect(tokenizer.padTokenId).toBe(fixture.padTokenId);
    for (const { text, pair, maxLength, inputIds, tokenTypeIds } of fixture.cases) {
      const ours = tokenizer.encode(text, pair ?? undefined, maxLength);
      expect(ours.inputIds, JSON.stringify([text, pair, maxLength])).toEqual(inputIds);
      expect(ours.tokenTypeIds).toEqual(tokenTypeIds ?? inputIds.map(() => 0));
    }
  });
});

describe('a loaded tokenizer', () => {
  let tokenizer: TextTokenizer;
  beforeAll(async () => {
    tokenizer = await loadTokenizer(folderSource(tiny));
  });

  it('shows tokens as vocabulary entries and as pieces of text', () => {
    const { inputIds } = tokenizer.encode('It was  caf\u00e9 \u4f60', undefined, 64);
    expect(tokenizer.tokens(inputIds).slice(0, 3)).toEqual(['<s>', 'It', '\u0120was']);
    const pieces = tokenizer.pieces(inputIds);
    expect(pieces).toHaveLength(inputIds.length);
    expect(pieces.slice(1, -1).join('')).toBe('It was  caf\u00e9 \u4f60');
    expect(tokenizer.decode(inputIds)).toBe('It was  caf\u00e9 \u4f60');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.specialTokenIds.has(tokenizer.padTokenId)).toBe(true);
    expect(tokenizer.vocabSize).toBe(8192);
  });

  it('keeps within maxLength, and within the vocabulary, for any text', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(
      fc.property(
        text,
        fc.option(text, { nil: undefined }),
        fc.integer({ min: 4, max: 40 }),
        (first, second, maxLength) => {
          const { inputIds, tokenTypeIds, truncated } = tokenizer.encode(first, second, maxLength);
          expect(tokenTypeIds).toHaveLength(inputIds.length);
          expect(inputIds.length).toBeLessThanOrEqual(maxLength);
          expect(inputIds.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize)).toBe(true);
          if (truncated) expect(inputIds).toHaveLength(maxLength);
          expect(tokenizer.pieces(inputIds)).toHaveLength(inputIds.length);
        },
      ),
    );
  });

  it('refuses a maxLength with no room for the special tokens', () => {
    expect(tokenizer.encode('a', undefined, 2).inputIds).toEqual([0, 2]);
    expect(() => tokenizer.encode('a', undefined, 1)).toThrow(/adds 2 special tokens/);
    expect(() => tokenizer.encode('a', 'b', 3)).toThrow(expect.objectContaining({ code: 'data/max-length' }));
    expect(() => tokenizer.encode('a', 'b', NaN)).toThrow(expect.objectContaining({ code: 'data/max-length' }));
  });

  it('hands out its files for an export', () => {
    const files = tokenizer.files();
    expect([...files.keys()].sort()).toEqual(['tokenizer.json', 'tokenizer_config.json']);
    expect(Buffer.from(files.get('tokenizer.json')!).equals(readFileSync(`${tiny}/tokenizer.json`))).toBe(true);
  });
});

describe('longest-first truncation', () => {
  it('keeps as many tokens of each text as the reference does', () => {
    const rows = JSON.parse(readFileSync('reference/fixtures/tokenizer/truncation.json', 'utf8')) as number[][];
    expect(rows).toHaveLength(7 * 7 * 9);
    for (const [first, second, room, ...kept] of rows) expect(truncatedLengths(first!, second!, room!)).toEqual(kept);
  });

  it('fits the room, cuts nothing that fits, and no text more than one token below the other', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.nat(300), (first, second, room) => {
        const [a, b] = truncatedLengths(first, second, room);
        expect(a + b).toBe(Math.min(first + second, room));
        expect(a).toBeLessThanOrEqual(first);
        expect(b).toBeLessThanOrEqual(second);
        if (a < first) expect(a).toBeGreaterThanOrEqual(b - 1);
        if (b < second) expect(b).toBeGreaterThanOrEqual(a - 1);
      }),
    );
  });
});

describe('tokenizer folders', () => {
  it('names a tokenizer class that older libraries know', async () => {
    for (const config of [
      { tokenizer_class: 'TokenizersBackend', pad_token: { content: '<pad>' }, model_max_length: 256 },
      {},
    ]) {
      const files = tinyFiles().set('tokenizer_config.json', json(config));
      const tokenizer = await loadTokenizer(memorySource(files));
      const exported = JSON.parse(new TextDecoder().decode(tokenizer.files().get('tokenizer_config.json')));
      expect(exported).toEqual({
        ...config,
        tokenizer_class: 'RobertaTokenizer',
        ...('pad_token' in config && { pad_token: '<pad>' }),
      });
      expect(tokenizer.padTokenId).toBe(1);
    }
  });

  it('reads vocab.txt as BERT does', async () => {
    const vocab = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##able\ncafe\n!\n';
    const source = memorySource(new Map([['vocab.txt', new TextEncoder().encode(vocab)]]));
    const tokenizer = await loadTokenizer(source);
    expect(tokenizer.encode('Unable CAF\u00c9!', 'zzz', 16)).toEqual({
      inputIds: [2, 5, 6, 7, 8, 3, 1, 3],
      tokenTypeIds: [0, 0, 0, 0, 0, 0, 1, 1],
      truncated: false,
    });
    expect(tokenizer.pieces([5, 6, 8])).toEqual([' un', 'able', ' !']);
    expect([...tokenizer.files().keys()].sort()).toEqual(['tokenizer_config.json', 'vocab.txt']);
  });

  it.each<[string, Map<string, Uint8Array>]>([
    ['data/tokenizer-missing', new Map()],
    ['data/tokenizer-missing', new Map([['vocab.json', json({ a: 0 })]])],
    ['data/tokenizer-invalid', tinyFiles().set('tokenizer.json', new TextEncoder().encode('{"model": '))],
    ['data/tokenizer-invalid', tinyFiles().set('tokenizer.json', json({ model: 3 }))],
    ['data/tokenizer-invalid', tinyFiles().set('tokenizer.json', json({ model: { type: 'Martian', vocab: {} } }))],
    [
      'data/tokenizer-invalid',
      new Map([
        ['vocab.json', json([])],
        ['merges.txt', json('')],
      ]),
    ],
    [
      'data/tokenizer-invalid',
      new Map([
        ['vocab.json', json({ a: 'b' })],
        ['merges.txt', json('')],
      ]),
    ],
    ['data/not-utf8', tinyFiles().set('tokenizer.json', Uint8Array.of(0xff, 0xfe, 0x00))],
  ])('are refused with %s where they are broken', async (code, files) => {
    await expect(loadTokenizer(memorySource(files, 'some/model'))).rejects.toMatchObject({
      name: 'UserError',
      code,
      message: expect.stringContaining('some/model'),
    });
  });
});
