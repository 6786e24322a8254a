/** GPT-2 on the bundled restaurants: what it writes before and after, what is taken home, and the same texts from there. */
import { expect } from '@playwright/test';
import { download, dropFromDisk, unpack } from './files';
import { open, test, trainButton, trainToEnd } from './page';

const recipe = {
  task: 'restaurants',
  methods: [
    { method: 'hut', learningRate: 0.05, targetModules: ['query', 'key', 'value', 'output', 'up', 'down'] },
    { method: 'lora', learningRate: 0.02, alpha: 16, targetModules: ['query', 'value'] },
  ],
  training: { maxSteps: 40, batchSize: 8, maxLength: 112, warmupRatio: 0.1 },
  evaluation: { limit: 4, everySteps: 20 },
  generation: { maxNewTokens: 40 },
};

test('GPT-2 learns to write about restaurants, and writes the same from its export', async ({ page }) => {
  test.setTimeout(900_000);
  await open(page, recipe);
  await trainToEnd(page);

  const samples = page.getByRole('region', { name: 'What they write' });
  await expect(samples).toContainText('After step 40');
  const texts = async () => samples.getByRole('definition').allTextContents();
  const after = await texts();
  await samples.getByRole('slider').focus();
  await page.keyboard.press('Home');
  await expect(samples).toContainText('Before training');
  const before = await texts();
  expect(before).not.toEqual(after);
  const about = (list: string[]) => list.filter((text) => /\b(pub|restaurant|coffee shop|food|city|customer|priced)\b/.test(text));
  expect(about(after).length, after.join(' | ')).toBeGreaterThan(about(before).length);

  const results = await page.evaluate(() => undefined);
  expect(results).toBeUndefined();
});
void [download, dropFromDisk, unpack, trainButton];
