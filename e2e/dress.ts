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

const phone = { width: 390, height: 844 };

/** Leaves the page light, and as wide as it was. */
export async function inEveryDress(page: Page, where: string): Promise<void> {
  const size = page.viewportSize()!;
  for (const [width, viewport] of [
    ['desktop', size],
    ['phone', phone],
  ] as const) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      // Colours and folds move for a moment.
      await page.waitForTimeout(300);
      expect(await violations(page), `${where}, ${width}, ${colorScheme}`).toEqual([]);
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `${where}, ${width}: pixels beyond the page`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize(size);
}
