import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hubSource, listParquet, urlSource, type HubOptions } from './hub';
import { startHubStandIn, type HubStandIn } from './hub-stand-in.node';
import { folderCache } from './node';

const big = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3);
const text = JSON.stringify({ model_type: 'roberta', filler: 'x'.repeat(5000) });
let folder: string;
let hub: HubStandIn;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hub-'));
  const files: [string, string | Uint8Array][] = [
    ['model/config.json', text],
    ['model/model.safetensors', big],
    ['model/empty.txt', ''],
    ['model/sub folder/a#b?.txt', 'odd'],
    ['glue/cola/train-00000-of-00001.parquet', 'main'],
    ['converted/cola/train/0000.parquet', 'first'],
    ['converted/cola/train/0001.parquet', 'second'],
  ];
  for (const [file, content] of files) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), content);
  }
  hub = await startHubStandIn(
    {
      'owner/model': path.join(folder, 'model'),
      'owner/gated': path.join(folder, 'model'),
      'datasets/nyu-mll/glue': path.join(folder, 'glue'),
      'datasets/nyu-mll/glue@refs/convert/parquet': path.join(folder, 'converted'),
    },
    ['owner/gated'],
  );
});
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => void (hub.requests.length = 0));

const model = (options: Partial<HubOptions> = {}) =>
  hubSource({ repository: 'owner/model', endpoint: hub.endpoint, retryDelay: 1, ...options });
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

describe('hubSource', () => {
  it('reads small files, large ones behind a redirect, empty ones, and names that need escaping', async () => {
    const source = model();
    expect(new TextDecoder().decode(await source.read('config.json'))).toBe(text);
    expect(same(await source.read('model.safetensors'), big)).toBe(true);
    expect(hub.requests.map(({ url }) => url)).toEqual([
      '/owner/model/resolve/main/config.json',
      '/owner/model/resolve/main/model.safetensors',
      '/cdn/owner/model/resolve/main/model.safetensors',
    ]);
    expect((await source.read('empty.txt')).length).toBe(0);
    expect(new TextDecoder().decode(await source.read('sub folder/a#b?.txt'))).toBe('odd');
  });

  it('tells what is there without downloading it', async () => {
    expect(await model().exists('model.safetensors')).toBe(true);
    expect(await model().exists('empty.txt')).toBe(true);
    expect(await model().exists('tokenizer.json')).toBe(false);
    expect(hub.requests.every(({ range }) => range === 'bytes=0-0')).toBe(true);
  });

  it('reads a range with one Range request, and reports progress in bytes', async () => {
    const part = await model().read('model.safetensors', { range: [1000, 1064] });
    expect(same(part, big.subarray(1000, 1064))).toBe(true);
    expect(hub.requests.at(-1)!.range).toBe('bytes=1000-1063');
    hub.fail('model.safetensors', { ignoreRange: true });
    expect(same(await model().read('model.safetensors', { range: [1000, 1064] }), part)).toBe(true);

    const seen: [loaded: number, total?: number][] = [];
    await model().read('model.safetensors', { onProgress: (...progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual([big.length, big.length]);
    expect(seen.every(([loaded], i) => i === 0 || loaded > seen[i - 1]![0])).toBe(true);
  });

  it('resumes a cut connection where it broke off', async () => {
    hub.fail('model.safetensors', { cutAfter: 100_000 }, { cutAfter: 50_000 });
    expect(same(await model().read('model.safetensors'), big)).toBe(true);
    const ranges = hub.requests.filter(({ url }) => url.startsWith('/cdn')).map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
  });

  it('resumes where the server knows no Range', async () => {
    hub.fail('model.safetensors', { cutAfter: 100_000 }, { ignoreRange: true });
    expect(same(await model().read('model.safetensors'), big)).toBe(true);
  });

  it('does not mix two versions of a file', async () => {
    hub.fail('model.safetensors', { cutAfter: 100_000 }, { etag: '"new"' });
    await expect(model().read('model.safetensors')).rejects.toMatchObject({ code: 'hub/changed' });
  });

  it('gives up on a connection that breaks off every time', async () => {
    hub.fail('model.safetensors', ...Array.from({ length: 5 }, () => ({ cutAfter: 10 })));
    await expect(model().read('model.safetensors')).rejects.toMatchObject({
      code: 'hub/cut-off',
      message: expect.stringContaining('at byte 50 of 300000 of model.safetensors of owner/model') as string,
    });
  });

  it('reads compressed answers, whole and cut', async () => {
    hub.fail('config.json', { gzip: true });
    expect(new TextDecoder().decode(await model().read('config.json'))).toBe(text);
    hub.fail('config.json', { gzip: true, cutAfter: 30 });
    expect(new TextDecoder().decode(await model().read('config.json'))).toBe(text);
  });

  it('waits as long as a 429 asks, and retries 5xx', async () => {
    hub.fail('config.json', { status: 429, headers: { 'Retry-After': '1' } }, { status: 503 }, { status: 500 });
    const start = performance.now();
    expect((await model().read('config.json')).length).toBe(text.length);
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(hub.requests.length).toBe(4);
  });

  it.each([
    [429, 'hub/rate-limited', 'wait a few minutes'],
    [502, 'hub/server-error', '(502)'],
  ])('gives up after five times %i', async (status, code, words) => {
    hub.fail('config.json', ...Array.from({ length: 5 }, () => ({ status })));
    const error = await model()
      .read('config.json')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) as string });
    expect(hub.requests.length).toBe(5);
  });

  it('does not sit through an hour’s Retry-After', async () => {
    hub.fail('config.json', { status: 429, headers: { 'Retry-After': '3600' } });
    await expect(model().read('config.json')).rejects.toMatchObject({ code: 'hub/rate-limited' });
    expect(hub.requests.length).toBe(1);
  });

  it.each<[string, Partial<HubOptions>, string, string, string]>([
    ['a missing file', {}, 'nope.json', 'source/missing-file', 'owner/model has no file nope.json'],
    ['an unknown repository', { repository: 'owner/nope' }, 'config.json', 'hub/not-found', 'check the name'],
    ['a gated repository', { repository: 'owner/gated' }, 'config.json', 'hub/gated', 'accept its terms'],
    ['an unknown revision', { revision: 'v2' }, 'config.json', 'hub/revision', 'no revision v2'],
    ['no server', { endpoint: 'http://127.0.0.1:9' }, 'config.json', 'hub/unreachable', 'check the connection'],
    ['a path that leads out', {}, '../config.json', 'source/path', 'without ".."'],
  ])('says what to do about %s', async (_, options, file, code, words) => {
    const error = await model(options)
      .read(file)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'UserError', code, message: expect.stringContaining(words) as string });
  });

  it.each(['', 'a/b/c', '../x', 'a/..', 'a b', '-a/b', 'a/b.git', 'a//b', 'x'.repeat(97)])(
    'refuses the repository id %j',
    (repository) => expect(() => model({ repository })).toThrow(/owner\/name/),
  );

  it('refuses revisions and endpoints that are none, and takes those that are', () => {
    for (const revision of ['', '../x', 'a b', '/main']) expect(() => model({ revision })).toThrow(/not a revision/);
    for (const endpoint of ['', 'huggingface.co', 'ftp://x'])
      expect(() => model({ endpoint })).toThrow(/address of a hub/);
    for (const repository of ['gpt2', 'a/b', 'FacebookAI/roberta-base', 'nreimers/MiniLM-L6-H384-uncased']) {
      expect(model({ repository }).label).toBe(repository);
    }
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    const reading = model().read('model.safetensors', { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await expect(model().read('config.json', { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
    hub.fail('config.json', { status: 503 });
    const later = new AbortController();
    setTimeout(() => later.abort(), 50);
    await expect(model({ retryDelay: 30_000 }).read('config.json', { signal: later.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('hubSource with a cache', () => {
  it('downloads once, and then needs no hub', async () => {
    const cache = folderCache(path.join(folder, 'cache'));
    const source = model({ cache });
    await source.read('config.json');
    expect(same(await source.read('model.safetensors'), big)).toBe(true);
    hub.requests.length = 0;
    expect(same(await source.read('model.safetensors', { range: [5, 50] }), big.subarray(5, 50))).toBe(true);
    expect(await source.exists('config.json')).toBe(true);
    expect((await source.open('model.safetensors')).size).toBe(big.length);
    expect(hub.requests).toEqual([]);

    const key = {
      endpoint: hub.endpoint,
      repositoryType: 'model',
      repository: 'owner/model',
      revision: 'main',
    } as const;
    const entries = await cache.list();
    expect(entries).toHaveLength(2);
    expect(entries).toContainEqual({ key: { ...key, file: 'config.json' }, size: text.length });
    expect(entries).toContainEqual({ key: { ...key, file: 'model.safetensors' }, size: big.length });
    await cache.delete({ ...key, file: 'config.json' });
    await cache.delete({ ...key, file: 'config.json' });
    expect((await cache.list()).map(({ key }) => key.file)).toEqual(['model.safetensors']);
  });

  it('keeps nothing of a download that failed, and reads on without room to keep it', async () => {
    const cache = folderCache(path.join(folder, 'cache2'));
    hub.fail('model.safetensors', ...Array.from({ length: 5 }, () => ({ cutAfter: 10 })));
    await expect(model({ cache }).read('model.safetensors')).rejects.toMatchObject({ code: 'hub/cut-off' });
    expect(await cache.list()).toEqual([]);
    const full = { ...cache, put: () => Promise.reject(new DOMException('full', 'QuotaExceededError')) };
    expect(same(await model({ cache: full }).read('model.safetensors'), big)).toBe(true);
  });
});

describe('data sets', () => {
  it('reads the repository’s own Parquet files, and lists those the hub converted', async () => {
    const glue = { repository: 'nyu-mll/glue', repositoryType: 'dataset', endpoint: hub.endpoint } as const;
    const own = await hubSource(glue).read('cola/train-00000-of-00001.parquet');
    expect(new TextDecoder().decode(own)).toBe('main');
    const files = await listParquet({ ...glue, config: 'cola', split: 'train' });
    expect(files).toEqual(['cola/train/0000.parquet', 'cola/train/0001.parquet']);
    const converted = hubSource({ ...glue, revision: 'refs/convert/parquet' });
    expect(new TextDecoder().decode(await converted.read(files[1]!))).toBe('second');
    expect(hub.requests.map(({ url }) => url)).toContain(
      '/datasets/nyu-mll/glue/resolve/refs%2Fconvert%2Fparquet/cola/train/0001.parquet',
    );
    await expect(listParquet({ ...glue, config: 'cola', split: 'dev' })).rejects.toMatchObject({
      code: 'source/missing-file',
    });
  });
});

describe('urlSource', () => {
  it('reads files under a base, and takes a page in place of a file for a missing file', async () => {
    const source = urlSource(`${hub.endpoint}/owner/model/resolve/main`, { label: 'the bundled model', retryDelay: 1 });
    expect(new TextDecoder().decode(await source.read('config.json'))).toBe(text);
    expect(same(await source.read('model.safetensors', { range: [7, 9] }), big.subarray(7, 9))).toBe(true);
    expect(await source.exists('config.json')).toBe(true);
    expect(await source.exists('nope.json')).toBe(false);
    await expect(source.read('nope.json')).rejects.toThrow('the bundled model has no file nope.json');
    hub.fail('config.json', { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
    expect(await source.exists('config.json')).toBe(false);
  });
});
