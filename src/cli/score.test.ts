import { existsSync } from 'node:fs';
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
  it('scores answers of SQuAD, and counts what is not answered as wrong', async () => {
    const qas = ['q1', 'q2', 'q3'].map((id) => ({ id, question: '?', answers: [{ text: 'red', answer_start: 2 }] }));
    await writeFile(at('data.json'), JSON.stringify({ data: [{ paragraphs: [{ context: 'A red car.', qas }] }] }));
    await writeFile(at('answers.json'), JSON.stringify({ q1: 'The red.', q2: 'red car' }));
    const { status } = await run('squad', at('answers.json'), at('data.json'));
    expect(status).toBe(0);
    expect(printed[0]).toMatch(/^1 of 3 questions have no answer, such as q3/);
    expect(JSON.parse(printed[1]!)).toEqual({ exactMatch: 100 / 3, f1: (100 * (1 + 2 / 3)) / 3 });
    printed = [];
    expect((await run('squad', at('data.json'), at('data.json'))).output).toMatch(/data\.json is not a JSON object/);
  });
  const [predictions, data] = ['pred_BERT', 'dev-v1.1.rebuilt'].map((name) => `../shared/data/squad/${name}.json`);
  it.skipIf(!existsSync(data!))('gives the official figures of BERT on SQuAD', async () => {
    await run('squad', predictions!, data!);
    expect(JSON.parse(printed[0]!)).toEqual({ exactMatch: 86.20624408703878, f1: 92.19557978351129 });
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
    expect(await run('--help')).toMatchObject({
      status: 0,
      output: expect.stringMatching(/score -- squad\|e2e OUTPUTS/),
    });
    for (const args of [[], ['e2e'], ['e2e', 'a'], ['e2e', 'a', 'b', 'c'], ['constructor', 'a', 'b']])
      expect((await run(...args)).status).toBe(2);
  });
});
