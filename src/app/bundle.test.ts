/** The first load's budget: what a visitor waits for before tokenizer and charts are needed, the engine's worker included. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { beforeAll, expect, it, vi } from 'vitest';

let output: Rollup.RollupOutput['output'];
beforeAll(async () => {
  // What visitors get: a test's own environment would build React for development.
  vi.stubEnv('NODE_ENV', 'production');
  const root = fileURLToPath(new URL('../..', import.meta.url));
  ({ output } = (await build({ root, logLevel: 'error', build: { write: false } })) as Rollup.RollupOutput);
}, 120_000);

const budget = 400 * 1024;

it('loads at most 400 KB of compressed JavaScript first, and tokenizer and charts later', () => {
  const chunks = new Map(output.filter((file) => file.type === 'chunk').map((chunk) => [chunk.fileName, chunk]));
  const first = new Set<string>();
  const add = (fileName: string) => {
    if (first.has(fileName)) return;
    first.add(fileName);
    for (const imported of chunks.get(fileName)?.imports ?? []) add(imported);
  };
  for (const chunk of chunks.values()) if (chunk.isEntry) add(chunk.fileName);
  const worker = output.filter(
    ({ type, fileName }) => type === 'asset' && /entry-[\w-]+\.js$/.test(fileName),
  ) as Rollup.OutputAsset[];
  expect(worker, 'the worker’s own file').toHaveLength(1);
  const page = [...first].map((name) => chunks.get(name)!.code);
  const sizes = [...page, ...worker.map(({ source }) => source)].map((code) => gzipSync(code).length);
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(budget);

  const later = output
    .filter(({ fileName }) => fileName.endsWith('.js') && !first.has(fileName))
    .map((file) => (file.type === 'chunk' ? file.code : String(file.source)));
  expect(
    page.some((code) => code.includes('recharts')),
    'charts in the first load',
  ).toBe(false);
  expect(later.some((code) => code.includes('recharts'))).toBe(true);
  expect(
    worker.some(({ source }) => String(source).includes('MetaspacePreTokenizer')),
    'tokenizer in the worker’s first load',
  ).toBe(false);
});

it('carries its Content-Security-Policy, and works under any base path', () => {
  const html = String((output.find(({ fileName }) => fileName === 'index.html') as Rollup.OutputAsset).source);
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1]?.replaceAll('&#39;', "'");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toMatch(/script-src 'self';/);
  expect(policy).toMatch(/connect-src 'self' blob: https:\/\/huggingface\.co/);
  expect(html).not.toMatch(/<script(?![^>]* src=)/);
  expect(
    [...html.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, url]) => url).every((url) => url!.startsWith('./')),
  ).toBe(true);
});
