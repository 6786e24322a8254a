/** Presets, chosen by task and method with the keyboard as with the mouse: the recipe is the file's. */
import { readFile } from 'node:fs/promises';
import { expect, type Page } from '@playwright/test';
import { open, smallRecipe, test } from './page';

async function shownRecipe(page: Page): Promise<Record<string, unknown>> {
  await page.getByRole('button', { name: 'Recipe as JSON' }).click();
  const text = await page.getByRole('textbox', { name: 'Recipe', exact: true }).inputValue();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  return JSON.parse(text) as Record<string, unknown>;
}

const preset = async (file: string) =>
  JSON.parse(await readFile(`public/recipes/${file}.json`, 'utf8')) as Record<string, unknown>;

test('a preset is chosen by task and by what it trains', async ({ page }) => {
  await open(page, smallRecipe);
  await page.getByRole('button', { name: 'Presets' }).click();
  const presets = page.getByRole('dialog', { name: 'Presets' });
  await presets.getByRole('radio', { name: 'LoRA, on its own schedule' }).check();
  await presets.getByRole('group', { name: 'Task' }).getByRole('button', { name: 'RTE' }).click();
  await expect(presets).toHaveCount(0);
  await expect(page.getByRole('textbox', { name: 'Rank, HUT' })).toHaveCount(0);
  const lora = await preset('roberta-large-rte-lora');
  const { learningRate, ...method } = (lora['methods'] as Record<string, unknown>[])[0]!;
  // The page gives the training its only method's rate.
  expect(await shownRecipe(page)).toMatchObject({
    ...lora,
    methods: [method],
    training: { ...(lora['training'] as object), learningRate },
  });

  await page.getByRole('button', { name: 'Presets' }).press('Enter');
  // What was chosen before is chosen still; another with the arrow keys.
  await presets.getByRole('radio', { name: 'LoRA, on its own schedule' }).press('ArrowDown');
  await presets.getByRole('button', { name: 'STS-B' }).press('Enter');
  await expect(presets).toHaveCount(0);
  expect(await shownRecipe(page)).toMatchObject(await preset('roberta-large-stsb'));

  await page.getByRole('button', { name: 'Presets' }).click();
  await presets.getByRole('button', { name: 'Tiny RoBERTa, bundled sample' }).click();
  await expect(presets).toHaveCount(0);
  expect(await shownRecipe(page)).toMatchObject({ checkpoint: 'bundled:tiny-roberta', task: 'sample' });
});
