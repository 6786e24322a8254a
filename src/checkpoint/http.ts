/**
 * Downloads that end in a whole file or in one clear error: redirects, retries with back-off (429 and its Retry-After, 5xx,
 * no connection), and cut or stalled connections resumed with a Range request where they broke off.
 */
import { UserError } from '../errors';
import type { Bytes, ReadOptions } from './source';

export interface DownloadOptions extends ReadOptions {
  /** The bytes `[start, end)` only. */
  range?: readonly [start: number, end: number];
  fetch?: typeof fetch;
  /** How the browser's own HTTP cache takes part; `no-store` where the file is kept elsewhere. */
  httpCache?: RequestCache;
  /** First pause before another try, in milliseconds; doubled each time. */
  retryDelay?: number;
  /** What messages call the file. */
  label: string;
  /** Turns an error status into the error to throw. */
  statusError?: (response: Response) => UserError | undefined;
}

const maxTries = 5;
const longestPause = 60_000;
const stallAfter = 30_000;

/** A pause, cut short with the signal's reason. */
function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Counts the tries of one download, and waits between them. */
class Tries {
  private used = 1;

  constructor(private readonly options: DownloadOptions) {}

  /** Waits before the next try; false where there is none, or where the server asks for a wait too long to sit through. */
  async next(retryAfter?: number): Promise<boolean> {
    const wait = Math.max((this.options.retryDelay ?? 500) * 2 ** (this.used - 1), retryAfter ?? 0);
    if (this.used++ >= maxTries || wait > longestPause) return false;
    await pause(wait, this.options.signal);
    return true;
  }
}

/**
 * Asks for a file, again and again where that can help.
 *
 * @returns a response of status 2xx
 * @throws UserError `hub/unreachable`, `hub/rate-limited`, `hub/server-error`, `hub/status`, or what `statusError` makes
 */
export async function request(url: string, options: DownloadOptions, tries = new Tries(options)): Promise<Response> {
  const { signal, range, label, httpCache: cache } = options;
  const headers = range ? { Range: `bytes=${range[0]}-${Number.isFinite(range[1]) ? range[1] - 1 : ''}` } : undefined;
  for (;;) {
    signal?.throwIfAborted();
    let response: Response;
    try {
      response = await (options.fetch ?? fetch)(url, { headers, signal, cache });
    } catch (cause) {
      signal?.throwIfAborted();
      if (await tries.next()) continue;
      throw new UserError(
        'hub/unreachable',
        `${new URL(url).origin} cannot be reached for ${label}; check the connection and the address, ` +
          'or use a folder of your own or what is bundled.',
        { cause },
      );
    }
    if (response.ok) return response;
    await response.body?.cancel();
    const { status } = response;
    const mayPass = status === 429 || status === 408 || status >= 500;
    if (mayPass && (await tries.next(retryAfter(response)))) continue;
    const special = options.statusError?.(response);
    if (special) throw special;
    if (status === 429) {
      throw new UserError(
        'hub/rate-limited',
        `${new URL(url).origin} allows no more downloads for now (429); wait a few minutes and try again.`,
      );
    }
    if (status >= 500) {
      throw new UserError('hub/server-error', `${new URL(url).origin} fails on ${label} (${status}); try again later.`);
    }
    throw new UserError('hub/status', `${new URL(url).origin} refuses ${label} (${status}).`);
  }
}

function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('Retry-After');
  if (!value) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : wait;
}

/**
 * Downloads a file, or the range of it, piece by piece.
 *
 * @throws UserError as `request` does, and `hub/cut-off`, `hub/changed`
 */
export async function* download(url: string, options: DownloadOptions): AsyncGenerator<Bytes, void, undefined> {
  const tries = new Tries(options);
  const [start, end = Infinity] = options.range ?? [0];
  /** The next byte of the file that is wanted. */
  let position = start;
  let etag: string | undefined;
  for (;;) {
    const partial = options.range !== undefined || position > 0;
    const response = await request(url, { ...options, range: partial ? [position, end] : undefined }, tries);
    const tag = response.headers.get('ETag')?.replace(/^W\//, '') ?? etag;
    if (etag !== undefined && tag !== etag) {
      throw new UserError('hub/changed', `${options.label} changed while it was downloaded; start again.`);
    }
    etag = tag;
    const size = sizeOf(response);
    const stop = Math.min(end, size ?? Infinity);
    // A server that ignores Range sends the file from its start: what we have is skipped.
    let at = response.status === 206 ? position : 0;
    let cause: unknown;
    const body = chunksOf(response);
    try {
      for (;;) {
        const { value: chunk, done } = await body.next();
        if (done) break;
        const wanted = chunk.subarray(Math.min(chunk.length, Math.max(0, position - at)), end - at);
        at += chunk.length;
        if (wanted.length === 0) continue;
        position += wanted.length;
        options.onProgress?.(position - start, Number.isFinite(stop) ? stop - start : undefined);
        yield wanted;
        if (position >= end) return;
      }
      // Longer than its Content-Length it can only be where that counted compressed bytes.
      if (size === undefined || position >= stop) return;
    } catch (error) {
      options.signal?.throwIfAborted();
      cause = error;
    } finally {
      await body.return();
    }
    if (!(await tries.next())) {
      const of = size === undefined ? '' : ` of ${stop - start}`;
      throw new UserError(
        'hub/cut-off',
        `The connection broke off ${maxTries} times, last at byte ${position - start}${of} of ${options.label}; try again.`,
        { cause },
      );
    }
  }
}

/** The whole file's size, where the response tells it in bytes as we see them. */
function sizeOf(response: Response): number | undefined {
  if (response.headers.get('Content-Encoding')) return undefined;
  const total = /\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1];
  if (total !== undefined) return Number(total);
  const length = response.headers.get('Content-Length');
  return response.status === 206 || length === null ? undefined : Number(length);
}

/** A response's pieces; a connection that says nothing for too long counts as broken. */
async function* chunksOf(response: Response): AsyncGenerator<Bytes, void, undefined> {
  if (!response.body) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stall = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('the connection stalled')), stallAfter);
      });
      const { value, done } = await Promise.race([reader.read(), stall]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value as Bytes;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** All of a download in one piece. */
export async function collect(chunks: AsyncIterable<Bytes>): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const chunk of chunks) pieces.push(chunk);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
