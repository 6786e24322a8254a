/** What goes wrong is said in a sentence, and what is hostile is shown as text or refused. */
import { expect } from '@playwright/test';
import { open, recipeHash, smallRecipe, test, trainButton } from './page';

const messages = 'Messages';

test('a recipe in the address that does not work is refused, and the page goes on', async ({ page }) => {
  const refusals: [unknown, RegExp][] = [
    [{ ...smallRecipe, training: { batchSize: 1e9 } }, /training\.batchSize/],
    [{ ...smallRecipe, training: { maxLength: 1e12 } }, /training\.maxLength/],
    [
      { ...smallRecipe, methods: [{ method: '<img src=x onerror=alert(1)>' }] },
      /there is no method "<img src=x onerror=alert\(1\)>"/,
    ],
    [{ ...smallRecipe, methods: Array.from({ length: 1000 }, () => ({ method: 'hut' })) }, /methods/],
    [{ ...smallRecipe, surprise: true }, /surprise/],
  ];
  for (const [recipe, message] of refusals) {
    await page.goto('about:blank');
    await open(page, recipe);
    await expect(page.getByRole('region', { name: messages })).toContainText(message);
  }
  await page.goto('about:blank');
  await page.goto('./#recipe=%7Bnot json');
  await expect(page.getByRole('region', { name: messages })).toContainText('not JSON');
});

test('text too long for the model is refused before anything is allocated', async ({ page }) => {
  await page.goto(`./${recipeHash({ ...smallRecipe, training: { maxLength: 8192 } })}`);
  await expect(page.getByRole('alert')).toContainText('has positions for');
  await expect(trainButton(page)).toBeDisabled();
});

test('files that are nothing the page knows', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: /^Task & data/ }).click();
  const choose = (name: string, content: string) =>
    page.getByLabel('Choose tables').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
  await choose('<b onclick=alert(1)>.docx', 'PK');
  await expect(page.getByRole('region', { name: messages })).toContainText(
    '<b onclick=alert(1)>.docx is nothing this page knows',
  );
  await choose('broken.csv', 'text,label\n"open,1\nb,0\n');
  await expect(page.getByRole('region', { name: messages })).toContainText('a quotation mark is not closed');
  await choose('empty.csv', '');
  await expect(page.getByRole('region', { name: messages })).toContainText('empty.csv');
});

test('a recipe that names files the page does not have asks for them', async ({ page }) => {
  await page.goto(`./${recipeHash({ ...smallRecipe, checkpoint: './my-roberta' })}`);
  await expect(page.getByRole('alert')).toContainText('drop that folder on the page');
});

test('a recipe edited as JSON', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Recipe as JSON' }).click();
  const editor = page.getByRole('textbox', { name: 'Recipe' });
  await editor.fill('{"task": "sample", "training": {"epochs": "many"}}');
  await page.getByRole('button', { name: 'Use this recipe' }).click();
  await expect(page.getByRole('dialog')).toContainText('training.epochs');
  await editor.fill('{"task": "sample", "methods": [{"method": "hut"}, {"method": "hut", "rank": 2}]}');
  await page.getByRole('button', { name: 'Use this recipe' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('textbox', { name: 'Rank, HUT 2' })).toHaveValue('2');
});
