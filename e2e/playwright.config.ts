/** The built site, under a base path as on GitHub Pages, in a real Chromium with WebGPU (SwiftShader where there is no GPU). */
import { defineConfig } from '@playwright/test';
// @ts-expect-error A plain script, without types.
import { installBrowser } from '../scripts/browser.mjs';

const port = 4187;
const software = process.env['GPU'] === undefined;

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  // Two files at a time: while one waits for its adapter or looks for faults of accessibility, the other has a core. A GPU is not shared.
  workers: software ? 2 : 1,
  projects: [
    { name: 'journeys', testIgnore: 'main-thread.spec.ts' },
    // What counts milliseconds runs alone.
    { name: 'main thread', testMatch: 'main-thread.spec.ts', dependencies: ['journeys'] },
  ],
  timeout: 600_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
  use: {
    baseURL: `http://127.0.0.1:${port}/some/base/`,
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: installBrowser() as string,
      args: [
        ...[
          '--no-sandbox',
          '--enable-unsafe-webgpu',
          ...(software ? ['--use-webgpu-adapter=swiftshader'] : ['--enable-features=Vulkan', '--ignore-gpu-blocklist']),
        ],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
      ],
    },
  },
  webServer: {
    command: `npx vite build --logLevel warn --outDir out/e2e --emptyOutDir && npx vite preview --outDir out/e2e --base /some/base/ --host 127.0.0.1 --port ${port} --strictPort`,
    cwd: '..',
    // The stand-in for the hub listens on a port of its own.
    env: { CONNECT_SRC: 'http://127.0.0.1:*' },
    url: `http://127.0.0.1:${port}/some/base/`,
    timeout: 120_000,
    reuseExistingServer: false,
  },
});
