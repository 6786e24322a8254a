/** What holds in every state of the page: axe finds nothing, light or dark, wide or as a phone; and nothing is wider than the page. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** Each as a line: the rule, the element, what is wrong. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** Leaves the page light, and as wide as it was. */
export async function inEveryDress(page: Page, where: string): Promise<void> {
  const check = async (dress: string) => {
    // Colours and folds move for a moment.
    await page.waitForTimeout(300);
    expect(await violations(page), `${where}, ${dress}`).toEqual([]);
  };
  const size = page.viewportSize()!;
  await page.emulateMedia({ colorScheme: 'dark' });
  await check('dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await check('light');
  await page.setViewportSize({ width: 390, height: 844 });
  await check('phone');
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, `${where}: pixels beyond a phone`).toBeLessThanOrEqual(0);
  await page.setViewportSize(size);
}
