/**
 * `npm run bench:peers [-- --rounds 7]`: one LoRA step (forward, backward, AdamW) of a 4-layer, 256-wide encoder, batch 8 × 64, and a
 * 512³ matmul, by this engine, jax-js and TensorFlow.js, in one Chromium. Prints a table of medians and ratios, with the adapter's
 * name, and writes `out/peers/results.json`. Fails where the contestants' losses disagree.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { installBrowser } from '../../scripts/browser.mjs';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, gpu: { type: 'boolean', default: false } },
});
const root = 'bench/peers';
const outDir = '../../out/peers/page';
await build({
  root,
  configFile: false,
  base: './',
  logLevel: 'error',
  build: { outDir, emptyOutDir: true, target: 'esnext', chunkSizeWarningLimit: 1e5 },
});
const server = await preview({ root, configFile: false, logLevel: 'error', build: { outDir }, preview: { port: 0 } });
const adapterFlags = options.gpu
  ? ['--enable-features=Vulkan', '--ignore-gpu-blocklist']
  : ['--use-webgpu-adapter=swiftshader'];
const quiet = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
const browser = await chromium.launch({
  executablePath: installBrowser(),
  args: [...quiet, '--enable-unsafe-webgpu', ...adapterFlags],
});
const page = await browser.newPage();
page.setDefaultTimeout(1_800_000);
page.on('pageerror', (error) => console.error(`page: ${error.message}`));
await page.goto(server.resolvedUrls.local[0]);
await page.waitForFunction('window.ready');
const results = await page.evaluate((rounds) => window.contest(rounds), Number(options.rounds));
const version = browser.version();
await browser.close();
await server.close();

const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];
const [mine, ...peers] = results;
const stepRatio = median(mine.steps);
const matmulRatio = median(mine.matmuls);
const lines = [
  `Adapter: ${mine.device}; Chromium ${version}; median of ${options.rounds} rounds, contestants in turns`,
  '',
  '| | LoRA step, ms | relative | first step, ms | 512³ matmul, ms | GFLOP/s | relative | last loss |',
  '|---|---:|---:|---:|---:|---:|---:|---:|',
  ...results.map(({ name, steps, first, matmuls, losses }) => {
    const [step, matmul] = [median(steps), median(matmuls)];
    return `| ${name} | ${step.toFixed(0)} | ${(step / stepRatio).toFixed(2)}× | ${first.toFixed(0)} | ${matmul.toFixed(1)} | ${((2 * 512 ** 3) / matmul / 1e6).toFixed(2)} | ${(matmul / matmulRatio).toFixed(2)}× | ${losses.at(-1).toFixed(5)} |`;
  }),
];
console.log(lines.join('\n'));
mkdirSync('out/peers', { recursive: true });
writeFileSync('out/peers/results.json', `${JSON.stringify({ browser: version, results }, null, 2)}\n`);

for (const { name, losses, matmulError } of results) {
  const worst = Math.max(...losses.map((loss, i) => Math.abs(loss - mine.losses[i])));
  if (!(worst < 1e-3) || !(matmulError < 1e-4)) {
    console.error(`${name} computes something else: losses differ by ${worst}, the matmul by ${matmulError}.`);
    process.exitCode = 1;
  }
}
console.log(
  `\nThe faster peer takes ${(Math.min(...peers.map(({ steps }) => median(steps))) / stepRatio).toFixed(2)} times as long per step.`,
);
process.exit();
