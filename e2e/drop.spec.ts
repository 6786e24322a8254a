/** Things dropped on the page with the mouse: recipes, tables, checkpoint folders, what was taken home before. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Page } from '@playwright/test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { download, dropFromDisk, scratch, unpack } from './files';
import { curve, open, smallRecipe, test, trainToEnd } from './page';

const answersTo = async (page: Page, model: string, text: string) => {
  await page.getByRole('tab', { name: 'Try it' }).click();
  await page.getByRole('textbox', { name: 'Text' }).fill(text);
  const answer = page.getByRole('group', { name: `Answer: ${model}` });
  await expect(answer.getByRole('listitem')).toHaveCount(2);
  await expect(page.locator('.answers[data-stale=false]')).toBeVisible();
  return (await answer.getByRole('listitem').allInnerTexts()).map((item) => parseFloat(/([\d.]+)%/.exec(item)![1]!));
};

test('merged weights taken home, dropped back in, give the same predictions', async ({ page }) => {
  const training = { ...smallRecipe.training, maxSteps: 3 };
  await open(page, { ...smallRecipe, training });
  await trainToEnd(page);
  const text = 'The host was kind and the supper excellent.';
  const before = await answersTo(page, 'HUT', text);
  const untrained = await answersTo(page, 'Before training', text);
  expect(before, 'training changed something').not.toEqual(untrained);
  await page.getByRole('tab', { name: 'Take home' }).click();
  const { bytes } = await download(page, () => page.getByRole('button', { name: 'HUT: Merged' }).click());
  const folder = await unpack(bytes);

  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await dropFromDisk(page, folder);
  await expect(page.getByRole('radio', { name: 'hut-merged, your folder' })).toBeChecked();
  await expect(page.getByText('4 × 256')).toBeVisible();
  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await trainToEnd(page);
  // What the new run starts from is what the old one ended with, head included; shown to a tenth of a percent.
  const after = await answersTo(page, 'Before training', text);
  after.forEach((share, i) => expect(Math.abs(share - before[i]!)).toBeLessThanOrEqual(0.1001));
});

test('a recipe file, and GLUE as Parquet, dropped', async ({ page }) => {
  const folder = await scratch();
  const recipe = {
    ...smallRecipe,
    methods: [{ method: 'lora', rank: 3 }],
    training: { ...smallRecipe.training, maxSteps: 2, batchSize: 2, maxLength: 24 },
  };
  await writeFile(path.join(folder, 'mine.json'), JSON.stringify(recipe));
  const split = (name: string, rows: readonly (readonly [string, string, number])[]) =>
    writeFile(
      path.join(folder, name),
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'sentence1', data: rows.map(([first]) => first), type: 'STRING' },
            { name: 'sentence2', data: rows.map(([, second]) => second), type: 'STRING' },
            { name: 'label', data: rows.map(([, , label]) => BigInt(label)), type: 'INT64' },
            { name: 'idx', data: rows.map((_, i) => i), type: 'INT32' },
          ],
        }),
      ),
    );
  const pair = (i: number) => [`The cat ${i} sat down.`, i % 2 ? 'A dog ran.' : 'A cat sat.', i % 2] as const;
  await split(
    'train-00000-of-00001.parquet',
    Array.from({ length: 10 }, (_, i) => pair(i)),
  );
  await split(
    'validation-00000-of-00001.parquet',
    Array.from({ length: 4 }, (_, i) => pair(i)),
  );

  await open(page);
  await dropFromDisk(page, path.join(folder, 'mine.json'));
  await expect(page.getByRole('textbox', { name: 'Rank, LoRA' })).toHaveValue('3');
  await expect(page.getByRole('textbox', { name: 'Rank, HUT' })).toHaveCount(0);
  await page.getByRole('button', { name: /^Task & data/ }).click();
  await dropFromDisk(
    page,
    path.join(folder, 'train-00000-of-00001.parquet'),
    path.join(folder, 'validation-00000-of-00001.parquet'),
  );
  await expect(page.getByRole('combobox', { name: 'Second text column' })).toHaveValue('sentence2');
  await expect(page.getByText('10 examples to train on, 4 to validate')).toBeVisible();
  await trainToEnd(page);
  expect((await curve(page, 'Training loss')).LoRA).toHaveLength(2);
});

test('a file without a place on disk, as from another program, is taken too', async ({ page }) => {
  await open(page);
  const data = await page.evaluateHandle(
    (text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], 'mailed.json', { type: 'application/json' }));
      return transfer;
    },
    JSON.stringify({ ...smallRecipe, methods: [{ method: 'hut', rank: 5 }] }),
  );
  await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
  await expect(page.getByText('Drop here')).toBeVisible();
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
  await expect(page.getByText('Drop here')).toHaveCount(0);
  await expect(page.getByRole('textbox', { name: 'Rank, HUT' })).toHaveValue('5');
});
