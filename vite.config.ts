import { readFile } from 'node:fs/promises';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const endpoint = process.env['HF_ENDPOINT'] ?? 'https://huggingface.co';
/** The hub, the storage it redirects to, and what `CONNECT_SRC` adds, e.g. a mirror that visitors may choose. */
const connect = [
  "'self'",
  'blob:',
  new URL(endpoint).origin,
  'https://huggingface.co',
  'https://*.huggingface.co',
  'https://*.hf.co',
  process.env['CONNECT_SRC'] ?? '',
];

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  // Mantine writes its theme into a style element.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  `connect-src ${[...new Set(connect.filter(Boolean))].join(' ')}`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The built page carries its policy itself, since static hosts send no headers of ours. */
const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: policy }, injectTo: 'head-prepend' },
  ],
};

/** Comments of shaders are for readers of the source, not for visitors to download. Directives (`//#if`) stay. */
const shadersWithoutComments: Plugin = {
  name: 'shaders-without-comments',
  apply: 'build',
  enforce: 'pre',
  async load(id) {
    if (!id.endsWith('.wgsl?raw')) return;
    const source = await readFile(id.slice(0, -'?raw'.length), 'utf8');
    const lines = source.split('\n').map((line) => line.replace(/\s*\/\/(?!#).*$/, '').trimStart());
    return `export default ${JSON.stringify(lines.filter(Boolean).join('\n'))};`;
  },
};

export default defineConfig({
  base: './',
  plugins: [contentSecurityPolicy, shadersWithoutComments],
  define: { __HUB_ENDPOINT__: JSON.stringify(endpoint) },
  worker: { format: 'es', plugins: () => [shadersWithoutComments] },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    // Mantine marks its modules for servers that render; here there is none.
    rolldownOptions: { onLog: (level, log, report) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && report(level, log) },
  },
  // Workers take their policy from headers, so the preview sends it too.
  preview: { headers: { 'Content-Security-Policy': policy } },
  test: {
    include: ['src/**/*.test.ts', 'examples/*.test.ts'],
    globalSetup: ['scripts/vitest-setup.mjs'],
    // One device at a time: a software adapter already uses every core.
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 300_000,
  },
});
