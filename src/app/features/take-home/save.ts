/** Exports of a run, fetched from the worker and given to the visitor: as one zip, streamed to disk where the browser can, or file by file. */
import { saveBlob } from '../../download';
import { worker } from '../../worker-client';
import { writeZip } from './zip';

export type ExportKind = 'merged' | 'adapter';
export type Format = 'zip' | 'files';

/** From this size on the visitor is asked for a place first, so that nothing is held in memory twice. */
const largeBytes = 100e6;

interface SavePicker {
  showSaveFilePicker?(options: { suggestedName: string; types: object[] }): Promise<FileSystemFileHandle>;
}

/**
 * @param expectedBytes about how large it will be
 * @returns bytes saved; undefined where the visitor changed their mind
 */
export async function saveExport(
  method: string,
  kind: ExportKind,
  format: Format,
  expectedBytes: number,
): Promise<number | undefined> {
  const name = `${method}-${kind}`;
  if (format === 'files') {
    let saved = 0;
    for (const [file, bytes] of await worker().exportFolder(method, kind)) {
      saveBlob(file, new Blob([bytes as Uint8Array<ArrayBuffer>]));
      saved += bytes.length;
    }
    return saved;
  }
  const picker = globalThis as SavePicker;
  if (expectedBytes >= largeBytes && picker.showSaveFilePicker) {
    // Asked first: a browser allows it only right after a click.
    const handle = await picker
      .showSaveFilePicker({ suggestedName: `${name}.zip`, types: [{ accept: { 'application/zip': ['.zip'] } }] })
      .catch((error: Error) => {
        if (error.name === 'AbortError') return undefined;
        throw error;
      });
    if (!handle) return undefined;
    const stream = await handle.createWritable();
    try {
      const written = await writeZip(name, await worker().exportFolder(method, kind), (piece) => stream.write(piece));
      await stream.close();
      return written;
    } catch (error) {
      await stream.abort().catch(() => undefined);
      throw error;
    }
  }
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const written = await writeZip(name, await worker().exportFolder(method, kind), (piece) => void pieces.push(piece));
  saveBlob(`${name}.zip`, new Blob(pieces, { type: 'application/zip' }));
  return written;
}
