/** The page's one worker, started when it is first needed. */
import * as Comlink from 'comlink';
import type { RunWorker } from '../worker/protocol';
import { keepErrorCodes } from '../worker/rpc-errors';

let remote: Comlink.Remote<RunWorker> | undefined;

export function worker(): Comlink.Remote<RunWorker> {
  if (!remote) {
    keepErrorCodes();
    remote = Comlink.wrap<RunWorker>(
      new Worker(new URL('../worker/entry.ts', import.meta.url), { type: 'module', name: 'engine' }),
    );
  }
  return remote;
}

/** A function that the worker calls. */
export const callback = Comlink.proxy;
