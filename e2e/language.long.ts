/** GPT-2 on the bundled restaurants: what it writes before and after, what is taken home, and the same texts from there. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Page } from '@playwright/test';
import { curve, followLink, open, status, test, trainButton, trainToEnd } from './page';
import { inEveryDress } from './dress';
import { download, dropFromDisk, unpack } from './files';

const all = ['query', 'key', 'value', 'output', 'up', 'down'];
const recipe = {
  task: 'restaurants',
  methods: [
    { method: 'hut', learningRate: 0.05, targetModules: all },
    { method: 'lora', learningRate: 0.01, alpha: 16, targetModules: all },
  ],
  training: { maxSteps: 24, batchSize: 4, maxLength: 112, warmupRatio: 0.1 },
  evaluation: { limit: 2, everySteps: 24 },
  generation: { maxNewTokens: 20 },
};

const written = (page: Page) => page.getByRole('region', { name: 'What they write' });
const texts = (page: Page) => written(page).getByRole('definition').allTextContents();
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click();

test('GPT-2 learns to write about restaurants, and writes the same from its export', async ({ page }) => {
  test.setTimeout(900_000);
  await open(page, recipe);
  await trainToEnd(page);

  await expect(written(page)).toContainText('After step 24');
  const after = await texts(page);
  await written(page).getByRole('slider').focus();
  await page.keyboard.press('Home');
  await expect(written(page)).toContainText('Before training');
  const before = await texts(page);
  // Untuned, both write the same.
  expect(before[0]).toBe(before[1]);
  const about = (list: string[]) =>
    list.filter((text) => /\b(pub|restaurant|coffee shop|food|customer|priced|families)\b/.test(text)).length;
  expect(about(after), after.join(' | ')).toBeGreaterThan(about(before));
  const bleu = await curve(page, 'BLEU, validation');
  for (const method of ['HUT', 'LoRA'] as const)
    expect(bleu[method].at(-1)!, `${method}: BLEU`).toBeGreaterThan(bleu[method][0]!);

  await inEveryDress(page, 'Curves, with what they write');

  await tab(page, 'Try it');
  const meaning = page.getByRole('textbox', { name: /Meaning/ });
  await expect(meaning).toHaveValue(/^name\[/);
  await meaning.fill('name[Blue Lantern], eatType[pub], area[riverside]');
  await page.getByRole('button', { name: 'Write', exact: true }).click();
  const answer = (model: string) => page.getByRole('group', { name: `Answer: ${model}` });
  for (const model of ['Before training', 'HUT', 'LoRA'])
    await expect(answer(model)).toContainText(/\d ms$/, { timeout: 60_000 });
  const said = await answer('LoRA').locator('span').first().textContent();
  expect(said).not.toBe('');
  await inEveryDress(page, 'Try it, a text');

  await tab(page, 'Take home');
  const { bytes } = await download(page, () => page.getByRole('button', { name: 'LoRA: Adapter' }).click());
  const folder = await unpack(bytes);
  const config = JSON.parse(await readFile(path.join(folder, 'adapter_config.json'), 'utf8')) as object;
  expect(config).toMatchObject({ peft_type: 'LORA', task_type: 'CAUSAL_LM', fan_in_fan_out: true });

  // From the adapter, before any step, the same texts.
  const best = after.filter((_, i) => i % 2 === 1);
  await dropFromDisk(page, folder);
  const reference = `./${path.basename(folder)}`;
  await followLink(page, {
    ...recipe,
    methods: [{ method: 'lora', adapter: reference }],
    training: { ...recipe.training, maxSteps: 1 },
  });
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^Done · 1 of 1/, { timeout: 300_000 });
  await tab(page, 'Curves');
  await written(page).getByRole('slider').focus();
  await page.keyboard.press('Home');
  await expect(written(page)).toContainText('Before training');
  expect(await texts(page)).toEqual(best);
});
