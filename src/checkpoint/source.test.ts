import { mkdtemp, mkdir, rm, writeFile, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkWritable, folderSource, writeFolder } from './node';
import { filesSource, memorySource, type FileSource } from './source';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'source-'));
  await mkdir(path.join(folder, 'model/sub'), { recursive: true });
  await writeFile(path.join(folder, 'model/config.json'), 'abcdef');
  await writeFile(path.join(folder, 'model/sub/x.txt'), 'x');
});
afterAll(() => rm(folder, { recursive: true }));

function picked(relativePath: string, content: string): File {
  const file = new File([content], path.basename(relativePath));
  Object.defineProperty(file, 'webkitRelativePath', { value: relativePath }); // What a browser's folder picker sets.
  return file;
}

const sources: [string, () => FileSource][] = [
  ['folderSource', () => folderSource(path.join(folder, 'model'))],
  [
    'memorySource',
    () =>
      memorySource(
        new Map([
          ['config.json', Buffer.from('abcdef')],
          ['sub/x.txt', Buffer.from('x')],
        ]),
      ),
  ],
  ['filesSource', () => filesSource([picked('model/config.json', 'abcdef'), picked('model/sub/x.txt', 'x')])],
];

describe.each(sources)('%s', (_, make) => {
  it('reads files and ranges of them', async () => {
    const source = make();
    const read = async (...args: Parameters<FileSource['read']>) =>
      new TextDecoder().decode(await source.read(...args));
    expect(await read('config.json')).toBe('abcdef');
    expect(await read('config.json', { range: [1, 3] })).toBe('bc');
    expect(await read('config.json', { range: [4, 100] })).toBe('ef');
    expect(await read('sub/x.txt')).toBe('x');
    expect((await source.open('config.json')).size).toBe(6);
    expect(await source.exists('config.json')).toBe(true);
    expect(await source.exists('nope')).toBe(false);
  });

  it('names a missing file, and lets no path out', async () => {
    await expect(make().read('nope.json')).rejects.toMatchObject({
      code: 'source/missing-file',
      message: expect.stringMatching(/has no file nope\.json/) as string,
    });
    for (const bad of ['../config.json', '/etc/passwd', 'sub/../../x', 'a\\b', 'C:/x', '', 'a//b', './x']) {
      await expect(make().read(bad)).rejects.toMatchObject({ code: 'source/path' });
    }
  });
});

describe('filesSource', () => {
  it('takes loose files, and refuses none or two of one name', async () => {
    const source = filesSource([new File(['1'], 'a.json'), new File(['2'], 'b.json')]);
    expect(new TextDecoder().decode(await source.read('b.json'))).toBe('2');
    expect(() => filesSource([])).toThrow(/No files were chosen/);
    expect(() => filesSource([new File([''], 'a.json'), new File([''], 'a.json')])).toThrow(/Two of the chosen files/);
  });
});

describe('folderSource', () => {
  it('tells a missing folder from a missing file, and a folder from a file', async () => {
    const nowhere = folderSource(path.join(folder, 'nowhere'));
    await expect(nowhere.read('config.json')).rejects.toMatchObject({ code: 'source/missing-folder' });
    await expect(folderSource(folder).read('model')).rejects.toMatchObject({ code: 'source/not-a-file' });
    expect(await folderSource(folder).exists('model')).toBe(false);
  });
});

describe('writeFolder', () => {
  it('makes the folder and writes whole files, from bytes or pieces', async () => {
    const out = path.join(folder, 'out/deep');
    await writeFolder(
      out,
      new Map([
        ['a.bin', Uint8Array.of(1, 2)],
        ['sub/b.bin', [Uint8Array.of(3), Uint8Array.of(4)]],
      ] as [string, Uint8Array][]),
    );
    expect([...(await readFile(path.join(out, 'sub/b.bin')))]).toEqual([3, 4]);
    await writeFolder(out, new Map([['a.bin', Uint8Array.of(9)]]));
    expect([...(await readFile(path.join(out, 'a.bin')))]).toEqual([9]);
    expect((await readdir(out)).sort()).toEqual(['a.bin', 'sub']);
  });

  it('says clearly where it cannot write', async () => {
    const blocked = path.join(folder, 'model/config.json');
    for (const attempt of [() => checkWritable(blocked), () => writeFolder(path.join(blocked, 'x'), new Map())]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'output/not-writable',
        message: expect.stringContaining('choose another folder') as string,
      });
    }
    await expect(writeFolder(folder, new Map([['../x', new Uint8Array()]]))).rejects.toMatchObject({
      code: 'source/path',
    });
    await checkWritable(path.join(folder, 'fresh'));
    expect(await readdir(path.join(folder, 'fresh'))).toEqual([]);
  });
});
