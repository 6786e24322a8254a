/** A browser with WebGPU on a machine without an adapter, as behind a driver that the browser blocks. */
import { expect } from '@playwright/test';
import { test, trainButton } from './page';

test.use({
  launchOptions: async ({ launchOptions }, use) =>
    use({
      ...launchOptions,
      args: ['--no-sandbox', '--enable-unsafe-webgpu', '--disable-gpu', '--disable-software-rasterizer'],
    }),
});

test('no adapter is no GPU: the page says what helps, and looks again when asked', async ({ page }) => {
  await page.goto('./');
  expect(await page.evaluate(() => 'gpu' in navigator), 'the browser has WebGPU').toBe(true);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('This browser gives the page no GPU');
  await expect(alert).toContainText('Update the graphics driver');
  await expect(trainButton(page)).toBeDisabled();
  await page.getByRole('button', { name: 'Look again' }).click();
  await expect(alert).toContainText('Update the graphics driver');
});
