/**
 * Runs a TypeScript entry of this project under Node, through Vite, so that `?raw` shaders and imports mean the same as in the page.
 *
 * usage: node scripts/node.mjs src/cli/recipe.ts [arguments…]; the entry exports `main(args): Promise<number>` (an exit code)
 */
import { createServer } from 'vite';
import { useSoftwareDriverIfNone } from './browser.mjs';

const [entry, ...args] = process.argv.slice(2);
useSoftwareDriverIfNone();
const server = await createServer({
  appType: 'custom',
  logLevel: 'error',
  server: { middlewareMode: true, hmr: false, watch: null, ws: false },
  optimizeDeps: { noDiscovery: true },
});
const { main } = await server.ssrLoadModule('/' + entry);
const code = await main(args);
await server.close();
// Dawn keeps the process alive: leave explicitly.
process.exit(code);
