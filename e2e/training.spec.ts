/** Training as a visitor sees it: the buttons that steer a run, and the address that repeats it. */
import { expect } from '@playwright/test';
import { curve, open, smallRecipe, status, test, trainButton, trainToEnd } from './page';

test('pause, step, resume, stop', async ({ page }) => {
  await open(page, { ...smallRecipe, training: { ...smallRecipe.training, maxSteps: 500 } });
  await trainButton(page).click();
  await expect(trainButton(page)).toHaveCount(0);
  await expect(status(page)).toHaveText(/^Training · step [1-9]/, { timeout: 180_000 });
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(status(page)).toHaveText(/^Paused · step \d+ of 500/);
  // Steps in flight may still arrive.
  await page.waitForTimeout(2000);
  const stepNow = async () => Number(/step (\d+)/.exec((await status(page).textContent())!)![1]);
  const before = await stepNow();
  await page.waitForTimeout(2000);
  expect(await stepNow(), 'stands still').toBe(before);

  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(status(page)).toHaveText(new RegExp(`^Paused · step ${before + 1} of 500`));
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect.poll(stepNow).toBeGreaterThan(before + 1);
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status(page)).toHaveText(/^Stopped · \d+ of 500 steps/, { timeout: 180_000 });
  await expect(trainButton(page)).toBeEnabled();
});

test('a recipe’s address opened in a new tab is the same run, with the same losses', async ({ page, context }) => {
  await open(page, smallRecipe);
  // An edit by hand is in the address too.
  await page.getByRole('textbox', { name: 'Rank, LoRA' }).fill('2');
  await expect(page).toHaveURL(/rank%22%3A2/);
  await trainToEnd(page);
  const losses = await curve(page, 'Training loss');
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByRole('textbox', { name: 'Rank, LoRA' })).toHaveValue('2');
  await page.close();
  await trainToEnd(other);
  expect(await curve(other, 'Training loss')).toEqual(losses);
});
