/** `npm run screenshots`: the pictures in `docs/`, from a real run of the built site. */
import config from './playwright.config';

export default { ...config, projects: undefined, workers: 1, testMatch: 'screenshots.ts', timeout: 1_800_000 };
