/** One run, seen from every tab: drawn, compared, tried, taken home, remembered; and the kernels checked on this very device. */
import { expect, type Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import { inEveryDress } from './dress';
import { download } from './files';
import { curve, open, smallRecipe, test, trainToEnd } from './page';

const tab = (page: Page, name: string) => page.getByRole('tab', { name }).click();

test('a run is drawn, compared, tried, taken home and remembered', async ({ page }) => {
  await open(page, smallRecipe);
  await trainToEnd(page);

  await test.step('curves', async () => {
    await expect(page.getByRole('figure')).toHaveCount(7);
    const loss = await curve(page, 'Training loss');
    expect(loss.HUT).toHaveLength(5);
    // Both methods start as the pre-trained model itself, on the same batch.
    expect(loss.HUT[0]).toBeCloseTo(loss.LoRA[0]!, 5);
    const figure = page.getByRole('figure', { name: 'Training loss' });
    expect(await figure.locator('path.chart-line').count()).toBe(4);
    await page.getByRole('button', { name: 'Save Training loss' }).click();
    const image = await download(page, () => page.getByRole('menuitem', { name: 'Image (PNG)' }).click());
    expect(image.bytes.subarray(1, 4).toString()).toBe('PNG');
    expect(image.bytes.length).toBeGreaterThan(10_000);
    await page.getByRole('button', { name: 'Training loss: logarithmic axis' }).press('Enter');
    await expect(page.getByRole('button', { name: 'Training loss: logarithmic axis' })).toHaveAttribute(
      'aria-pressed',
      'true',
    );
    await page.getByRole('slider', { name: 'First step shown' }).press('ArrowRight');
    await expect(page.getByRole('button', { name: 'All', exact: true })).toBeEnabled();
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await inEveryDress(page, 'Curves');
  });

  await test.step('compare', async () => {
    await tab(page, 'Compare');
    await expect(page.getByRole('table', { name: 'Methods and runs' }).getByRole('row')).toHaveCount(3);
    for (const method of ['HUT', 'LoRA']) {
      const cells = await page.getByRole('table', { name: method, exact: true }).getByRole('cell').allInnerTexts();
      const counts = cells.map(Number).filter((count) => !Number.isNaN(count));
      expect(
        counts.reduce((sum, count) => sum + count, 0),
        method,
      ).toBe(8);
    }
    const figure = page.getByRole('figure', { name: 'Accuracy against FLOPs' });
    const points = figure.locator('.recharts-scatter-symbol');
    await expect(points).toHaveCount(2);
    await inEveryDress(page, 'Compare');
    const paper = page.getByRole('checkbox', { name: 'Show the paper’s points (RoBERTa large)' });
    await paper.press('Space');
    await expect(points).toHaveCount(8);
    // The bundled sample is none of the paper's tasks.
    await expect(figure).toContainText('not runs of this page');
    await expect(figure).toContainText('average of six GLUE tasks');
    await expect(figure).toHaveAccessibleDescription(/HUT: .*From the paper, RoBERTa large, .*HUT 0\.9M: 0\.886/);
    await figure.getByText('The paper’s numbers, and notes on them').press('Enter');
    await expect(figure.getByRole('table', { name: 'The paper’s numbers' }).getByRole('row')).toHaveCount(7);
    await expect(figure).toContainText('look exchanged');
    await inEveryDress(page, 'Compare, with the paper’s points');
    // The paper states no executed FLOPs.
    await page.getByRole('combobox', { name: 'Cost shown' }).selectOption({ label: 'Executed FLOPs of a step' });
    await expect(points).toHaveCount(2);
    await expect(paper).toBeDisabled();
    await inEveryDress(page, 'Compare, executed FLOPs');
  });

  await test.step('try it', async () => {
    await tab(page, 'Try it');
    await page.getByRole('textbox', { name: 'Text' }).fill('<img src=x onerror=alert(1)> The food was wonderful.');
    for (const model of ['Before training', 'HUT', 'LoRA']) {
      const answer = page.getByRole('group', { name: `Answer: ${model}` });
      await expect(answer.getByRole('listitem')).toHaveCount(2);
      const shares = (await answer.getByRole('listitem').allInnerTexts()).map((text) =>
        parseFloat(/([\d.]+)%/.exec(text)![1]!),
      );
      expect(shares).toHaveLength(2);
      expect(Math.abs(shares[0]! + shares[1]! - 100)).toBeLessThan(0.2);
    }
    await inEveryDress(page, 'Try it');
  });

  await test.step('take home', async () => {
    await tab(page, 'Take home');
    const { name, bytes } = await download(page, () => page.getByRole('button', { name: 'LoRA: Adapter' }).click());
    expect(name).toBe('lora-adapter.zip');
    const files = unzipSync(bytes);
    expect(Object.keys(files).sort()).toEqual(
      [
        'README.md',
        'adapter_config.json',
        'adapter_model.safetensors',
        'continue.py',
        'recipe.json',
        'results.json',
      ].map((file) => `lora-adapter/${file}`),
    );
    const card = Buffer.from(files['lora-adapter/README.md']!).toString();
    expect(card).toContain('On the 8 validation examples, after step 5');
    const merged = await download(page, () => page.getByRole('button', { name: 'HUT: Merged' }).click());
    expect(Object.keys(unzipSync(merged.bytes))).toEqual(
      expect.arrayContaining(
        ['config.json', 'model.safetensors', 'tokenizer.json', 'README.md'].map((file) => `hut-merged/${file}`),
      ),
    );
    const predictions = await download(page, () => page.getByRole('button', { name: 'HUT: Predictions' }).click());
    expect(predictions.bytes.toString().trim().split('\n')).toHaveLength(8);
    await expect(page.getByText('HUT: predictions saved.')).toBeVisible();
    await inEveryDress(page, 'Take home');
  });

  await test.step('history', async () => {
    await page.reload();
    await tab(page, 'History');
    const runs = page.getByRole('table', { name: 'Runs in this browser' });
    await expect(runs.getByRole('row')).toHaveCount(2);
    await expect(runs).toContainText('5 / 5');
    await inEveryDress(page, 'History');
    await runs.getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Show curves of 1 chosen' }).click();
    expect((await curve(page, 'Training loss')).HUT).toHaveLength(5);
    await tab(page, 'Compare');
    await inEveryDress(page, 'Compare, chosen from history');
    await tab(page, 'History');
    await page.getByRole('button', { name: /^Delete the run of/ }).click();
    await expect(page.getByText('None yet.')).toBeVisible();
    await page.reload();
    await tab(page, 'History');
    await expect(page.getByText('None yet.')).toBeVisible();
  });
});

test('the kernels are checked on this device', async ({ page }) => {
  await open(page, smallRecipe);
  await page.getByRole('button', { name: /Check my GPU/ }).click();
  await page.getByRole('button', { name: 'Check the kernels' }).click();
  await expect(page.getByRole('table', { name: 'Kernels' })).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText(/^Stopped after \d+ of \d+ kernels\.$/)).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Check the kernels' }).click();
  const verdict = page.getByRole('dialog').getByRole('alert');
  await expect(verdict).toContainText(/All \d+ checks agree with float64/, { timeout: 400_000 });
  const rows = page.getByRole('table', { name: 'Kernels' }).getByRole('row');
  expect(await rows.count()).toBeGreaterThan(15);
  await expect(rows.filter({ hasText: 'wrong' })).toHaveCount(0);
  await inEveryDress(page, 'Check my GPU');
});
