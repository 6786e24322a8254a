/**
 * `npm start`: everything from a fresh clone to the open page. Installs what is missing, builds, serves, and opens a browser;
 * where there is no screen, says where the page is. Arguments: `--port 4173`, `--no-open`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '4173' }, 'no-open': { type: 'boolean', default: false } },
});

const installed = 'node_modules/.package-lock.json';
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
  console.log('Installing dependencies …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

const { build, preview } = await import('vite');
console.log('Building …');
await build({ logLevel: 'warn' });
const screen =
  process.platform === 'darwin' ||
  process.platform === 'win32' ||
  Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY);
const server = await preview({
  preview: { port: Number(values.port), open: screen && !values['no-open'] },
  logLevel: 'warn',
});
const url = server.resolvedUrls.local[0];
console.log(`HUT Playground is at ${url}`);
if (!screen)
  console.log(
    'There is no screen here: open that address in a browser with WebGPU, or forward the port (WebGPU needs https or localhost).',
  );
console.log('Ctrl+C ends it.');
