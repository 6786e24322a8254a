/** Questions on passages, and what the words do for the answers: trained, asked, looked into, saved. */
import { readFile } from 'node:fs/promises';
import { expect } from '@playwright/test';
import { inEveryDress } from './dress';
import { open, test, trainToEnd } from './page';

const targets = ['query', 'value'];
const recipe = {
  task: 'questions',
  methods: [
    { method: 'hut', targetModules: targets, learningRate: 0.01 },
    { method: 'lora', targetModules: targets, learningRate: 0.005 },
  ],
  training: { maxSteps: 6, batchSize: 2, maxLength: 192 },
  evaluation: { limit: 4, everySteps: 3 },
};
const passage = 'The bridge over the Marl was built by Ida Winter.';

test('a passage and a question of one’s own: highlights of all models, over the evaluations', async ({ page }) => {
  await open(page, recipe);
  await trainToEnd(page);
  await expect(page.getByRole('region', { name: 'Examples' })).toContainText('after step 6');

  await page.getByRole('tab', { name: 'Highlights' }).click();
  await page.getByRole('textbox', { name: 'Passage' }).fill(passage);
  await page.getByRole('textbox', { name: 'Question' }).fill('Who built the bridge?');
  const panel = (name: RegExp) => page.getByRole('region', { name });
  const words = (name: RegExp) => panel(name).getByRole('img');
  for (const name of [/^Before training: /, /^HUT: /, /^LoRA: /]) {
    await expect(words(name).filter({ hasText: /^Marl$/ })).toHaveCount(1, { timeout: 120_000 });
    // The answer is a part of the passage, and is framed there.
    expect(await panel(name).locator('[data-marked="true"]').count()).toBeGreaterThan(0);
  }
  await expect(panel(/^HUT: /)).toContainText(/completeness error [\d.]+%/);
  await inEveryDress(page, 'Highlights');

  const labels = async () => (await words(/^HUT: /).all()).map((word) => word.getAttribute('aria-label'));
  const now = await Promise.all(await labels());
  const slider = page.getByRole('slider', { name: 'Evaluation whose weights answer' });
  await slider.press('Home');
  await expect(page.getByText('Weights before training')).toBeVisible();
  await expect(async () => expect(await Promise.all(await labels())).not.toEqual(now)).toPass({ timeout: 60_000 });
  // Before training every model answers alike.
  await expect(async () => {
    const [base, hut] = await Promise.all(
      [/^Before training: /, /^HUT: /].map(async (name) => (await panel(name).textContent())!.replace(/^.*?: /, '')),
    );
    expect(hut).toBe(base);
  }).toPass({ timeout: 60_000 });
  await slider.press('End');

  for (const kind of ['Attention', 'Attention rollout', 'Final states', 'Input words', 'Gradient × input']) {
    await page.getByLabel('Kind').selectOption({ label: kind });
    await expect(page.getByText(`, ${kind}`).or(panel(/^HUT: /))).not.toHaveCount(0);
    await expect(words(/^HUT: /).first()).toHaveAttribute('aria-label', /: -?\d/);
  }
  await page.getByLabel('Difference').selectOption({ label: 'HUT − LoRA' });
  await expect(page.getByRole('heading', { name: 'HUT minus LoRA' })).toBeVisible();

  // One stop of the tab key; arrows walk.
  await words(/^HUT: /)
    .first()
    .focus();
  await page.keyboard.press('ArrowRight');
  await expect(words(/^HUT: /).nth(1)).toBeFocused();

  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save SVG' }).click();
  const svg = await readFile(await (await downloading).path(), 'utf8');
  expect(svg).toContain('>Marl</text>');
  expect(svg).toContain('Gradient × input');
  const picture = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save PNG' }).click();
  expect((await readFile(await (await picture).path())).subarray(1, 4).toString()).toBe('PNG');

  const check = page.getByRole('button', { name: 'Check on 4 validation examples' });
  await check.click();
  await expect(page.getByText(/^\d+ of 12/)).toBeVisible();
  await page.getByRole('button', { name: 'Stop', exact: true }).last().click();
  await expect(check).toBeEnabled({ timeout: 60_000 });
});
