/**
 * Where files come from: one small interface over the hub, a folder, bundled files and files dropped on the page.
 *
 * A file is opened once and read in slices, so that a checkpoint of a gigabyte is never in memory twice: see `hub.ts` for
 * what comes over the network and `node.ts` for folders on disk.
 */
import { UserError } from '../errors';

export type Bytes = Uint8Array<ArrayBuffer>;

export interface ReadOptions {
  /** Called while a file is downloaded, in bytes; not called for files that are already here. */
  onProgress?: (loaded: number, total?: number) => void;
  signal?: AbortSignal;
}

/** A file that is at hand. */
export interface OpenFile {
  readonly size: number;
  /** Bytes from `start` up to, not including, `end` (default: the file's end). May be a view: do not write into it. */
  slice(start: number, end?: number): Promise<Bytes>;
}

export interface FileSource {
  /** What messages call this place, e.g. `FacebookAI/roberta-base` or a folder's path. */
  readonly label: string;
  exists(path: string, options?: ReadOptions): Promise<boolean>;
  /** @throws UserError `source/missing-file`, `source/path`, or the place's own codes */
  open(path: string, options?: ReadOptions): Promise<OpenFile>;
  /**
   * Reads a file, or of it the bytes `[start, end)`.
   *
   * @throws UserError as `open` does
   */
  read(path: string, options?: ReadOptions & { range?: readonly [start: number, end: number] }): Promise<Bytes>;
}

/** Completes a source with `read`. */
export function sourceOf(place: Omit<FileSource, 'read'>): FileSource {
  return {
    ...place,
    async read(path, { range, ...options } = {}) {
      const file = await place.open(path, options);
      return file.slice(range?.[0] ?? 0, range?.[1]);
    },
  };
}

/** A file already in memory. Slices are views. */
export function bytesFile(bytes: Bytes): OpenFile {
  return { size: bytes.length, slice: async (start, end) => bytes.subarray(start, end) };
}

/** A `File` or `Blob`, read from disk slice by slice. */
export function blobFile(blob: Blob): OpenFile {
  return {
    size: blob.size,
    slice: async (start, end = blob.size) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  };
}

/**
 * Refuses paths that lead out of the source's folder; what passes is relative, with `/` between its parts.
 *
 * @throws UserError `source/path`
 */
export function checkFilePath(path: string): void {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\0]|^[a-z]:/i.test(path)) {
    throw new UserError(
      'source/path',
      `"${path}" is not a path inside the folder; it must be relative and without "..".`,
    );
  }
}

export function missingFile(label: string, path: string): UserError {
  return new UserError('source/missing-file', `${label} has no file ${path}.`);
}

/** Files in memory, by path: what was generated here, and tests. */
export function memorySource(files: ReadonlyMap<string, Uint8Array>, label = 'memory'): FileSource {
  return sourceOf({
    label,
    exists: async (path) => files.has(path),
    async open(path) {
      checkFilePath(path);
      const bytes = files.get(path);
      if (!bytes) throw missingFile(label, path);
      return bytesFile(bytes as Bytes);
    },
  });
}

/**
 * Files or a folder that someone picked or dropped. A folder's own name (the first part of every `webkitRelativePath`) is
 * not part of the paths.
 *
 * @throws UserError `source/no-files`, `source/same-name`
 */
export function filesSource(files: readonly File[]): FileSource {
  if (files.length === 0) throw new UserError('source/no-files', 'No files were chosen; choose a folder or its files.');
  const paths = files.map((file) => file.webkitRelativePath || file.name);
  const folder = paths[0]!.split('/')[0]!;
  const oneFolder = paths.every((path) => path.startsWith(`${folder}/`));
  const byPath = new Map<string, File>();
  for (const [i, file] of files.entries()) {
    const path = oneFolder ? paths[i]!.slice(folder.length + 1) : paths[i]!;
    if (byPath.has(path)) {
      throw new UserError(
        'source/same-name',
        `Two of the chosen files are called ${path}; choose one folder at a time.`,
      );
    }
    byPath.set(path, file);
  }
  const label = oneFolder ? folder : files.length === 1 ? paths[0]! : 'The chosen files';
  return sourceOf({
    label,
    exists: async (path) => byPath.has(path),
    async open(path) {
      checkFilePath(path);
      const file = byPath.get(path);
      if (!file) throw missingFile(label, path);
      return blobFile(file);
    },
  });
}
