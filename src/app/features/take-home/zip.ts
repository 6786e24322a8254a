/** Files as one zip, stored without compression (weights do not shrink), in pieces, so that it can go to disk as it is made. */
import { Zip, ZipPassThrough } from 'fflate';

/** Small enough that a piece's checksum does not hold up the page. */
const pieceBytes = 2 ** 22;

/**
 * @param folder the zip's only folder
 * @param write called with each piece in order; the next waits for it
 * @returns bytes written
 */
export async function writeZip(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
  write: (piece: Uint8Array<ArrayBuffer>) => Promise<void> | void,
): Promise<number> {
  let pending: Uint8Array[] = [];
  let failure: Error | undefined;
  const zip = new Zip((error, piece) => {
    if (error) failure ??= error;
    else pending.push(piece);
  });
  let written = 0;
  const flush = async () => {
    const pieces = pending;
    pending = [];
    if (failure) throw failure;
    for (const piece of pieces) {
      await write(piece as Uint8Array<ArrayBuffer>);
      written += piece.length;
    }
  };
  for (const [name, bytes] of files) {
    const entry = new ZipPassThrough(`${folder}/${name}`);
    zip.add(entry);
    for (let start = 0; start === 0 || start < bytes.length; start += pieceBytes) {
      entry.push(bytes.subarray(start, start + pieceBytes), start + pieceBytes >= bytes.length);
      await flush();
    }
  }
  zip.end();
  await flush();
  return written;
}
