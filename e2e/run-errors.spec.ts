/** What makes a run impossible is said before or at its start, in a sentence that names the file or field; and a loss that explodes ends one method only. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Page } from '@playwright/test';
import { checkpointLike, dropFromDisk, scratch, tinyCheckpoint } from './files';
import { followLink, open, recipeHash, smallRecipe, status, test, trainButton, trainToEnd } from './page';

const short = { ...smallRecipe, training: { ...smallRecipe.training, maxSteps: 2 }, evaluation: { limit: 2 } };

/** Presses Train, and expects the run to fail with a message. */
async function fails(page: Page, message: RegExp): Promise<void> {
  await trainButton(page).click();
  await expect(status(page)).toHaveText(/^(Failed|Done)/, { timeout: 60_000 });
  await expect(page.getByRole('region', { name: 'Run', exact: true }).getByRole('alert').first()).toContainText(
    message,
  );
  await expect(trainButton(page), 'the page goes on').toBeEnabled();
}

/** The page refuses before Train can be pressed. */
async function refused(page: Page, message: RegExp): Promise<void> {
  await expect(page.getByRole('region', { name: 'Recipe' }).getByRole('alert').first()).toContainText(message);
  await expect(trainButton(page)).toBeDisabled();
}

/** A safetensors file with its header changed. */
async function weights(change: (header: Record<string, { dtype: string; data_offsets: [number, number] }>) => void) {
  const file = await readFile(path.join(tinyCheckpoint, 'model.safetensors'));
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Parameters<typeof change>[0];
  change(header);
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([start, json, file.subarray(8 + length)]);
}

async function config(changes: object): Promise<string> {
  const text = await readFile(path.join(tinyCheckpoint, 'config.json'), 'utf8');
  return JSON.stringify({ ...(JSON.parse(text) as object), ...changes });
}

test('checkpoints that do not work', async ({ page }) => {
  await open(page, short);
  const whole = await readFile(path.join(tinyCheckpoint, 'model.safetensors'));
  const drop = async (name: string, changes: Parameters<typeof checkpointLike>[1]) => {
    await dropFromDisk(page, await checkpointLike(name, changes));
    await expect(page.getByRole('button', { name: /^Checkpoint/ })).toContainText(name);
  };
  await test.step('a file is missing', async () => {
    await drop('no-weights', { 'model.safetensors': undefined });
    await fails(page, /no-weights has no weights/);
  });
  await test.step('a file is cut off', async () => {
    await drop('cut-off', { 'model.safetensors': whole.subarray(0, whole.length >> 1) });
    await fails(page, /model\.safetensors/);
  });
  await test.step('a tensor has the wrong type', async () => {
    const name = 'whole-numbers';
    const integers = await weights((header) => {
      for (const [tensor, entry] of Object.entries(header)) if (tensor !== '__metadata__') entry.dtype = 'I16';
    });
    await drop(name, { 'model.safetensors': integers });
    await fails(page, /I16/);
  });
  await test.step('there is no tokenizer', async () => {
    await drop('no-tokenizer', { 'tokenizer.json': undefined });
    await fails(page, /tokenizer/);
  });
  await test.step('the architecture is not known', async () => {
    await drop('a-t5', { 'config.json': await config({ model_type: 't5', architectures: ['T5Model'] }) });
    await refused(page, /t5/);
  });
  await test.step('the model is too large for this device, and nothing was allocated', async () => {
    const giant = { hidden_size: 16384, intermediate_size: 65536, num_attention_heads: 128, num_hidden_layers: 96 };
    await drop('a-giant', { 'config.json': await config(giant) });
    await refused(page, /GiB/);
  });
});

test('data that do not work', async ({ page }) => {
  await open(page, short);
  const folder = await scratch();
  const rows = Array.from({ length: 6 }, (_, i) => `sentence ${i},${i % 2 ? 'good' : 'bad'}`).join('\n');
  await writeFile(path.join(folder, 'mine.csv'), `text,label\n${rows}\n`);
  await writeFile(path.join(folder, 'none.csv'), 'text,label\n');
  await writeFile(path.join(folder, 'train.tsv'), 'sentence\tlabel\nfine weather\t1\nbad weather\t7\n');
  await writeFile(path.join(folder, 'dev.tsv'), 'sentence\tlabel\nfine weather\t1\n');
  const use = async (recipe: object) => {
    await followLink(page, { ...short, ...recipe });
    await expect(trainButton(page)).toBeEnabled();
  };
  const columns = { text: 'text', label: 'label' };
  await dropFromDisk(page, path.join(folder, 'mine.csv'), path.join(folder, 'none.csv'));
  await expect(page.getByRole('button', { name: /^Task & data/ })).toContainText('mine.csv');
  await test.step('a column is missing', async () => {
    await use({ task: 'custom', data: { train: 'mine.csv', columns: { text: 'text', label: 'verdict' } } });
    await fails(page, /mine\.csv has no column "verdict"/);
  });
  await test.step('a split is empty', async () => {
    await use({ task: 'custom', data: { train: 'mine.csv', validation: 'none.csv', columns } });
    await fails(page, /none\.csv/);
  });
  await test.step('a label is no class', async () => {
    await use({ task: 'custom', data: { train: 'mine.csv', columns, labels: ['good', 'poor'] } });
    await fails(page, /label "bad"/);
  });
  await test.step('a label of a GLUE file is out of range', async () => {
    await use({ task: 'sst2' });
    await dropFromDisk(page, path.join(folder, 'train.tsv'), path.join(folder, 'dev.tsv'));
    await expect(page.getByRole('button', { name: /^Task & data/ })).toContainText('train.tsv');
    await fails(page, /train\.tsv.*label "7"/);
  });
});

test('settings that do not work', async ({ page }) => {
  await open(page, short);
  await page.getByRole('textbox', { name: 'Rank, LoRA' }).fill('0');
  await refused(page, /methods\[1\]\.rank/);
  await page.getByRole('textbox', { name: 'Rank, LoRA' }).fill('2');
  await expect(trainButton(page)).toBeEnabled();
  const messages = page.getByRole('region', { name: 'Messages' });
  for (const [method, message] of [
    [{ method: 'lora', rank: 0 }, /methods\[0\]\.rank/],
    [{ method: 'lora', rank: 1e9 }, /methods\[0\]\.rank/],
  ] as const) {
    await page.goto('about:blank');
    await open(page, { ...short, methods: [method] });
    await expect(messages).toContainText(message);
  }
  // Which layers there are, only the model knows.
  await page.goto('about:blank');
  await page.goto(`./${recipeHash({ ...short, methods: [{ method: 'hut', targetModules: ['query', 'q_proj'] }] })}`);
  await refused(page, /no linear layer "q_proj"; name any of query, key/);
});

test('a loss that explodes ends its method with the last good step; the other goes on', async ({ page }) => {
  const lora = { method: 'lora', alpha: 1e30, learningRate: 1 };
  await open(page, { ...smallRecipe, methods: [{ method: 'hut' }, lora] });
  await trainToEnd(page);
  await expect(page.getByRole('region', { name: 'Run', exact: true })).toContainText(
    /lora.*(not a number|stopped|finite)/i,
  );
  await page.getByRole('tab', { name: 'Compare' }).click();
  const rows = page.getByRole('table', { name: 'Methods and runs' }).getByRole('row');
  await expect(rows.filter({ hasText: 'LoRA' })).toContainText('ended early');
  await expect(rows.filter({ hasText: 'HUT' })).toContainText('done');
  await page.getByRole('tab', { name: 'Take home' }).click();
  await expect(page.getByRole('button', { name: 'LoRA: Adapter' })).toBeEnabled();
});
