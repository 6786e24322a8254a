import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hubSource } from '../checkpoint/hub';
import { startHubStandIn, type HubStandIn } from '../checkpoint/hub-stand-in.node';
import { folderSource } from '../checkpoint/node';
import { memorySource } from '../checkpoint/source';
import { glue, knownData } from './glue';
import { ownData, type Example, type LabelledData } from './labelled';
import { holdOut, loadLabelled, loadOwnTable } from './load-labelled';

/** A split as the hub keeps it: texts, `label` (int64, or float for STS-B) and `idx` (int32), snappy. */
function hubSplit({ columns, kind }: LabelledData, examples: Example[]): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: columns.text, data: examples.map(({ text }) => text), type: 'STRING' },
        ...(columns.pair
          ? [{ name: columns.pair, data: examples.map(({ pair }) => pair!), type: 'STRING' as const }]
          : []),
        kind === 'regression'
          ? { name: 'label', data: examples.map(({ label }) => label), type: 'FLOAT' }
          : { name: 'label', data: examples.map(({ label }) => BigInt(label)), type: 'INT64' },
        { name: 'idx', data: examples.map((_, i) => i), type: 'INT32' },
      ],
    }),
  );
}

const rows = (task: LabelledData, count: number): Example[] =>
  Array.from({ length: count }, (_, i) => ({
    text: `first ${task.id} ${i} "quoted"\tand \u00e9`,
    ...(task.columns.pair && { pair: `second ${i}` }),
    label: task.kind === 'regression' ? i / 4 : i % task.numLabels,
  }));

describe('from the hub', () => {
  let folder: string;
  let hub: HubStandIn;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'glue-'));
    for (const task of glue) {
      const { config, splits: named } = task.hub!;
      await mkdir(path.join(folder, config));
      const splits: [string | undefined, number][] = [
        [named.train, 20],
        [named.validation, 8],
        [named.validationMismatched, 5],
      ];
      for (const [split, count] of splits) {
        if (split)
          await writeFile(
            path.join(folder, config, `${split}-00000-of-00001.parquet`),
            hubSplit(task, rows(task, count)),
          );
      }
    }
    hub = await startHubStandIn({ 'datasets/nyu-mll/glue': folder });
  });
  afterAll(async () => {
    await hub.close();
    await rm(folder, { recursive: true });
  });
  const source = () => hubSource({ repository: 'nyu-mll/glue', repositoryType: 'dataset', endpoint: hub.endpoint });

  it.each(glue.map(({ id }) => id))('%s', async (id) => {
    const data = knownData(id);
    const { splits, heldOut } = await loadLabelled(data, { hub: source() });
    expect(heldOut).toBe(false);
    expect([...splits]).toEqual([
      ['train', rows(data, 20)],
      ['validation', rows(data, 8)],
      ...(id === 'mnli' ? [['validationMismatched', rows(data, 5)]] : []),
    ]);
  });

  it('refuses a file of another layout, and a test split', async () => {
    const { config, splits } = knownData('rte').hub!;
    const files = (bytes: Uint8Array) =>
      memorySource(new Map([[`${config}/${splits.train}-00000-of-00001.parquet`, bytes]]), 'mirror');
    await expect(
      loadLabelled(knownData('rte'), { hub: files(hubSplit(knownData('sst2'), rows(knownData('sst2'), 3))) }),
    ).rejects.toMatchObject({
      code: 'data/column-missing',
      message: expect.stringMatching(/rte\/train.*no column "sentence1".*"sentence", "label", "idx"/),
    });
    const unlabelled = rows(knownData('rte'), 2).map((row) => ({ ...row, label: -1 }));
    await expect(
      loadLabelled(knownData('rte'), { hub: files(hubSplit(knownData('rte'), unlabelled)) }),
    ).rejects.toMatchObject({
      code: 'data/label-out-of-range',
    });
    await expect(loadLabelled(knownData('rte'), { hub: files(hubSplit(knownData('rte'), [])) })).rejects.toMatchObject({
      code: 'data/empty-split',
    });
  });

  it('says where a task without a hub layout or official files can come from', async () => {
    await expect(loadLabelled(knownData('sample'), { hub: source() })).rejects.toMatchObject({
      code: 'data/no-hub-layout',
    });
    const own = ownData('Mine', { text: 'a', label: 'b' }, ['x', 'y']);
    await expect(loadLabelled(own, { folder: source() })).rejects.toMatchObject({ code: 'data/no-tsv-layout' });
  });
});

describe('from a folder', () => {
  it('the bundled sample: balanced, and no sentence twice', async () => {
    const { splits } = await loadLabelled(knownData('sample'), { folder: folderSource('public/data/sample') });
    const [train, validation] = [splits.get('train')!, splits.get('validation')!];
    expect([train.length, validation.length]).toEqual([1200, 300]);
    for (const split of [train, validation]) {
      expect(split.filter(({ label }) => label === 1)).toHaveLength(split.length / 2);
      // Mixed in the file's own order, so that training without shuffling works too.
      const longestRun = split
        .map(({ label }) => label)
        .join('')
        .match(/0+|1+/g)!
        .reduce((a, b) => Math.max(a, b.length), 0);
      expect(longestRun).toBeLessThan(12);
    }
    const sentences = [...train, ...validation].map(({ text }) => text.toLowerCase().replaceAll(/\W+/g, ' ').trim());
    expect(new Set(sentences).size).toBe(1500);
  });

  const rte = '../shared/data/glue/RTE';
  it.skipIf(!existsSync(rte))(`RTE as distributed${existsSync(rte) ? '' : ` (skipped: no ${rte})`}`, async () => {
    const { splits } = await loadLabelled(knownData('rte'), { folder: folderSource(rte) });
    expect([...splits.values()].map((split) => split.length)).toEqual([2490, 277]);
  });
});

describe('from named files', () => {
  const csv = (rowsOf: Example[]) =>
    new TextEncoder().encode(
      `sentence,label,note\n${rowsOf.map(({ text, label }) => `"${text}",${label},x`).join('\n')}\n`,
    );
  const sentences = Array.from({ length: 30 }, (_, i) => ({ text: `sentence, ${i}`, label: i % 2 }));

  it('any table format with the hub columns serves a known task', async () => {
    const source = memorySource(new Map([['train.csv', csv(sentences)]]));
    const loaded = await loadLabelled(knownData('sst2'), { files: { train: { source, path: 'train.csv' } }, seed: 1 });
    expect(loaded).toMatchObject({ heldOut: true });
    const [train, validation] = [loaded.splits.get('train')!, loaded.splits.get('validation')!];
    expect([train.length, validation.length]).toEqual([27, 3]);
    expect(
      [...train, ...validation].sort(
        (a, b) => sentences.findIndex((s) => s.text === a.text) - sentences.findIndex((s) => s.text === b.text),
      ),
    ).toEqual(sentences);
  });

  it("a table of the user's own becomes a task; classes come from the training file", async () => {
    const source = memorySource(
      new Map([
        ['a.csv', csv(sentences)],
        ['b.csv', csv([{ text: 'other', label: 1 }])],
        ['c.csv', csv([{ text: 'x', label: 7 }])],
      ]),
    );
    const mapping = { text: 'sentence', label: 'label', labels: { '0': 'no', '1': 'yes' } };
    const files = { train: { source, path: 'a.csv' }, validation: { source, path: 'b.csv' } };
    const loaded = await loadOwnTable(files, mapping, 1);
    expect(loaded.data).toMatchObject({ title: 'a.csv', labelNames: ['no', 'yes'] });
    expect(loaded.splits.get('validation')).toEqual([{ text: 'other', label: 1 }]);
    expect(loaded.splits.get('train')).toEqual(sentences);
    const wrong = loadOwnTable({ ...files, validation: { source, path: 'c.csv' } }, mapping, 1);
    await expect(wrong).rejects.toMatchObject({
      code: 'data/label-out-of-range',
      message: expect.stringContaining('c.csv'),
    });
    const missing = loadOwnTable({ train: { source, path: 'none.csv' } }, mapping, 1);
    await expect(missing).rejects.toMatchObject({ code: 'source/missing-file' });
  });

  it('sets examples aside by seed, and refuses to split one', () => {
    const first = holdOut(sentences, 3);
    expect(holdOut(sentences, 3)).toEqual(first);
    expect(holdOut(sentences, 4)).not.toEqual(first);
    expect(holdOut(sentences.slice(0, 2), 3)).toMatchObject({ train: [{}], validation: [{}] });
    expect(() => holdOut(sentences.slice(0, 1), 3)).toThrow(expect.objectContaining({ code: 'data/too-few-examples' }));
  });
});
