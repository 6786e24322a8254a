/** `npm run bench`: as the journeys, each run a test, so that `--shard` splits them. */
import config from './playwright.config';

export default {
  ...config,
  projects: undefined,
  workers: 1,
  testMatch: 'bench.ts',
  fullyParallel: true,
  // A run takes as long as it takes.
  timeout: 0,
  use: { ...config.use, trace: 'off' as const },
};
