/** A browser without WebGPU: the page says so, names the setting, and still tells what a run would cost. */
import { expect } from '@playwright/test';
import { inEveryDress } from './dress';
import { test, trainButton } from './page';

test.use({
  launchOptions: async ({ launchOptions }, use) =>
    use({ ...launchOptions, args: ['--no-sandbox', '--disable-features=WebGPU,WebGPUService', '--disable-gpu'] }),
});

test('the page names the browser and the setting', async ({ page }) => {
  await page.goto('./');
  await expect(page.getByRole('alert')).toContainText(/You are using Chrome \d+/);
  await expect(page.getByRole('alert')).toContainText('chrome://flags/#enable-unsafe-webgpu');
  await expect(trainButton(page)).toBeDisabled();
  // The costs are known all the same.
  await expect(page.getByText('100 × 3')).toBeVisible();
  await inEveryDress(page, 'no WebGPU');
  await page.getByRole('button', { name: /Check my GPU/ }).click();
  await expect(page.getByRole('dialog')).toContainText('No GPU to check');
  await inEveryDress(page, 'no WebGPU, Check my GPU');
});
