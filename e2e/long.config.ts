/** `npm run e2e:long`: journeys that take minutes on a software adapter. */
import config from './playwright.config';

export default { ...config, projects: undefined, workers: 1, testMatch: '*.long.ts', timeout: 1_800_000 };
