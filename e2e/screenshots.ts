/** Set-up, training, comparison, try it, highlights and GPU check of the bundled default: light, dark and on a phone, all from one real run. */
import { expect, type Page } from '@playwright/test';
import { open, status, test, trainButton } from './page';

const desktop = { width: 1440, height: 1000 };
const looks = {
  light: { colorScheme: 'light', size: desktop },
  dark: { colorScheme: 'dark', size: desktop },
  phone: { colorScheme: 'light', size: { width: 390, height: 844 } },
} as const;

/** `docs/NAME-light.png`, `-dark`, `-phone`; `from` is what a phone is scrolled to. */
async function shoot(page: Page, name: string, from?: string): Promise<void> {
  for (const [look, { colorScheme, size }] of Object.entries(looks)) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(size);
    await page.mouse.move(0, 0);
    if (look === 'phone' && from)
      await page.locator(from).evaluate((element) => element.scrollIntoView({ block: 'start' }));
    // Charts are drawn anew for the new width.
    await page.waitForTimeout(1500);
    await page.screenshot({ path: `docs/${name}-${look}.png`, animations: 'disabled' });
  }
  await page.setViewportSize(desktop);
}

const tab = (page: Page, name: string) => page.getByRole('tab', { name }).click();

test('pictures', async ({ page }) => {
  await open(page);
  await shoot(page, 'set-up');
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^Training · step 5[1-9]/, { timeout: 900_000 });
  await shoot(page, 'training', 'section.run');
  await expect(status(page)).toHaveText(/^Done/, { timeout: 1_500_000 });
  await tab(page, 'Compare');
  await shoot(page, 'compare', '[role=tabpanel]:visible');
  await tab(page, 'Try it');
  await page.getByRole('textbox', { name: 'Text' }).fill('The host was kind and the supper excellent.');
  for (const method of ['HUT', 'LoRA'])
    await expect(page.getByRole('group', { name: `Answer: ${method}` }).getByRole('listitem')).toHaveCount(2);
  await shoot(page, 'try-it', '[role=tabpanel]:visible');
  await tab(page, 'Highlights');
  await page
    .getByRole('textbox', { name: 'Text' })
    .fill('The host was kind, but the supper was cold and I left hungry.');
  // Who is asked last, the head alone, has answered.
  await expect(page.getByRole('region', { name: /^Head only: / })).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText(/^Looking into/)).toHaveCount(0, { timeout: 120_000 });
  await shoot(page, 'highlights', '[role=tabpanel]:visible');
  await page.getByRole('button', { name: /Check my GPU/ }).click();
  await page.getByRole('button', { name: 'Check the kernels' }).click();
  await expect(page.getByRole('dialog').getByRole('alert')).toBeVisible({ timeout: 600_000 });
  await shoot(page, 'gpu-check');
});
