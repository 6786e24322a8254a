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

test('nothing moves by itself while the page opens', async ({ page }) => {
  await page.addInitScript(() => {
    const shifts = ((window as unknown as { shifts: number[] }).shifts = [] as number[]);
    new PerformanceObserver((list) =>
      shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value)),
    ).observe({ type: 'layout-shift', buffered: true });
  });
  await open(page);
  await expect(page.getByText('This is a software adapter').or(page.getByText('123 × 2')).first()).toBeVisible();
  await page.waitForTimeout(2000);
  const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
  // 0.1 is what web vitals call good; this page can do better.
  expect(shifts.reduce((a, b) => a + b, 0)).toBeLessThan(0.02);
});
