/** Errors across the worker's border: comlink keeps an error's name and message only; this keeps our code too. */
import * as Comlink from 'comlink';
import { UserError } from '../errors';
import type { ErrorInfo } from './protocol';

/** Any thrown value as plain data. What is no `UserError` is a bug of ours, and says so. */
export function errorInfo(error: unknown): ErrorInfo {
  if (error instanceof UserError) return { code: error.code, message: error.message };
  if (error instanceof DOMException && error.name === 'AbortError') return { code: 'run/stopped', message: 'Stopped.' };
  return {
    code: 'bug',
    message: `Something went wrong that should not have: ${error instanceof Error ? error.message : String(error)}`,
  };
}

interface Thrown {
  value: unknown;
}

/** Call once in the page and once in the worker, before anything is exposed or wrapped. */
export function keepErrorCodes(): void {
  const marker = Comlink.transferHandlers.get('throw')! as Comlink.TransferHandler<Thrown, ErrorInfo>;
  Comlink.transferHandlers.set('throw', {
    canHandle: marker.canHandle,
    serialize: ({ value }) => [errorInfo(value), []],
    deserialize({ code, message }): never {
      throw new UserError(code, message);
    },
  } satisfies Comlink.TransferHandler<Thrown, ErrorInfo>);
}
