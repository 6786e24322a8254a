/** The same loading code in a real Chromium: CORS, Range and redirects, the private file system as cache, picked files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error A plain script, without types.
import { installBrowser } from '../../scripts/browser.mjs';
import { startHubStandIn, type HubStandIn } from './hub-stand-in.node';
import { writeSafetensors } from './safetensors';

const values = Float32Array.from({ length: 50_000 }, (_, i) => i);
const content = writeSafetensors(
  new Map([['w', { dtype: 'F32', shape: [values.length], data: new Uint8Array(values.buffer) }]]),
);
let folder: string;
let hub: HubStandIn;
let server: ViteDevServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'browser-'));
  await writeFile(path.join(folder, 'model.safetensors'), content);
  await writeFile(path.join(folder, 'config.json'), '{"model_type":"bert"}');
  hub = await startHubStandIn({ 'owner/model': folder });
  server = await createServer({
    root: fileURLToPath(new URL('../..', import.meta.url)),
    configFile: false,
    logLevel: 'error',
    cacheDir: path.join(folder, 'vite'),
    optimizeDeps: { noDiscovery: true, include: ['zod'] },
    server: { port: 0, host: '127.0.0.1' },
  });
  await server.listen();
  browser = await chromium.launch({ executablePath: installBrowser(), args: ['--no-sandbox'] });
  page = await browser.newPage();
  await page.goto(`${server.resolvedUrls!.local[0]!}package.json`); // Any page of this origin.
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await hub?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the body of an async function on the page, with the modules of this room at hand. */
const onPage = (body: string) =>
  page.evaluate(`(async () => {
    const [hub, cache, source, weights] = await Promise.all(
      ['hub', 'cache', 'source', 'weights'].map((name) => import('/src/checkpoint/' + name + '.ts')),
    );
    const endpoint = ${JSON.stringify(hub.endpoint)};
    const caught = (promise) => promise.then(() => 'no error', (error) => error.code);
    ${body}
  })()`);

describe('in the browser', () => {
  it('reads weights across origins, resumes a cut download, and keeps it in the private file system', async () => {
    hub.fail('model.safetensors', {}, { cutAfter: 90_000 }); // The first request only asks whether it is there.
    const first = await onPage(`
      const options = { repository: 'owner/model', endpoint, retryDelay: 1, cache: await cache.browserCache() };
      const progress = [];
      const reader = await weights.openWeights(hub.hubSource(options), { onProgress: (...at) => progress.push(at) });
      const { shape, data } = await reader.read('w');
      return { shape, last: data.at(-1), sum: data.reduce((a, b) => a + b, 0), progress: progress.at(-1),
               entries: await options.cache.list() };`);
    const key = { endpoint: hub.endpoint, repositoryType: 'model', repository: 'owner/model', revision: 'main' };
    expect(first).toEqual({
      shape: [50_000],
      last: 49_999,
      sum: (49_999 * 50_000) / 2,
      progress: [content.length, content.length],
      entries: [{ key: { ...key, file: 'model.safetensors' }, size: content.length }],
    });
    expect(hub.requests.map(({ range }) => range)).toContain('bytes=90000-');

    hub.requests.length = 0;
    const second = await onPage(`
      const kept = await cache.browserCache();
      const reader = await weights.openWeights(hub.hubSource({ repository: 'owner/model', endpoint, cache: kept }));
      const last = (await reader.read('w')).data.at(-1);
      for (const { key } of await kept.list()) { await kept.delete(key); await kept.delete(key); }
      return [last, (await kept.list()).length];`);
    expect(second).toEqual([49_999, 0]);
    expect(hub.requests).toEqual([]);
  });

  it('keeps nothing of a failed download, and knows why a hub refuses', async () => {
    hub.fail('config.json', ...Array.from({ length: 5 }, () => ({ cutAfter: 3 })));
    const outcome = await onPage(`
      const kept = await cache.browserCache();
      const options = { endpoint, retryDelay: 1, cache: kept };
      const model = hub.hubSource({ ...options, repository: 'owner/model' });
      return [
        await caught(model.read('config.json')),
        (await kept.list()).length,
        await caught(model.read('nope.json')),
        await caught(hub.hubSource({ ...options, repository: 'owner/nope' }).read('config.json')),
        await caught(hub.hubSource({ ...options, repository: 'owner/model', endpoint: 'http://127.0.0.1:9' }).read('x')),
        new TextDecoder().decode(await model.read('config.json')),
      ];`);
    expect(outcome).toEqual([
      'hub/cut-off',
      0,
      'source/missing-file',
      'hub/not-found',
      'hub/unreachable',
      '{"model_type":"bert"}',
    ]);
  });

  it('reads a picked folder and files beside the page', async () => {
    await page.setContent('<input type="file" webkitdirectory>');
    await page.locator('input').setInputFiles(folder);
    const picked = await onPage(`
      const files = [...document.querySelector('input').files].filter((file) => !file.webkitRelativePath.includes('/vite/'));
      const dropped = source.filesSource(files);
      const reader = await weights.openWeights(dropped);
      return [(await reader.read('w')).data.at(-1), await dropped.exists('config.json')];`);
    expect(picked).toEqual([49_999, true]);
    const bundled = await onPage(`
      const beside = hub.urlSource(new URL('/checkpoints/tiny-roberta/', location.href), { label: 'tiny-roberta' });
      const reader = await weights.openWeights(beside);
      return [reader.shape('roberta.embeddings.LayerNorm.weight'), await beside.exists('nope.json'),
              await caught(beside.read('nope.json'))];`);
    expect(bundled).toEqual([[256], false, 'source/missing-file']);
  });
});
