/**
 * Keeps what was downloaded from a hub, so that it is downloaded once: in the browser in the origin private file system
 * (OPFS: on disk, read in slices, written whole or not at all), under Node in a folder (`node.ts`).
 *
 * A file is found by endpoint, repository, revision and path. A moving revision such as `main` is not asked about again;
 * delete the entry to have it downloaded anew.
 */
import { blobFile, type Bytes, type OpenFile } from './source';

export interface CacheKey {
  /** The hub, e.g. `https://huggingface.co`. */
  endpoint: string;
  repositoryType: 'model' | 'dataset';
  repository: string;
  revision: string;
  file: string;
}

export interface CacheEntry {
  key: CacheKey;
  /** Bytes. */
  size: number;
}

export interface FileCache {
  /** An empty file may come back as `undefined`. */
  open(key: CacheKey): Promise<OpenFile | undefined>;
  /** Stores a file; where `chunks` fails, nothing is stored and that failure is thrown. */
  put(key: CacheKey, chunks: AsyncIterable<Bytes>): Promise<void>;
  list(): Promise<CacheEntry[]>;
  /** Deletes a file; no error where there is none. */
  delete(key: CacheKey): Promise<void>;
}

/** The folders, then the file, in which a key's bytes lie: five names, safe on every file system. */
export function cachePath(key: CacheKey): string[] {
  const parts = [key.endpoint, `${key.repositoryType}s`, key.repository, key.revision, key.file];
  return parts.map((part) => encodeURIComponent(part).replaceAll('*', '%2A'));
}

/** The inverse of `cachePath`; `undefined` for what is no cached file. */
export function parseCachePath(parts: readonly string[]): CacheKey | undefined {
  if (parts.length !== 5) return undefined;
  const [endpoint, type, repository, revision, file] = parts.map(decodeURIComponent) as [string, ...string[]];
  const repositoryType = type === 'datasets' ? 'dataset' : 'model';
  return { endpoint, repositoryType, repository: repository!, revision: revision!, file: file! };
}

/** The browser's cache; `undefined` where the browser has no private file system (an insecure page, private windows). */
export async function browserCache(): Promise<FileCache | undefined> {
  try {
    const root = await navigator.storage.getDirectory();
    return directoryCache(await root.getDirectoryHandle('hub', { create: true }));
  } catch {
    return undefined;
  }
}

function directoryCache(root: FileSystemDirectoryHandle): FileCache {
  const find = async (key: CacheKey, create: boolean) => {
    const parts = cachePath(key);
    const name = parts.pop()!;
    let folder = root;
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create });
    return { folder, name };
  };
  return {
    async open(key) {
      try {
        const { folder, name } = await find(key, false);
        const file = await (await folder.getFileHandle(name)).getFile();
        return file.size > 0 ? blobFile(file) : undefined; // Empty while it is being written.
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async put(key, chunks) {
      const { folder, name } = await find(key, true);
      // What a writable takes goes into a file of its own until it is closed.
      const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
      try {
        for await (const chunk of chunks) await writable.write(chunk);
        await writable.close();
      } catch (error) {
        await writable.abort().catch(() => undefined);
        await folder.removeEntry(name).catch(() => undefined);
        throw error;
      }
    },
    async list() {
      const entries: CacheEntry[] = [];
      for await (const { parts, handle } of walk(root, [])) {
        const key = parseCachePath(parts);
        const { size } = await handle.getFile();
        if (key && size > 0) entries.push({ key, size });
      }
      return entries;
    },
    async delete(key) {
      try {
        const { folder, name } = await find(key, false);
        await folder.removeEntry(name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

async function* walk(
  folder: FileSystemDirectoryHandle,
  above: string[],
): AsyncGenerator<{ parts: string[]; handle: FileSystemFileHandle }> {
  for await (const [name, handle] of folder.entries()) {
    const parts = [...above, name];
    if (handle instanceof FileSystemDirectoryHandle) yield* walk(handle, parts);
    else if (handle instanceof FileSystemFileHandle) yield { parts, handle };
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NotFoundError';
}
