/** axe finds nothing in any state of the page, in both schemes and at both ends of the widths; features.spec.ts has the tabs of a finished run. */
import { expect, type Page } from '@playwright/test';
import { inEveryDress } from './dress';
import { checkpointLike, dropFromDisk } from './files';
import { open, smallRecipe, status, test, trainButton } from './page';

const unfold = async (page: Page) => {
  for (const section of [/^Checkpoint/, /^Task & data/, /^Training/])
    await page.getByRole('button', { name: section }).click();
};

test('set-up: every section unfolded, dialogs, a checkpoint of the hub, a table of the visitor’s own', async ({
  page,
}) => {
  await open(page, smallRecipe);
  await expect(page.getByRole('img', { name: /^W₀/ })).toBeVisible();
  await inEveryDress(page, 'welcome');
  await unfold(page);
  await page.getByRole('button', { name: 'More settings' }).first().click();
  await expect(page.getByRole('list', { name: 'Labels' })).toBeVisible();
  await inEveryDress(page, 'set-up');
  for (const dialog of ['Help', 'Recipe as JSON', 'Presets']) {
    await page.getByRole('button', { name: dialog }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await inEveryDress(page, dialog);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  await page.getByRole('radio', { name: 'Another one on the hub' }).check();
  await page.getByRole('textbox', { name: 'Hub id' }).fill('not an id');
  await expect(page.getByText('neither a hub id').first()).toBeVisible();
  await inEveryDress(page, 'hub checkpoint that does not work');
  await page.getByRole('radio', { name: 'Tiny RoBERTa' }).check();
  const rows = Array.from({ length: 12 }, (_, i) => `text number ${i},${i % 2 ? 'good' : 'bad'}`);
  await page
    .getByLabel('Choose tables')
    .setInputFiles({ name: 'own.csv', mimeType: 'text/csv', buffer: Buffer.from(`text,label\n${rows.join('\n')}`) });
  await expect(page.getByText(/11 examples to train on, 1 to validate/)).toBeVisible();
  await inEveryDress(page, 'own table');
});

test('a run: preparing, training, paused, stopped, failed', async ({ page }) => {
  await open(page, { ...smallRecipe, training: { ...smallRecipe.training, maxSteps: 2000 } });
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^Training · step [1-9]/, { timeout: 180_000 });
  await inEveryDress(page, 'training');
  await page.getByRole('tab', { name: 'Try it' }).click();
  await page.getByRole('button', { name: 'Pause' }).first().click();
  await expect(status(page)).toHaveText(/^Paused/);
  await page.getByRole('textbox', { name: 'Text' }).fill('A fine day.');
  await expect(page.getByRole('group', { name: 'Answer: LoRA' })).toBeVisible();
  await inEveryDress(page, 'paused, try it');
  await page.getByRole('tab', { name: 'Curves' }).click();
  await inEveryDress(page, 'paused');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status(page)).toHaveText(/^Stopped/, { timeout: 60_000 });
  await page.getByRole('tab', { name: 'Take home' }).click();
  await inEveryDress(page, 'stopped, take home');
  await dropFromDisk(page, await checkpointLike('without-weights', { 'model.safetensors': undefined }));
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^Failed/);
  await inEveryDress(page, 'failed');
  for (const tab of ['Compare', 'Try it']) {
    await page.getByRole('tab', { name: tab }).click();
    await inEveryDress(page, `failed, ${tab}`);
  }
});

test('messages', async ({ page }) => {
  await open(page);
  await page.goto('./#recipe=%7Bnot json');
  await expect(page.getByRole('region', { name: 'Messages' })).toContainText('not JSON');
  await inEveryDress(page, 'a message');
});

for (const width of [860, 2560]) {
  test(`nothing is wider than the page at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await open(page, smallRecipe);
    await unfold(page);
    await page.waitForTimeout(500);
    expect(
      await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ).toBeLessThanOrEqual(0);
  });
}

test('nothing moves by itself while the page opens', async ({ page }) => {
  await page.addInitScript(() => {
    const shifts = ((window as unknown as { shifts: number[] }).shifts = [] as number[]);
    new PerformanceObserver((list) =>
      shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value)),
    ).observe({ type: 'layout-shift', buffered: true });
  });
  await open(page);
  await expect(page.getByText('This is a software adapter').or(page.getByText('100 × 3')).first()).toBeVisible();
  await page.waitForTimeout(2000);
  const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
  // 0.1 is what web vitals call good; this page can do better.
  expect(shifts.reduce((a, b) => a + b, 0)).toBeLessThan(0.02);
});
