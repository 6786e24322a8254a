/** Bytes of a text file to text. */
import { UserError } from '../errors';

/**
 * UTF-8, with or without a byte-order mark.
 *
 * @throws UserError `data/not-utf8`
 */
export function decodeUtf8(bytes: Uint8Array, label: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UserError('data/not-utf8', `${label} is not UTF-8 text; save it as UTF-8.`, { cause });
  }
}
