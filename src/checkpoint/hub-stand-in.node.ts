/**
 * A stand-in for the hub, for tests: local folders served under the hub's own URLs, with its redirects, Range, CORS, error
 * codes and Parquet listing, and with the faults of real networks on demand. No part of the product.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

export interface Fault {
  /** Answer with this status instead of the file. */
  status?: number;
  headers?: Record<string, string>;
  /** Send so many bytes of the body, then cut the connection. */
  cutAfter?: number;
  /** Send the whole file although a part was asked for. */
  ignoreRange?: boolean;
  /** Compress the body, as hubs do with text. */
  gzip?: boolean;
  /** Announce another version of the file. */
  etag?: string;
}

export interface HubStandIn {
  /** `http://127.0.0.1:<port>` */
  endpoint: string;
  /** What was asked for so far. */
  requests: { method: string; url: string; range?: string }[];
  /** The next requests whose path ends in `suffix` meet these faults, one each. */
  fail(suffix: string, ...faults: Fault[]): void;
  close(): Promise<void>;
}

const revisionOfParquet = 'refs/convert/parquet';
/** The hub stores large files elsewhere and redirects to them. */
const redirected = /\.(safetensors|bin|parquet)$/;

/**
 * Starts a stand-in.
 *
 * @param repositories folders by `owner/name`, `datasets/owner/name`, or either followed by `@revision` (default: main)
 * @param gated repositories that ask for terms to be accepted
 */
export async function startHubStandIn(
  repositories: Readonly<Record<string, string>>,
  gated: readonly string[] = [],
): Promise<HubStandIn> {
  const requests: HubStandIn['requests'] = [];
  const faults: { suffix: string; fault: Fault }[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://hub');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    requests.push({ method: request.method!, url: request.url!, range: request.headers.range });
    const refuse = (status: number, code: string) => {
      response.writeHead(status, { 'X-Error-Code': code, 'Content-Type': 'text/plain' }).end(code);
    };

    const listing = /^\/api\/(datasets\/.+?)\/parquet(?:\/([^/]+)\/([^/]+))?(?:\/(\d+)\.parquet)?$/.exec(url.pathname);
    if (listing) {
      const [, id, config, split, index] = listing;
      const folder = repositories[`${id}@${revisionOfParquet}`];
      if (!folder) return refuse(401, 'RepoNotFound');
      if (index) {
        const file = `${config}/${split}/${index.padStart(4, '0')}.parquet`;
        const Location = `/${id}/resolve/${encodeURIComponent(revisionOfParquet)}/${file}`;
        return void response.writeHead(302, { Location }).end();
      }
      const all = await listParquetFolder(folder, `http://${request.headers.host}/api/${id}/parquet`);
      const body = config ? all[config]?.[split!] : all;
      if (!body) return refuse(404, 'EntryNotFound');
      return void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    }

    const resolved = /^\/(cdn\/)?(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    if (!resolved) return refuse(404, 'EntryNotFound');
    const [, cdn, id, revision, file] = resolved.map((part) => part && decodeURIComponent(part));
    if (gated.includes(id!)) return refuse(401, 'GatedRepo');
    if (!Object.keys(repositories).some((name) => name.split('@')[0] === id)) return refuse(401, 'RepoNotFound');
    const folder = repositories[revision === 'main' ? id! : `${id}@${revision}`];
    if (!folder) return refuse(404, 'RevisionNotFound');
    if (file!.split('/').includes('..')) return refuse(400, 'BadRequest');
    const content = await readFile(path.join(folder, file!)).catch(() => undefined);
    if (!content) return refuse(404, 'EntryNotFound');
    if (redirected.test(file!) && !cdn) {
      return void response.writeHead(302, { Location: `/cdn${url.pathname}`, 'X-Linked-Size': content.length }).end();
    }
    const i = faults.findIndex(({ suffix }) => url.pathname.endsWith(suffix));
    send(request, response, content, i < 0 ? {} : faults.splice(i, 1)[0]!.fault);
  }

  const server = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', 'Range');
    response.setHeader('Access-Control-Expose-Headers', 'X-Error-Code,ETag,Accept-Ranges,Content-Range,X-Linked-Size');
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fail: (suffix, ...more) => void faults.push(...more.map((fault) => ({ suffix, fault }))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(request: IncomingMessage, response: ServerResponse, content: Buffer, fault: Fault): void {
  if (fault.status) return void response.writeHead(fault.status, fault.headers).end('fault');
  const etag = fault.etag ?? `"${content.length}-${content.subarray(0, 16).toString('hex')}"`;
  const headers: Record<string, string> = { 'Accept-Ranges': 'bytes', ETag: etag, ...fault.headers };
  let [status, body] = [200, content];
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (range && !fault.ignoreRange) {
    const start = Number(range[1]);
    const end = Math.min(content.length, range[2] ? Number(range[2]) + 1 : Infinity);
    if (start >= content.length) {
      return void response.writeHead(416, { 'Content-Range': `bytes */${content.length}` }).end();
    }
    [status, body] = [206, content.subarray(start, end)];
    headers['Content-Range'] = `bytes ${start}-${end - 1}/${content.length}`;
  }
  if (fault.gzip) {
    body = gzipSync(body);
    headers['Content-Encoding'] = 'gzip';
  }
  response.writeHead(status, { ...headers, 'Content-Length': body.length });
  if (fault.cutAfter === undefined) return void response.end(body);
  response.write(body.subarray(0, fault.cutAfter), () => setTimeout(() => response.destroy(), 20));
}

/** `{ config: { split: [url, …] } }` of a folder laid out `<config>/<split>/0000.parquet`. */
async function listParquetFolder(folder: string, base: string): Promise<Record<string, Record<string, string[]>>> {
  const listing: Record<string, Record<string, string[]>> = {};
  for (const file of (await readdir(folder, { recursive: true })).sort()) {
    const [config, split, name] = file.split(path.sep);
    if (!name?.endsWith('.parquet')) continue;
    const urls = ((listing[config!] ??= {})[split!] ??= []);
    urls.push(`${base}/${config}/${split}/${urls.length}.parquet`);
  }
  return listing;
}
