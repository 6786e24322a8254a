import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { startHubStandIn } from '../checkpoint/hub-stand-in.node';
import { writeFolder } from '../checkpoint/node';
import { glue as glueData } from '../data/glue';
import type { Results } from '../train/events';
import { main } from './recipe';

/* The command line as a person uses it: files in, exit status, files out. */

let folder: string;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'recipe-'));
  printed = [];
  const print = (text: string) => void printed.push(text);
  vi.spyOn(console, 'log').mockImplementation(print);
  vi.spyOn(console, 'error').mockImplementation(print);
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function run(recipe: object | string, ...args: string[]): Promise<{ status: number; output: string }> {
  const file = path.join(folder, 'recipe.json');
  await writeFile(file, typeof recipe === 'string' ? recipe : JSON.stringify(recipe));
  const status = await main([file, ...args]);
  return { status, output: printed.join('\n') };
}

const training = { maxSteps: 2, batchSize: 4, maxLength: 16 };

describe('npm run recipe', () => {
  it('trains the bundled default and writes everything', async () => {
    const out = path.join(folder, 'out');
    const { status, output } = await run({ task: 'sample', training, evaluation: { limit: 4 } }, '--out', out);
    expect(output).toMatch(/hut: accuracy/);
    expect(status).toBe(0);
    const results = JSON.parse(await readFile(path.join(out, 'results.json'), 'utf8')) as Results;
    for (const { id, steps } of results.methods) {
      expect(steps).toHaveLength(2);
      for (const file of [
        'predictions.jsonl',
        'adapter/adapter_config.json',
        'adapter/adapter_model.safetensors',
        'merged/model.safetensors',
        'merged/config.json',
        'merged/tokenizer.json',
      ])
        expect((await readFile(path.join(out, id, file))).length, file).toBeGreaterThan(10);
    }
  });

  it('writes what the words did for the answers, and whether that is faithful', async () => {
    const out = path.join(folder, 'out');
    const recipe = {
      task: 'questions',
      methods: [{ method: 'lora', targetModules: ['query'] }],
      training: { ...training, maxSteps: 1, batchSize: 1, maxLength: 64, docStride: 16 },
      evaluation: { limit: 1 },
      output: { highlights: 1, merged: false, adapter: false },
    };
    const { status, output } = await run(recipe, '--out', out);
    expect(status, output).toBe(0);
    const lines = (await readFile(path.join(out, 'lora/highlights.jsonl'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(1);
    const { answer, words, values, completenessError, areas } = JSON.parse(lines[0]!) as {
      answer: string;
      words: { text: string; marked: boolean }[];
      values: Record<string, number[]>;
      completenessError: number;
      areas: Record<'deletion' | 'insertion', Record<string, number>>;
    };
    const marked = words.flatMap(({ text, marked }) => (marked ? [text] : []));
    expect(marked.join('')).toContain(answer);
    for (const kind of ['attention', 'integratedGradients']) expect(values[kind], kind).toHaveLength(words.length);
    expect(completenessError).toBeLessThan(0.01);
    const faithfulness = JSON.parse(await readFile(path.join(out, 'lora/faithfulness.json'), 'utf8')) as {
      examples: number;
      deletion: Record<string, { values: number[]; area: number }>;
    };
    expect(faithfulness.examples).toBe(1);
    expect(faithfulness.deletion['random']!.area).toBe(areas.deletion['random']);
  });

  it('trains every GLUE task from the hub through one endpoint', async () => {
    // A few rows of our own in the hub's own layout; the checkpoint comes from the same stand-in.
    const glue = new Map<string, Uint8Array>();
    for (const { hub, columns, kind, labelNames } of glueData) {
      if (!hub) continue;
      const rows = Array.from({ length: 8 }, (_, i) => i);
      const text = (name: string) => ({
        name,
        data: rows.map((i) => `The ${name} of row ${i} says ${i % 2 ? 'yes' : 'no'}.`),
        type: 'STRING' as const,
      });
      const label =
        kind === 'regression'
          ? { name: columns.label, data: rows.map((i) => i / 2), type: 'FLOAT' as const }
          : { name: columns.label, data: rows.map((i) => BigInt(i % labelNames.length)), type: 'INT64' as const };
      const parquet = new Uint8Array(
        parquetWriteBuffer({ columnData: [text(columns.text), ...(columns.pair ? [text(columns.pair)] : []), label] }),
      );
      for (const split of Object.values(hub.splits)) glue.set(`${hub.config}/${split}-00000-of-00001.parquet`, parquet);
    }
    const dataset = path.join(folder, 'glue');
    await writeFolder(dataset, glue);
    const hub = await startHubStandIn({
      'someone/tiny-roberta': 'public/checkpoints/tiny-roberta',
      'datasets/nyu-mll/glue': dataset,
    });
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    vi.stubEnv('HUT_PLAYGROUND_CACHE', path.join(folder, 'cache'));
    const weightRequests = () =>
      hub.requests.filter((request) => JSON.stringify(request).includes('/model.safetensors')).length;
    let afterFirst = 0;
    try {
      for (const { id: task, metrics } of glueData) {
        const out = path.join(folder, task);
        const { status, output } = await run(
          { checkpoint: 'someone/tiny-roberta', task, training, output: { merged: false } },
          '--out',
          out,
        );
        expect(status, `${task}: ${output}`).toBe(0);
        const results = JSON.parse(await readFile(path.join(out, 'results.json'), 'utf8')) as Results;
        for (const { evaluations, steps } of results.methods) {
          expect(
            steps.every(({ loss }) => Number.isFinite(loss)),
            task,
          ).toBe(true);
          expect(Object.keys(evaluations[0]!.metrics), task).toEqual(expect.arrayContaining([...metrics.names]));
        }
        afterFirst ||= weightRequests();
        expect(afterFirst).toBeGreaterThan(0);
        if (task === 'mnli')
          expect(Object.keys(results.methods[0]!.evaluations[0]!.metrics)).toContain('accuracy_mismatched');
      }
      // Weights were downloaded for the first task and came from the cache for the others.
      expect(weightRequests()).toBe(afterFirst);
    } finally {
      await hub.close();
    }
  });

  it('--dry-run needs a config.json and nothing else', async () => {
    const { status, output } = await run({ task: 'rte', checkpoint: './model' }, '--dry-run').catch(
      (error: unknown) => ({ status: -1, output: String(error) }),
    );
    expect(status).toBe(1);
    expect(output).toMatch(/There is no folder/);
    printed = [];
    await writeFolder(
      path.join(folder, 'model'),
      new Map([['config.json', await readFile('public/checkpoints/tiny-roberta/config.json')]]),
    );
    const dry = await run({ task: 'rte', checkpoint: './model' }, '--dry-run');
    expect(dry.status).toBe(0);
    const { methods } = JSON.parse(dry.output) as { methods: { id: string; trainableParameters: number }[] };
    expect(methods.map(({ id, trainableParameters }) => [id, trainableParameters])).toEqual([
      ['hut', 36_864],
      ['lora', 32_768],
    ]);
  });

  it('says what is wrong and leaves with status 1', async () => {
    expect((await run('{', '--dry-run')).status).toBe(1);
    expect(printed.at(-1)).toMatch(/is not JSON/);
    expect((await run({ task: 'poems' }, '--dry-run')).status).toBe(1);
    expect(printed.at(-1)).toMatch(/no task "poems"; there are sample, /);
    await writeFile(path.join(folder, 'taken'), '');
    expect((await run({ task: 'sample' }, '--out', path.join(folder, 'taken', 'out'))).status).toBe(1);
    expect(printed.at(-1)).toMatch(/cannot be written into/);
    expect(await main([])).toBe(2);
  });
});
