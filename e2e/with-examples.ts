/**
 * The site with a method and a task from outside `src`: built as ever, with their files added to the two registries on the way, for the
 * page and for its worker alike. No file of `src` is edited.
 */
import path from 'node:path';
import { build, preview, type InlineConfig, type Plugin } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

function registration(call: string, name: string, file: string): string {
  const example = JSON.stringify(path.join(root, 'examples', `${file}.ts`));
  return `\nimport { ${name} as example } from ${example};\n${call}(example);\n`;
}

/** What is added, by the registry that takes it. */
const added: Readonly<Record<string, string>> = {
  [path.join(root, 'src/methods/core/registry.ts')]: registration('registerMethod', 'method', 'steered-keys'),
  [path.join(root, 'src/tasks/core/registry.ts')]: registration('registerTask', 'task', 'two-numbers'),
};

const examples = (): Plugin => ({
  name: 'examples',
  enforce: 'pre',
  transform(code, id) {
    const more = added[path.resolve(id)];
    return more === undefined ? undefined : { code: code + more, map: null };
  },
});

const config: InlineConfig = {
  root,
  logLevel: 'warn',
  plugins: [examples()],
  worker: { plugins: () => [examples()] },
  build: { outDir: 'out/e2e-examples', emptyOutDir: true },
  preview: { host: '127.0.0.1', port: 4189, strictPort: true },
};

/** Builds and serves it. @returns where it is, and what ends it */
export async function serveWithExamples(): Promise<{ url: string; close: () => Promise<void> }> {
  await build(config);
  const server = await preview(config);
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}
