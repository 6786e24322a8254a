/** What the journeys share: opening the page with a recipe, and reading what it says. */
import { readFile } from 'node:fs/promises';
import Papa from 'papaparse';
import { expect, test as base, type Page } from '@playwright/test';

/** A run small enough for a software adapter. */
export const smallRecipe = {
  task: 'sample',
  methods: [
    { method: 'hut', learningRate: 0.01 },
    { method: 'lora', learningRate: 0.01 },
  ],
  training: { maxSteps: 5, batchSize: 4, maxLength: 16, warmupRatio: 0, schedule: 'constant' },
  evaluation: { limit: 8 },
};

export const recipeHash = (recipe: unknown) => `#recipe=${encodeURIComponent(JSON.stringify(recipe))}`;

/** As a link pasted into the page's own tab: what was picked stays. */
export async function followLink(page: Page, recipe: unknown): Promise<void> {
  await page.evaluate(
    (hash) =>
      new Promise<void>((resolve) => {
        if (location.hash === hash) return resolve();
        // The page listens too, and did so first.
        addEventListener('hashchange', () => resolve(), { once: true });
        location.hash = hash;
      }),
    recipeHash(recipe),
  );
}

/** A page on which any error of ours fails the test. */
export const test = base.extend<{ expectedConsole: RegExp | undefined }>({
  /** What the console may say, e.g. the browser's own line for a refused request. */
  expectedConsole: [undefined, { option: true }],
  page: async ({ page, expectedConsole }, use) => {
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on(
      'console',
      (message) =>
        message.type() === 'error' && !expectedConsole?.test(message.text()) && problems.push(message.text()),
    );
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await use(page);
    expect(problems, 'errors on the page').toEqual([]);
  },
});

export async function open(page: Page, recipe?: unknown): Promise<void> {
  await page.goto(recipe === undefined ? './' : `./${recipeHash(recipe)}`);
  await expect(trainButton(page)).toBeEnabled();
}

export const trainButton = (page: Page) => page.getByRole('button', { name: 'Train', exact: true });
/** `Training · step 3 of 5 · 90 tokens/s`. */
export const status = (page: Page) =>
  page.getByRole('region', { name: 'Run', exact: true }).getByRole('status').first();

export async function trainToEnd(page: Page): Promise<void> {
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^(Done|Failed|Stopped)/, { timeout: 550_000 });
  await expect(status(page)).toHaveText(/^Done/);
}

/** The numbers of a curve, downloaded as a visitor would: the values of each method, in the order of steps. */
export async function curve(page: Page, title: string): Promise<Record<'HUT' | 'LoRA', number[]>> {
  await page.getByRole('button', { name: `Save ${title}` }).click();
  const downloading = page.waitForEvent('download');
  // A menu that is still closing has the same items.
  const menu = page.getByRole('menu', { name: `Save ${title}` });
  await menu.getByRole('menuitem', { name: 'Numbers (CSV)' }).click();
  const text = await readFile(await (await downloading).path(), 'utf8');
  const { data, meta } = Papa.parse<Record<string, string>>(text.trim(), { header: true });
  const values = (method: string) => {
    // A smoothed line stands beside the measured one.
    const column = meta.fields!.find((field) => field.startsWith(method) && !/smooth/.test(field))!;
    return data
      .map((row) => row[column]!)
      .filter(Boolean)
      .map(Number);
  };
  return { HUT: values('HUT'), LoRA: values('LoRA') };
}
