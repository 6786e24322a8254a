/** The runs that `npm run bench` planned, in the page; each is added to the report as it ends. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, test as base, type BrowserContext, type Download, type Page } from '@playwright/test';
import type { Cell } from '../src/cli/bench-plan';
import { readReport, runOf, writeReport } from '../src/cli/bench-report';
import { effective, type Report } from '../src/cli/bench-schema';
import config from './bench.config';
import { runRecipe } from './run-recipe';

const out = process.env['BENCH_OUT'];
if (out === undefined) throw new Error('This is started by npm run bench.');
const cells = JSON.parse(readFileSync(path.join(out, 'plan.json'), 'utf8')) as Cell[];

/** One browser profile for all runs: what one downloads from the hub, the next ones find in the page's cache. */
const test = base.extend<object, { profile: BrowserContext }>({
  profile: [
    async ({ browser }, use) => {
      const { baseURL, viewport } = config.use;
      await use(await browser.newContext({ baseURL, viewport }));
    },
    { scope: 'worker' },
  ],
});

/** `highlights/NAME/METHOD-highlights.jsonl` and `METHOD-faithfulness.json`. */
async function saveHighlights(page: Page, name: string): Promise<void> {
  const folder = path.join(out!, 'highlights', name.replaceAll(/[^\w.=-]+/g, '-'));
  for (const button of await page.getByRole('button', { name: /: Highlights$/ }).all()) {
    const downloads: Download[] = [];
    const listen = (download: Download) => void downloads.push(download);
    page.on('download', listen);
    await button.click();
    await expect.poll(() => downloads.length, { timeout: 2 ** 31 - 1 }).toBe(2);
    page.off('download', listen);
    for (const download of downloads) await download.saveAs(path.join(folder, download.suggestedFilename()));
  }
}

const add = async (change: (report: Report) => Report) => writeReport(out, change(await readReport(out)));

for (const cell of cells) {
  test(cell.name, async ({ browser, profile }) => {
    const page = await profile.newPage();
    try {
      const results = await runRecipe(page, cell.json, cell.files);
      expect(effective(results.recipe), 'the page ran the recipe it was given').toEqual(effective(cell.json));
      const run = runOf(cell, results, `Chromium ${browser.version()}`);
      await add((report) => ({ ...report, runs: [...report.runs, run] }));
      const { output } = cell.json as { output?: { highlights?: number } };
      if (output?.highlights) await saveHighlights(page, cell.name);
    } catch (error) {
      const failure = { name: cell.name, message: stripVTControlCharacters((error as Error).message) };
      await add((report) => ({ ...report, failures: [...report.failures, failure] }));
      throw error;
    } finally {
      await page.close();
    }
  });
}
