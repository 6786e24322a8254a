/** The bundled default as a visitor meets it: from one press to curves, scores above chance, and both of the demo's sentences understood. */
import { expect } from '@playwright/test';
import { curve, open, status, test, trainButton } from './page';

test('bundled default: one click to two curves and a validation accuracy above chance', async ({ page }) => {
  test.setTimeout(1_500_000);
  await open(page);
  const pressed = Date.now();
  await trainButton(page).click();
  await expect(page.getByRole('figure', { name: 'Training loss' })).toBeVisible();
  await expect(status(page)).toHaveText(/^Training · step \d/, { timeout: 120_000 });
  // Watched examples are answered otherwise than before training.
  const examples = page.getByRole('region', { name: 'Examples' });
  await expect(examples).toContainText('before training', { timeout: 120_000 });
  await expect(examples).toContainText('after step 50', { timeout: 400_000 });
  await page.getByRole('combobox', { name: 'Examples shown' }).selectOption({ label: 'Flips' });
  expect(await examples.getByRole('listitem').count(), 'examples that flipped').toBeGreaterThan(0);
  await page.getByRole('combobox', { name: 'Examples shown' }).selectOption({ label: 'All' });
  await expect(status(page)).toHaveText(/^(Done|Failed|Stopped)/, { timeout: 1_400_000 });
  test
    .info()
    .annotations.push({ type: 'from press to done', description: `${((Date.now() - pressed) / 1000).toFixed(0)} s` });
  await expect(status(page)).toHaveText(/^Done · 100 of 100 steps/);

  const losses = await curve(page, 'Training loss');
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const method of ['HUT', 'LoRA'] as const) {
    const values = losses[method];
    expect(values).toHaveLength(100);
    expect(mean(values.slice(-20)), `${method}: loss falls`).toBeLessThan(mean(values.slice(0, 20)) - 0.05);
  }
  const accuracies = await curve(page, 'Accuracy, validation');
  for (const method of ['HUT', 'LoRA'] as const) {
    const values = accuracies[method];
    // 200 sentences, half of them praise: chance is 0.5 ± 0.07 (two standard deviations).
    expect(values).toHaveLength(3);
    expect(Math.max(...values), `${method}: accuracy`).toBeGreaterThan(0.7);
  }
  // Both of the demo's sentences are understood.
  await expect(examples).toContainText('after step 100');
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
