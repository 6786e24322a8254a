/** The page, as `npm run bench` drives it, and the command line are one engine: a recipe gives the same losses in both, bit for bit. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@playwright/test';
import { effective } from '../src/cli/bench-schema';
import type { Results } from '../src/train/events';
import { smallRecipe, test } from './page';
import { runRecipe } from './run-recipe';

const root = path.resolve(import.meta.dirname, '..');

async function runInNode(recipe: unknown, folder: string): Promise<Results> {
  const file = path.join(folder, 'recipe.json');
  await writeFile(file, JSON.stringify(recipe));
  const command = ['scripts/node.mjs', 'src/cli/recipe.ts', file, '--out', path.join(folder, 'run')];
  await promisify(execFile)(process.execPath, command, { cwd: root });
  return JSON.parse(await readFile(path.join(folder, 'run/results.json'), 'utf8')) as Results;
}

/** Scores are taken on the host, where the exponential function of Node and of the browser may differ in its last bit. */
const rounded = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' ? Number(inner.toPrecision(13)) : inner)),
  ) as T;

/** Everything that is computed, and nothing that is measured. */
const computed = ({ methods }: Results) =>
  methods.map(({ id, steps, evaluations }) => ({
    id,
    steps: steps.map(({ loss, gradNorm, tokens }) => ({ loss, gradNorm, tokens })),
    evaluations: rounded(evaluations),
  }));

test('a recipe has the same losses in the page and in npm run recipe', async ({ page }, testInfo) => {
  // Few rows: their kernels take a software adapter least to compile, and it compiles them twice here.
  const recipe = { ...smallRecipe, training: { ...smallRecipe.training, maxSteps: 3, batchSize: 2, maxLength: 8 } };
  const inPage = await runRecipe(page, recipe);
  await page.close();
  const inNode = await runInNode(recipe, testInfo.outputPath());
  // A browser keeps the driver's name to itself.
  const { vendor, architecture, software } = inNode.adapter;
  expect(inPage.adapter).toMatchObject({ vendor, architecture, software });
  expect(effective(inPage.recipe)).toEqual(effective(inNode.recipe));
  const [hut, lora] = computed(inPage);
  for (const method of [hut!, lora!]) {
    expect(new Set(method.steps.map(({ loss }) => loss)).size, `${method.id} was trained`).toBe(3);
    expect(method.evaluations).toHaveLength(2);
  }
  expect(computed(inPage)).toEqual(computed(inNode));
});
