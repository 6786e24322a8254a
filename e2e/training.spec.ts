/** Training as a visitor sees it: the bundled default, and the buttons that steer a run. */
import { expect } from '@playwright/test';
import { curve, open, smallRecipe, status, test, trainButton, trainToEnd } from './page';

test('bundled default: one click to two curves and a validation accuracy above chance', async ({ page }) => {
  test.setTimeout(1_500_000);
  await open(page);
  await trainButton(page).click();
  await expect(page.getByRole('figure', { name: 'Training loss' })).toBeVisible();
  await expect(status(page)).toHaveText(/^Training · step \d/, { timeout: 120_000 });
  await expect(status(page)).toHaveText(/^(Done|Failed|Stopped)/, { timeout: 1_400_000 });
  await expect(status(page)).toHaveText(/^Done · 150 of 150 steps/);

  const losses = await curve(page, 'Training loss');
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const method of ['HUT', 'LoRA'] as const) {
    const values = losses[method];
    expect(values).toHaveLength(150);
    expect(mean(values.slice(-30)), `${method}: loss falls`).toBeLessThan(mean(values.slice(0, 30)) - 0.05);
  }
  const accuracies = await curve(page, 'Accuracy, validation');
  for (const method of ['HUT', 'LoRA'] as const) {
    const values = accuracies[method];
    // 300 sentences, half of them praise: chance is 0.5 ± 0.06 (two standard deviations).
    expect(values).toHaveLength(4);
    expect(Math.max(...values), `${method}: accuracy`).toBeGreaterThan(0.7);
  }
  // The watched examples are answered otherwise than before training; both of the demo's sentences are understood.
  await expect(page.getByRole('region', { name: 'Examples' })).toContainText('after step 150');
  await page.getByRole('tab', { name: 'Try it' }).click();
  for (const [text, answer] of [
    ['This is terrible and I hate it.', 'negative'],
    ['What a lovely evening, I would come again.', 'positive'],
  ] as const) {
    await page.getByRole('textbox', { name: 'Text', exact: true }).fill(text);
    for (const method of ['HUT', 'LoRA'])
      await expect(page.getByRole('group', { name: `Answer: ${method}`, exact: true })).toContainText(answer);
  }
});

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
