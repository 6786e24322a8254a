/** The visitor's own data and checkpoints. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@playwright/test';
import { curve, open, smallRecipe, test, trainToEnd } from './page';

const rows = [
  ['a wonderful evening with friends', 'good'],
  ['the soup was cold and the waiter rude', 'bad'],
  ['she praised the <b>bright</b> room', 'good'],
  ['"never, again," he said', 'bad'],
  ['<img src=x onerror=alert(1)> a fine host', 'good'],
  ['a dull and dirty house', 'bad'],
  ['we laughed all night', 'good'],
  ['the roof leaked on our heads', 'bad'],
  ['what a happy morning', 'good'],
];
/** A file and labels by someone who tries what the page does with markup. */
const hostile = { file: '<img src=x onerror=alert(1)>.csv', label: '<svg onload=alert(2)>' };
const csv = [
  'id,comment,verdict',
  ...rows.map(([text, label], i) => `${i},"${text!.replaceAll('"', '""')}",${label}`),
].join('\n');
const table = (name: string, content: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(content) });

test('own CSV: columns guessed and mapped, shown as text, trained until the loss falls', async ({ page }) => {
  const training = { ...smallRecipe.training, maxSteps: 6, batchSize: 8, shuffle: false };
  await open(page, { ...smallRecipe, training });
  await page.getByRole('button', { name: /^Task & data/ }).click();
  await page.getByLabel('Choose tables').setInputFiles(table('visits.csv', csv));
  await expect(page.getByRole('combobox', { name: 'Text column', exact: true })).toHaveValue('comment');
  await expect(page.getByRole('combobox', { name: 'Label column' })).toHaveValue('verdict');
  await expect(page.getByText('2 classes: bad, good')).toBeVisible();
  await expect(page.getByText('<img src=x onerror=alert(1)> a fine host').first()).toBeVisible();
  await expect(page.getByRole('list', { name: 'Labels' }).getByRole('listitem')).toHaveCount(2);
  await expect(page.getByText(/8 examples to train on, 1 to validate, which were set aside/)).toBeVisible();

  // A column of distinct texts is no label, and the page says so; the right one works again.
  await page.getByRole('combobox', { name: 'Label column' }).click();
  await page.getByRole('option', { name: 'id', exact: true }).click();
  await expect(page.getByText('9 classes')).toBeVisible();
  await page.getByRole('combobox', { name: 'Label column' }).click();
  await page.getByRole('option', { name: 'verdict' }).click();

  await trainToEnd(page);
  // The same eight examples every step: the loss must fall.
  for (const [name, values] of Object.entries(await curve(page, 'Training loss'))) {
    expect(values, name).toHaveLength(6);
    expect(values.at(-1), name).toBeLessThan(values[0]!);
  }
});

const shared = path.resolve(import.meta.dirname, '../../shared/data');

test('markup in a file’s name, in labels and in texts is shown as text, before and after training', async ({
  page,
}) => {
  await open(page, { ...smallRecipe, training: { ...smallRecipe.training, maxSteps: 1 }, evaluation: { limit: 4 } });
  await page.getByRole('button', { name: /^Task & data/ }).click();
  const content = csv.replaceAll(/,good$/gm, `,${hostile.label}`);
  await page.getByLabel('Choose tables').setInputFiles(table(hostile.file, content));
  await expect(page.getByRole('button', { name: /^Task & data/ })).toContainText(hostile.file);
  await expect(page.getByText(`2 classes: ${hostile.label}, bad`)).toBeVisible();
  await expect(page).toHaveURL(/onerror/);
  await trainToEnd(page);
  await expect(page.getByRole('region', { name: 'Run', exact: true }).getByRole('heading').first()).toContainText(
    hostile.file,
  );
  await page.getByRole('tab', { name: 'Compare' }).click();
  const confusion = page.getByRole('table', { name: 'HUT', exact: true });
  await expect(confusion.getByRole('columnheader', { name: hostile.label })).toBeVisible();
  await page.getByRole('tab', { name: 'Try it' }).click();
  await page.getByRole('textbox', { name: 'Text' }).fill('<script>alert(3)</script>');
  await expect(page.getByRole('group', { name: 'Answer: HUT' })).toContainText(hostile.label);
  await page.reload();
  await page.getByRole('tab', { name: 'History' }).click();
  await expect(page.getByRole('table', { name: 'Runs in this browser' })).toBeVisible();
  // What would have run, had any of it become an element: none did, and the page's fixture saw no dialog.
  expect(await page.locator('img, svg[onload], script:not([src])').count()).toBe(0);
});

test('MiniLM and RTE from the visitor’s disk', async ({ page }) => {
  test.skip(!existsSync(path.join(shared, 'checkpoints/minilm-l6')), 'needs ../shared/data');
  await open(page, {
    ...smallRecipe,
    task: 'rte',
    training: { ...smallRecipe.training, maxSteps: 2, batchSize: 2, maxLength: 32 },
    evaluation: { limit: 4 },
  });
  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await page.getByLabel('Choose a checkpoint folder').setInputFiles(path.join(shared, 'checkpoints/minilm-l6'));
  await expect(page.getByRole('radio', { name: 'minilm-l6, your folder' })).toBeChecked();
  await expect(page.getByText('6 × 384')).toBeVisible();
  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await page.getByRole('button', { name: /^Task & data/ }).click();
  await page
    .getByLabel('Choose tables')
    .setInputFiles([path.join(shared, 'glue/RTE/train.tsv'), path.join(shared, 'glue/RTE/dev.tsv')]);
  await expect(page.getByText(/2\s490 examples to train on, 277 to validate/).first()).toBeVisible();
  await trainToEnd(page);
  for (const [name, values] of Object.entries(await curve(page, 'Training loss'))) {
    expect(values, name).toHaveLength(2);
    expect(values.every(Number.isFinite), name).toBe(true);
  }
});
