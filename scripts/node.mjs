/**
 * Runs a TypeScript entry of this project under Node, through Vite, so that `?raw` shaders and imports mean the same as in the page.
 *
 * usage: node scripts/node.mjs src/cli/recipe.ts [arguments…]; the entry exports `main(args): Promise<number>` (an exit code)
 */
import { spawnSync } from 'node:child_process';
import { createServer } from 'vite';
import { softwareDriverEnvironment } from './browser.mjs';

const environment = softwareDriverEnvironment();
if (Object.keys(environment).length) {
  // The dynamic loader reads its path at a process's start: start again with it.
  const { status } = spawnSync(process.execPath, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  process.exit(status ?? 1);
}
const [entry, ...args] = process.argv.slice(2);
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
