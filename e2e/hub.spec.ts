/** Checkpoints from a hub: a local stand-in with the hub's own layout, redirects, Range and errors. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from '@playwright/test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { startHubStandIn, type HubStandIn } from '../src/checkpoint/hub-stand-in.node';
import { scratch } from './files';
import { curve, open, smallRecipe, test, trainButton, trainToEnd } from './page';

const tiny = path.resolve(import.meta.dirname, '../public/checkpoints/tiny-roberta');
let hub: HubStandIn;
test.beforeAll(async () => {
  const glue = await scratch();
  await mkdir(path.join(glue, 'mrpc'));
  for (const [split, count] of [
    ['train', 10],
    ['validation', 4],
  ] as const) {
    const rows = Array.from({ length: count }, (_, i) => i);
    const text = (name: string) => ({
      name,
      data: rows.map((i) => `The ${name} of row ${i} says <b>${i % 2 ? 'yes' : 'no'}</b>.`),
      type: 'STRING' as const,
    });
    const label = { name: 'label', data: rows.map((i) => BigInt(i % 2)), type: 'INT64' as const };
    const parquet = parquetWriteBuffer({ columnData: [text('sentence1'), text('sentence2'), label] });
    await writeFile(path.join(glue, 'mrpc', `${split}-00000-of-00001.parquet`), new Uint8Array(parquet));
  }
  hub = await startHubStandIn({ 'someone/tiny': tiny, 'someone/gated': tiny, 'datasets/nyu-mll/glue': glue }, [
    'someone/gated',
  ]);
});
test.afterAll(() => hub.close());

test('a checkpoint of the hub is described before its weights are downloaded, trained, and kept', async ({ page }) => {
  await open(page, { ...smallRecipe, training: { ...smallRecipe.training, maxSteps: 1 } });
  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await page.getByRole('textbox', { name: 'Hub address' }).fill(hub.endpoint);
  await page.getByRole('radio', { name: 'Another one on the hub' }).check();
  await page.getByRole('textbox', { name: 'Hub id' }).fill('someone/tiny');
  await expect(page.getByText('4 × 256')).toBeVisible();
  expect(hub.requests.some(({ url }) => url.endsWith('.safetensors'))).toBe(false);
  await trainToEnd(page);
  expect(hub.requests.some(({ url }) => url.endsWith('.safetensors'))).toBe(true);

  // The second run reads what the first one kept.
  const before = hub.requests.filter(({ url }) => url.endsWith('.safetensors')).length;
  await page.reload();
  await expect(trainButton(page)).toBeEnabled();
  await trainToEnd(page);
  expect(hub.requests.filter(({ url }) => url.endsWith('.safetensors'))).toHaveLength(before);
});

test('a GLUE task comes from the hub as Parquet, when it is asked for, and is trained', async ({ page }) => {
  const training = { ...smallRecipe.training, maxSteps: 2, batchSize: 2 };
  await open(page, { ...smallRecipe, training });
  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await page.getByRole('textbox', { name: 'Hub address' }).fill(hub.endpoint);
  await page.getByRole('button', { name: /^Checkpoint/ }).click();
  await page.getByRole('button', { name: /^Task & data/ }).click();
  await page.getByRole('combobox', { name: 'Task' }).click();
  await page.getByRole('option', { name: 'MRPC' }).click();
  await expect(page.getByText(/3.668 examples to train on/)).toBeVisible();
  const asked = () => hub.requests.filter(({ url }) => url.includes('mrpc')).length;
  expect(asked(), 'nothing is downloaded unasked').toBe(0);
  await page.getByRole('button', { name: 'Download and preview' }).click();
  await expect(page.getByText('10 examples to train on, 4 to validate')).toBeVisible();
  await expect(page.getByText('The sentence2 of row 1 says <b>yes</b>.').first()).toBeVisible();
  expect(asked()).toBeGreaterThan(0);
  await trainToEnd(page);
  expect((await curve(page, 'Training loss')).HUT).toHaveLength(2);
  await page.getByRole('tab', { name: 'Try it' }).click();
  await expect(page.getByRole('textbox', { name: 'Second text' })).toBeVisible();
});

test.describe('what a hub refuses', () => {
  test.use({ expectedConsole: /Failed to load resource/ });
  test('is said in a sentence, where the id was typed', async ({ page }) => {
    await open(page, smallRecipe);
    await page.getByRole('button', { name: /^Checkpoint/ }).click();
    await page.getByRole('textbox', { name: 'Hub address' }).fill(hub.endpoint);
    await page.getByRole('radio', { name: 'Another one on the hub' }).check();
    const id = page.getByRole('textbox', { name: 'Hub id' });
    const alert = page.getByRole('region', { name: 'Recipe' }).getByRole('alert').first();
    await id.fill('someone/missing');
    await expect(alert).toContainText('someone/missing is not on');
    await id.fill('someone/gated');
    await expect(alert).toContainText('someone/gated is gated: accept its terms');
    await id.fill('not an id');
    await expect(alert).toContainText('neither a hub id');
    await expect(trainButton(page)).toBeDisabled();
  });
});
