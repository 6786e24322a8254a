/** Folders on disk, under Node only: reading checkpoints, writing results, and the cache of downloaded files. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { UserError } from '../errors';
import { cachePath, parseCachePath, type CacheEntry, type FileCache } from './cache';
import { checkFilePath, missingFile, sourceOf, type FileSource, type OpenFile } from './source';

/**
 * A local folder.
 *
 * @throws UserError `source/missing-folder`, `source/missing-file`, `source/not-a-file`, `source/unreadable`, `source/path`
 */
export function folderSource(folder: string): FileSource {
  return sourceOf({
    label: folder,
    async exists(file) {
      checkFilePath(file);
      return (await stat(path.join(folder, file)).catch(() => undefined))?.isFile() ?? false;
    },
    async open(file) {
      checkFilePath(file);
      try {
        return await openFile(path.join(folder, file));
      } catch (error) {
        if (error instanceof UserError) throw error;
        if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
          throw new UserError('source/missing-folder', `There is no folder ${folder}.`, { cause: error });
        }
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'ENOENT' || code === 'ENOTDIR') throw missingFile(folder, file);
        throw new UserError('source/unreadable', `${path.join(folder, file)} cannot be read (${code}).`, {
          cause: error,
        });
      }
    },
  });
}

/** Opens a file for each slice only, so that nothing needs closing. */
async function openFile(file: string): Promise<OpenFile> {
  const probe = await open(file);
  const info = await probe.stat().finally(() => probe.close());
  if (!info.isFile()) throw new UserError('source/not-a-file', `${file} is a folder, not a file.`);
  return {
    size: info.size,
    async slice(start, end = info.size) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, info.size) - start));
      const handle = await open(file);
      try {
        let filled = 0;
        while (filled < bytes.length) {
          // One read takes at most 2 GiB, and may give less than was asked for.
          const length = Math.min(bytes.length - filled, 2 ** 30);
          const { bytesRead } = await handle.read(bytes, filled, length, start + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      } finally {
        await handle.close();
      }
    },
  };
}

/**
 * Writes files into a folder, which is made if need be. Each file appears whole or not at all.
 *
 * @param files paths relative to the folder, and their bytes (or the pieces of them)
 * @throws UserError `output/not-writable`, `output/disk-full`, `source/path`
 */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array | Iterable<Uint8Array>>,
): Promise<void> {
  for (const file of files.keys()) checkFilePath(file);
  await writing(folder, async () => {
    await mkdir(folder, { recursive: true });
    for (const [file, content] of files) {
      const target = path.join(folder, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeWhole(target, `${target}.${randomUUID()}.part`, content instanceof Uint8Array ? [content] : content);
    }
  });
}

/**
 * Makes sure that a folder can be written into, before long work whose results are to go there.
 *
 * @throws UserError `output/not-writable`
 */
export async function checkWritable(folder: string): Promise<void> {
  await writing(folder, async () => {
    await mkdir(folder, { recursive: true });
    const probe = path.join(folder, `.${randomUUID()}`);
    await writeFile(probe, '');
    await rm(probe);
  });
}

async function writing(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof UserError || !code) throw error;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new UserError('output/disk-full', `The disk of ${folder} is full.`, { cause: error });
    }
    throw new UserError('output/not-writable', `${folder} cannot be written into (${code}); choose another folder.`, {
      cause: error,
    });
  }
}

async function writeWhole(
  target: string,
  part: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    await writeFile(part, chunks);
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Where downloads are kept: `$HUT_PLAYGROUND_CACHE`, or the user's own cache folder. */
export function defaultCacheFolder(): string {
  const { HUT_PLAYGROUND_CACHE: own, XDG_CACHE_HOME: cache = path.join(homedir(), '.cache') } = process.env;
  return own || path.join(cache, 'hut-playground');
}

/** A cache in a folder, laid out by `cachePath`. */
export function folderCache(folder: string = defaultCacheFolder()): FileCache {
  const place = (parts: readonly string[]) => path.join(folder, ...parts);
  return {
    async open(key) {
      return openFile(place(cachePath(key))).catch(() => undefined);
    },
    async put(key, chunks) {
      const target = place(cachePath(key));
      const partial = path.join(folder, '.partial');
      await writing(folder, async () => {
        await mkdir(path.dirname(target), { recursive: true });
        await mkdir(partial, { recursive: true });
        await writeWhole(target, path.join(partial, randomUUID()), chunks);
      });
    },
    async list() {
      const names = await readdir(folder, { recursive: true }).catch(() => []);
      const entries: CacheEntry[] = [];
      for (const name of names) {
        const key = parseCachePath(name.split(path.sep));
        if (key) entries.push({ key, size: (await stat(path.join(folder, name))).size });
      }
      return entries;
    },
    async delete(key) {
      await rm(place(cachePath(key)), { force: true });
    },
  };
}
