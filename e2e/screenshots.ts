/** Set-up, training, comparison, try it and GPU check of the bundled default, light, dark and on a phone. */
import { expect, type Page } from '@playwright/test';
import { open, status, test, trainButton } from './page';

const tab = (page: Page, name: string) => page.getByRole('tab', { name }).click();

async function shot(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await page.waitForTimeout(500);
  await page.screenshot({ path: `docs/${name}.png`, animations: 'disabled' });
}

test('pictures', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1440, height: 1000 });
  await open(page);
  await shot(page, 'set-up');
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^Training · step 4\d/, { timeout: 900_000 });
  await shot(page, 'training');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shot(page, 'training-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await expect(status(page)).toHaveText(/^Done/, { timeout: 1_500_000 });
  await shot(page, 'curves');
  await tab(page, 'Compare');
  await shot(page, 'compare');
  await tab(page, 'Try it');
  await page.getByRole('textbox', { name: 'Text' }).fill('The host was kind and the supper excellent.');
  await expect(page.getByRole('group', { name: 'Answer: LoRA' }).getByRole('listitem')).toHaveCount(2);
  await shot(page, 'try-it');
  await tab(page, 'Curves');
  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, 'phone');
});
