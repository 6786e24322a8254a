import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from './score';

let folder: string;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'score-'));
  printed = [];
  const print = (text: string) => void printed.push(text);
  vi.spyOn(console, 'log').mockImplementation(print);
  vi.spyOn(console, 'error').mockImplementation(print);
  await writeFile(
    path.join(folder, 'refs.csv'),
    'mr,ref\nname[A],A is a cheap pub.\nname[C],C serves good food here.\n',
  );
  await writeFile(
    path.join(folder, 'out.tsv'),
    'MR\toutput\nname[C]\tC serves good food here.\nname[A]\tA is a cheap pub.\n',
  );
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const run = async (...args: string[]) => ({ status: await main(args), output: printed.join('\n') });
const at = (name: string) => path.join(folder, name);

describe('npm run score', () => {
  it('prints the measures as JSON', async () => {
    const { status, output } = await run('e2e', at('out.tsv'), at('refs.csv'));
    expect(status).toBe(0);
    const scores = JSON.parse(output) as Record<string, number>;
    expect(Object.keys(scores)).toEqual(['bleu', 'nist', 'meteor', 'rougeL', 'cider']);
    expect(scores).toMatchObject({ bleu: 1, rougeL: 1 });
  });
  it('says in a sentence what is wrong', async () => {
    expect(await run('e2e', at('gone.tsv'), at('refs.csv'))).toEqual({
      status: 1,
      output: `${folder} has no file gone.tsv.`,
    });
    printed = [];
    expect((await run('e2e', at('refs.csv'), at('refs.csv'))).output).toMatch(/refs\.csv has no column "MR"|"output"/);
  });
  it('tells its usage', async () => {
    expect(await run('--help')).toMatchObject({ status: 0, output: expect.stringMatching(/score -- e2e OUTPUTS/) });
    for (const args of [[], ['e2e'], ['e2e', 'a'], ['e2e', 'a', 'b', 'c'], ['constructor', 'a', 'b']])
      expect((await run(...args)).status).toBe(2);
  });
});
