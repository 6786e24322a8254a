/** The built site, under a base path as on GitHub Pages, in a real Chromium with WebGPU (SwiftShader where there is no GPU). */
import { defineConfig } from '@playwright/test';
// @ts-expect-error A plain script, without types.
import { installBrowser } from '/work/main/scripts/browser.mjs';

const port = 4399;
const software = process.env['GPU'] === undefined;

export default defineConfig({
  testDir: '.',
  outputDir: '/tmp/e2e-results',
  // One run at a time: a software adapter already uses every core.
  workers: 1,
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
    command: `npx vite build --logLevel warn --outDir /tmp/e2e-dist --emptyOutDir && npx vite preview --outDir /tmp/e2e-dist --base /some/base/ --host 127.0.0.1 --port ${port} --strictPort`,
    cwd: '/work/main',
    url: `http://127.0.0.1:${port}/some/base/`,
    timeout: 120_000,
    reuseExistingServer: false,
  },
});
