/**
 * The Hugging Face hub, or any server with its URL layout: `<endpoint>/<id>/resolve/<revision>/<file>` for models,
 * `<endpoint>/datasets/<id>/resolve/<revision>/<file>` for data sets. Also plain files beside the page.
 */
import { z } from 'zod';
import { UserError } from '../errors';
import type { CacheKey, FileCache } from './cache';
import { collect, download, request, type DownloadOptions } from './http';
import { blobFile, bytesFile, checkFilePath, missingFile, sourceOf, type Bytes, type FileSource } from './source';

export const defaultEndpoint = 'https://huggingface.co';

export interface HubOptions {
  /** `name` or `owner/name`. */
  repository: string;
  /** Branch, tag or commit; default `main`. */
  revision?: string;
  /** Default `model`. */
  repositoryType?: 'model' | 'dataset';
  /** Default `https://huggingface.co`; a mirror or a stand-in with the same URL layout. */
  endpoint?: string;
  cache?: FileCache;
  fetch?: typeof fetch;
  /** First pause before another try, in milliseconds; doubled each time. Default 500. */
  retryDelay?: number;
}

/** As `huggingface_hub` validates ids: at most 96 characters, no `--` or `..`, no `-` or `.` at a part's ends, no `.git`. */
export const repositoryId = z
  .string()
  .max(96)
  .regex(/^(\w|\w[\w.-]*\w)(\/(\w|\w[\w.-]*\w))?$/)
  .refine((id) => !/--|\.\.|\.git$/.test(id));

/**
 * A repository of the hub.
 *
 * @throws UserError `hub/repository`, `hub/revision`, `hub/endpoint` at once; reading: `source/missing-file`,
 *   `hub/not-found`, `hub/gated`, `hub/unreachable`, `hub/rate-limited`, `hub/server-error`, `hub/cut-off`, `hub/changed`
 */
export function hubSource(options: HubOptions): FileSource {
  const { repository, revision = 'main', repositoryType = 'model', cache } = options;
  const endpoint = checkEndpoint(options.endpoint);
  checkRepository(repository);
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(revision) || revision.includes('..')) {
    throw new UserError('hub/revision', `"${revision}" is not a revision; give a branch, a tag or a commit.`);
  }
  const base = `${endpoint}/${repositoryType === 'dataset' ? 'datasets/' : ''}${repository}/resolve`;
  const url = (path: string) =>
    `${base}/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`;
  const keyOf = (file: string): CacheKey => ({ endpoint, repositoryType, repository, revision, file });
  const downloadOptions = (path: string): DownloadOptions => ({
    fetch: options.fetch,
    httpCache: cache && 'no-store',
    retryDelay: options.retryDelay,
    label: `${path} of ${repository}`,
    statusError: (response) => statusError(response, repository, revision, path, endpoint),
  });

  const place = sourceOf({
    label: repository,
    async exists(path, { signal } = {}) {
      checkFilePath(path);
      if (await cache?.open(keyOf(path))) return true;
      try {
        // The first byte, not HEAD: storage behind the hub signs its addresses for GET alone.
        const statusOf = downloadOptions(path).statusError!;
        const response = await request(url(path), {
          ...downloadOptions(path),
          signal,
          range: [0, 1],
          // An empty file has no first byte (416).
          statusError: (refused) => (refused.status === 416 ? new UserError('hub/empty', '') : statusOf(refused)),
        });
        await response.body?.cancel();
        return true;
      } catch (error) {
        if (error instanceof UserError && error.code === 'hub/empty') return true;
        if (error instanceof UserError && error.code === 'source/missing-file') return false;
        throw error;
      }
    },
    async open(path, readOptions) {
      checkFilePath(path);
      const cached = await cache?.open(keyOf(path));
      if (cached) return cached;
      const chunks = () => download(url(path), { ...downloadOptions(path), ...readOptions });
      if (cache) {
        try {
          await cache.put(keyOf(path), chunks());
          return (await cache.open(keyOf(path))) ?? bytesFile(new Uint8Array());
        } catch (error) {
          // No room to keep it: go on without the cache.
          if (!isFull(error)) throw error;
        }
      }
      return bytesFile(await collect(chunks()));
    },
  });
  return {
    ...place,
    async read(path, { range, ...readOptions } = {}) {
      if (!range || (await cache?.open(keyOf(path)))) return place.read(path, { range, ...readOptions });
      checkFilePath(path);
      return collect(download(url(path), { ...downloadOptions(path), ...readOptions, range }));
    },
  };
}

const parquetListing = z.array(z.string());

/**
 * Lists the Parquet files into which the hub converted one split of a data set (revision `refs/convert/parquet`).
 *
 * @returns paths for `hubSource({ repositoryType: 'dataset', revision: 'refs/convert/parquet', … })`
 * @throws UserError as `hubSource`; `hub/listing` where the answer is no listing
 */
export async function listParquet(
  options: Pick<HubOptions, 'repository' | 'endpoint' | 'fetch' | 'retryDelay'> & {
    config: string;
    split: string;
    signal?: AbortSignal;
  },
): Promise<string[]> {
  const { repository, config, split } = options;
  const endpoint = checkEndpoint(options.endpoint);
  checkRepository(repository);
  const path = `${encodeURIComponent(config)}/${encodeURIComponent(split)}`;
  const what = `${config}/${split}`;
  const listing = await collect(
    download(`${endpoint}/api/datasets/${repository}/parquet/${path}`, {
      ...options,
      label: `the list of Parquet files of ${repository}`,
      statusError: (response) => statusError(response, repository, 'refs/convert/parquet', what, endpoint),
    }),
  );
  try {
    const files = parquetListing.parse(JSON.parse(new TextDecoder().decode(listing)));
    return files.map((_, i) => `${what}/${String(i).padStart(4, '0')}.parquet`);
  } catch (cause) {
    throw new UserError('hub/listing', `${endpoint} gives no list of Parquet files for ${what} of ${repository}.`, {
      cause,
    });
  }
}

/**
 * Files bundled with the page, under a base URL.
 *
 * @throws UserError reading: `source/missing-file`, `hub/unreachable`, `hub/server-error`, `hub/cut-off`
 */
export function urlSource(
  baseUrl: string | URL,
  options: { label?: string; fetch?: typeof fetch; retryDelay?: number } = {},
): FileSource {
  const base = String(baseUrl).replace(/\/*$/, '/');
  const label = options.label ?? base;
  const chunks = (path: string, readOptions: Partial<DownloadOptions>) =>
    download(new URL(path.split('/').map(encodeURIComponent).join('/'), base).href, {
      ...options,
      label: `${path} of ${label}`,
      statusError: (response) => (response.status === 404 ? missingFile(label, path) : undefined),
      ...readOptions,
      fetch: async (...args) => {
        const response = await (options.fetch ?? fetch)(...args);
        // Development servers answer with the page itself, status 200, where there is no file.
        const isPage = response.headers.get('Content-Type')?.startsWith('text/html') && !path.endsWith('.html');
        return isPage ? new Response(null, { status: 404 }) : response;
      },
    });
  return sourceOf({
    label,
    async exists(path, { signal } = {}) {
      checkFilePath(path);
      const body = chunks(path, { signal });
      try {
        await body.next();
        return true;
      } catch (error) {
        if (error instanceof UserError && error.code === 'source/missing-file') return false;
        throw error;
      } finally {
        await body.return();
      }
    },
    async open(path, readOptions) {
      checkFilePath(path);
      const pieces: Bytes[] = [];
      for await (const chunk of chunks(path, { ...readOptions })) pieces.push(chunk);
      return blobFile(new Blob(pieces));
    },
  });
}

function checkEndpoint(endpoint = defaultEndpoint): string {
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new UserError('hub/endpoint', `"${endpoint}" is not the address of a hub; give one like ${defaultEndpoint}.`);
  }
  return endpoint.replace(/\/+$/, '');
}

function checkRepository(repository: string): void {
  if (!repositoryId.safeParse(repository).success) {
    throw new UserError(
      'hub/repository',
      `"${repository}" is not a repository of the hub; write it as owner/name, for example FacebookAI/roberta-base.`,
    );
  }
}

/** The hub tells in `X-Error-Code` why it refuses; private and unknown repositories look the same to a stranger. */
function statusError(
  response: Response,
  repository: string,
  revision: string,
  path: string,
  endpoint: string,
): UserError | undefined {
  const { status } = response;
  const reason = response.headers.get('X-Error-Code');
  if (reason === 'GatedRepo' || (status === 403 && reason === null)) {
    return new UserError(
      'hub/gated',
      `${repository} is gated: accept its terms on ${endpoint}/${repository}, download it there and open the folder here.`,
    );
  }
  if (status === 401 || status === 403 || reason === 'RepoNotFound') {
    return new UserError(
      'hub/not-found',
      `${repository} is not on ${endpoint}, or is private; check the name, or download it and open the folder here.`,
    );
  }
  if (reason === 'RevisionNotFound') {
    return new UserError('hub/revision', `${repository} has no revision ${revision}.`);
  }
  return status === 404 ? missingFile(repository, path) : undefined;
}

function isFull(error: unknown): boolean {
  return (
    (error instanceof DOMException && error.name === 'QuotaExceededError') ||
    (error instanceof UserError && error.code === 'output/disk-full')
  );
}
