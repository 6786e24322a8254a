/** A recipe run in the page as a visitor would: by its address, its files picked, Train pressed, `results.json` taken home. */
import { readFile } from 'node:fs/promises';
import { expect, type Page } from '@playwright/test';
import type { Results } from '../src/train/events';
import { followLink, recipeHash, status, trainButton } from './page';

/** What a recipe names on this machine's disk; absolute paths. */
export interface LocalFiles {
  readonly checkpoint?: string | undefined;
  readonly tables?: readonly string[] | undefined;
}

/** What the page says of trouble, wherever it says it. */
async function complaints(page: Page): Promise<string> {
  const places = page.getByRole('alert').or(page.getByRole('region', { name: 'Messages' }));
  const texts = (await places.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
  return [...new Set(texts.filter(Boolean))].join(' ') || 'it does not say why';
}

async function ready(page: Page): Promise<void> {
  await expect(trainButton(page))
    .toBeEnabled()
    .catch(async () => {
      throw new Error(`The page does not train this recipe: ${await complaints(page)}`);
    });
}

/** Picks files and waits until the page's recipe, which is in its address, has taken them up; or until the page objects to them. */
async function pick(page: Page, section: RegExp, input: string, files: string | readonly string[], field: string) {
  await page.getByRole('button', { name: section }).click();
  await page.getByLabel(input).setInputFiles(typeof files === 'string' ? files : [...files]);
  const messages = page.getByRole('region', { name: 'Messages' });
  await expect
    .poll(async () => page.url().includes(encodeURIComponent(field)) || (await messages.innerText()) !== '')
    .toBe(true);
  await page.getByRole('button', { name: section }).click();
}

/**
 * @param recipe names local files by their base names, as the page knows what was picked: `./folder`, `table.tsv`
 * @throws Error with the page's own words where the run fails
 */
export async function runRecipe(
  page: Page,
  recipe: { readonly task?: unknown },
  { checkpoint, tables = [] }: LocalFiles = {},
): Promise<Results> {
  if (checkpoint !== undefined || tables.length) {
    // Picked tables are taken for the task at hand where it is GLUE's.
    await page.goto(`./${recipe.task === 'custom' ? '' : recipeHash({ task: recipe.task })}`);
    if (tables.length) await pick(page, /^Task & data/, 'Choose tables', tables, '"data":');
    if (checkpoint !== undefined)
      await pick(page, /^Checkpoint/, 'Choose a checkpoint folder', checkpoint, '"checkpoint":"./');
    await followLink(page, recipe);
  } else await page.goto(`./${recipeHash(recipe)}`);
  await ready(page);
  await trainButton(page).click();
  // As long as it takes: Playwright counts in 32 bits.
  await expect(status(page)).toHaveText(/^(Done|Failed|Stopped)/, { timeout: 2 ** 31 - 1 });
  if (!/^Done/.test((await status(page).textContent()) ?? ''))
    throw new Error(`The run failed: ${await complaints(page)}`);
  await page.getByRole('tab', { name: 'Take home' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'results.json' }).click();
  return JSON.parse(await readFile(await (await downloading).path(), 'utf8')) as Results;
}
