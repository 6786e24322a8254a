import { expect, it } from 'vitest';
import { folderSource } from '../checkpoint/node';
import { memorySource } from '../checkpoint/source';
import { loadTokenizer } from '../data/tokenizer';
import { taskById } from './core/registry';

const recipe = { task: 'text', training: {} };
const load = (text: string) =>
  taskById('text')!.load(
    recipe,
    {
      files: {
        train: { source: memorySource(new Map([['x.txt', new TextEncoder().encode(text)]]), 'x'), path: 'x.txt' },
      },
      dataset: () => expect.unreachable(),
      bundled: () => expect.unreachable(),
      seed: 1,
    },
    {},
  );

it('cuts a text at its blank lines, or at its lines, and sets a tenth aside', async () => {
  const passages = async (text: string) => {
    const { splits, heldOut } = await load(text);
    expect(heldOut).toBe(true);
    return [...splits.values()].flat();
  };
  expect(await passages('One.\r\ntwo.\r\n\r\nThree.')).toHaveLength(2);
  expect(await passages('One.\ntwo.\nThree.')).toHaveLength(3);
});

it('learns every token after the first end-of-text, in pieces that fit', async () => {
  const { task, splits } = await load('A short one.\n\nA second that is a good deal longer than the first one is.');
  const tokenizer = await loadTokenizer(folderSource('public/checkpoints/tiny-gpt2'));
  const rows = [...splits.values()].flat();
  const { offsets, inputIds, targets, count, exampleOf } = await task.encode(tokenizer, rows, { maxLength: 8 });
  const pieces = Array.from({ length: count }, (_, i) => [...inputIds.subarray(offsets[i], offsets[i + 1])]);
  expect(pieces.every((piece) => piece.length <= 8)).toBe(true);
  expect([...targets['starts']!]).toEqual(pieces.map(() => 1));
  // Put together again, with the first token of each piece left out, they are the text and its end.
  rows.forEach((row, example) => {
    const whole = pieces.filter((_, i) => exampleOf[i] === example).flatMap((piece) => piece.slice(1));
    expect(whole).toEqual([...tokenizer.ids((row as { text: string }).text), tokenizer.eosTokenId]);
  });
});
