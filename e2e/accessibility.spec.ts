/** axe finds nothing, in both schemes and at both ends of the widths; nothing overflows a phone. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { open, smallRecipe, test } from './page';

/** Each as a line: the rule, the element, what is wrong. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });
    test('set-up, every section unfolded', async ({ page }) => {
      await open(page, smallRecipe);
      for (const section of [/^Checkpoint/, /^Task & data/, /^Training/])
        await page.getByRole('button', { name: section }).click();
      await expect(page.getByRole('list', { name: 'Labels' })).toBeVisible();
      await page.waitForTimeout(500);
      expect(await violations(page)).toEqual([]);
      for (const dialog of ['Help', 'Recipe as JSON']) {
        await page.getByRole('button', { name: dialog }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
        await page.waitForTimeout(500);
        expect(await violations(page), dialog).toEqual([]);
        await page.keyboard.press('Escape');
        await expect(page.getByRole('dialog')).toHaveCount(0);
      }
    });
  });
}

for (const width of [390, 860, 2560]) {
  test(`nothing is wider than the page at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await open(page, smallRecipe);
    for (const section of [/^Checkpoint/, /^Task & data/, /^Training/])
      await page.getByRole('button', { name: section }).click();
    await page.waitForTimeout(500);
    expect(
      await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ).toBeLessThanOrEqual(0);
  });
}
