import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: './',
  test: {
    include: ['src/**/*.test.ts'],
    globalSetup: ['scripts/vitest-setup.mjs'],
    // One device at a time: a software adapter already uses every core.
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
  },
});
