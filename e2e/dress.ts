/** What holds in every state of the page: axe finds nothing, light or dark, wide or as a phone; and nothing is wider than the page. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** Each as a line: the rule, the element, what is wrong. */
async function violations(page: Page): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  // What lies under a dialog has been looked at without it.
  if (await page.getByRole('dialog').count()) axe.include('[role=dialog]');
  const { violations: found } = await axe.analyze();
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** Leaves the page light, and as wide as it was. A rule of colours needs both schemes, one of layout both widths: two looks have them all. */
export async function inEveryDress(page: Page, where: string): Promise<void> {
  const check = async (dress: string) => {
    // Colours and folds move for a moment.
    await page.waitForTimeout(300);
    expect(await violations(page), `${where}, ${dress}`).toEqual([]);
  };
  const size = page.viewportSize()!;
  await page.emulateMedia({ colorScheme: 'dark' });
  await check('dark and wide');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 390, height: 844 });
  await check('light, on a phone');
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, `${where}: pixels beyond a phone`).toBeLessThanOrEqual(0);
  await page.setViewportSize(size);
}
