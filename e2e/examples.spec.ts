/** A method and a task from outside `src`, each one file, in the page: listed, set up, trained, drawn, compared, asked and taken home. */
import { expect, type Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import { inEveryDress } from './dress';
import { download } from './files';
import { recipeHash, smallRecipe, test, trainButton, trainToEnd } from './page';
import { serveWithExamples } from './with-examples';

let site: Awaited<ReturnType<typeof serveWithExamples>>;
test.beforeAll(async () => {
  site = await serveWithExamples();
});
test.afterAll(() => site.close());

const tab = (page: Page, name: string) => page.getByRole('tab', { name }).click();

async function open(page: Page, recipe: object): Promise<void> {
  await page.goto(`${site.url}${recipeHash(recipe)}`);
  await expect(trainButton(page)).toBeEnabled();
}

test('a method and a task of one file each are shown like any other', async ({ page }) => {
  await open(page, {
    ...smallRecipe,
    task: 'two-numbers',
    methods: [{ method: 'steer', rank: 4 }, { method: 'hut' }],
    training: { ...smallRecipe.training, learningRate: 0.01 },
  });

  await test.step('set-up', async () => {
    const card = page.getByRole('region', { name: 'Steered keys', exact: true });
    await expect(card).toContainText('share one frozen random projection');
    await expect(card.getByRole('textbox', { name: 'Rank, Steered keys' })).toHaveValue('4');
    await expect(card).toContainText('How far a key’s scale may go from 1.');
    await page.getByRole('button', { name: /^Task & data/ }).click();
    await expect(page.getByText('640 examples to train on, 96 to validate')).toBeVisible();
    await expect(page.getByRole('list', { name: 'Numbers named' }).getByRole('listitem')).toHaveCount(8);
    await page.getByRole('button', { name: /^Training/ }).click();
    await expect(page.getByRole('textbox', { name: 'Things a unit, Training' })).toHaveValue('5');
    await inEveryDress(page, 'set-up');
  });

  await test.step('curves', async () => {
    await trainToEnd(page);
    const figure = page.getByRole('figure', { name: 'Training loss' });
    await expect(figure).toContainText('Steered keys');
    expect(await figure.locator('path.chart-line').count()).toBe(4);
    await expect(page.getByRole('figure', { name: 'Explained variance, validation' })).toBeVisible();
    await inEveryDress(page, 'Curves');
  });

  await test.step('compare', async () => {
    await tab(page, 'Compare');
    await expect(page.getByRole('table', { name: 'Methods and runs' })).toContainText('Steered keys');
    const scatter = page.getByRole('figure', { name: 'Answers against the truth' });
    // Eight sentences, two numbers each, two methods.
    await expect(scatter.locator('.recharts-scatter-symbol')).toHaveCount(32);
    await inEveryDress(page, 'Compare');
  });

  await test.step('try it', async () => {
    await tab(page, 'Try it');
    await page.getByRole('textbox', { name: 'Sentence' }).fill('Two cups and nine pens lie in the box.');
    for (const model of ['Before training', 'Steered keys', 'HUT'])
      await expect(page.getByRole('group', { name: `Answer: ${model}` })).toContainText(/-?\d+ and -?\d+/);
    await inEveryDress(page, 'Try it');
  });

  await test.step('take home', async () => {
    await tab(page, 'Take home');
    const merged = page.getByRole('button', { name: 'Steered keys: Merged' });
    await expect(merged).toBeDisabled();
    await expect(merged).toHaveAttribute('title', /cannot be merged into the weights/);
    const { bytes } = await download(page, () => page.getByRole('button', { name: 'Steered keys: Adapter' }).click());
    const config = JSON.parse(Buffer.from(unzipSync(bytes)['steer-adapter/adapter_config.json']!).toString()) as object;
    expect(config).toMatchObject({ peft_type: 'STEER', r: 4, task_type: 'TOKEN_CLS', modules_to_save: ['classifier'] });
    const predictions = await download(page, () => page.getByRole('button', { name: 'HUT: Predictions' }).click());
    expect(predictions.bytes.toString().trim().split('\n')).toHaveLength(8);
    await inEveryDress(page, 'Take home');
  });
});

test('they are listed, and a recipe goes from their task to another', async ({ page }) => {
  await open(page, smallRecipe);
  await page.getByRole('button', { name: 'Add a method' }).click();
  await page.getByRole('menuitem', { name: /^Steered keys/ }).click();
  await expect(page.getByRole('region', { name: 'Steered keys', exact: true })).toBeVisible();
  await page.getByRole('button', { name: /^Task & data/ }).click();
  const task = page.getByRole('combobox', { name: 'Task' });
  await task.click();
  await page.getByRole('group', { name: 'Counting' }).getByRole('option', { name: 'Two numbers' }).click();
  await expect(page.getByText('640 examples to train on')).toBeVisible();
  await page.getByRole('button', { name: /^Training/ }).click();
  await page.getByRole('textbox', { name: 'Things a unit, Training' }).fill('3');
  await expect(page).toHaveURL(/unit%22%3A3/);
  await task.click();
  await page.getByRole('option', { name: 'Bundled sample' }).click();
  // What only the other task has is gone, so the recipe still works.
  await expect(page).not.toHaveURL(/unit/);
  await expect(trainButton(page)).toBeEnabled();
});
