/** Checkpoints from a hub: a local stand-in with the hub's own layout, redirects, Range and errors. */
import path from 'node:path';
import { expect } from '@playwright/test';
import { startHubStandIn, type HubStandIn } from '../src/checkpoint/hub-stand-in.node';
import { open, smallRecipe, test, trainButton, trainToEnd } from './page';

const tiny = path.resolve(import.meta.dirname, '../public/checkpoints/tiny-roberta');
let hub: HubStandIn;
test.beforeAll(async () => {
  hub = await startHubStandIn({ 'someone/tiny': tiny, 'someone/gated': tiny }, ['someone/gated']);
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
