/** Where a run in the page finds what its recipe names: bundled files beside the page, the hub through one endpoint, dropped files. */
import { browserCache, type FileCache } from '../checkpoint/cache';
import { hubSource, repositoryId, urlSource } from '../checkpoint/hub';
import { UserError } from '../errors';
import { Gpu } from '../gpu/device';
import { tunedChoice, type TuningStore } from '../train/kernel-choice';
import type { Environment } from '../train/environment';
import type { DroppedFiles } from './dropped';

export interface PageSettings {
  /** The page's own folder, ending in `/`. */
  readonly baseUrl: string;
  readonly endpoint: string;
}

/** The one device of this worker; opened anew after it was lost. */
export class SharedGpu {
  #opened: Promise<Gpu> | undefined;

  async open(): Promise<Gpu> {
    try {
      const gpu = await (this.#opened ??= Gpu.open());
      gpu.check();
      return gpu;
    } catch {
      this.#opened = Gpu.open();
      this.#opened.catch(() => (this.#opened = undefined));
      return this.#opened;
    }
  }
}

/** The machine's memory as browsers tell it: rounded, and never the GPU's. */
export const machineBytes = () => ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 2 ** 30;

let cache: Promise<FileCache | undefined> | undefined;
export const fileCache = () => (cache ??= browserCache());

/** In the page's own file system; where the browser has none, every run times anew. */
const tuningFile: TuningStore = {
  async read() {
    const root = await navigator.storage.getDirectory();
    return JSON.parse(await (await (await root.getFileHandle('tuning.json')).getFile()).text()) as unknown;
  },
  async write(cache) {
    const root = await navigator.storage.getDirectory();
    const writable = await (await root.getFileHandle('tuning.json', { create: true })).createWritable();
    await writable.write(JSON.stringify(cache));
    await writable.close();
  },
};

export async function pageEnvironment(
  { baseUrl, endpoint }: PageSettings,
  dropped: DroppedFiles,
  gpu: SharedGpu,
): Promise<Environment> {
  const stored = await fileCache();
  const hub = { endpoint, ...(stored && { cache: stored }) };
  return {
    gpu: () => gpu.open(),
    choice: tunedChoice(tuningFile),
    checkpoint(reference, revision) {
      if (reference.startsWith('bundled:')) {
        const name = reference.slice('bundled:'.length);
        if (!/^[\w-]+$/.test(name))
          throw new UserError('checkpoint/missing', `There is no bundled checkpoint "${name}".`);
        return urlSource(new URL(`checkpoints/${name}/`, baseUrl), { label: name });
      }
      if (/^[./~]/.test(reference)) return dropped.folder(reference);
      if (!repositoryId.safeParse(reference).success)
        throw new UserError(
          'checkpoint/missing',
          `"${reference}" is neither a hub id (owner/name), a dropped folder (./name) nor bundled:….`,
        );
      return hubSource({ ...hub, repository: reference, ...(revision !== undefined && { revision }) });
    },
    adapter: (reference) => dropped.folder(reference),
    file: (path) => dropped.table(path),
    dataset: (repository, revision) =>
      hubSource({ ...hub, repository, repositoryType: 'dataset', ...(revision && { revision }) }),
    bundled: (name) => urlSource(new URL(`data/${name}/`, baseUrl), { label: `the bundled ${name}` }),
    budgetBytes: machineBytes,
  };
}
