/** Where the command line finds what a recipe names: folders relative to the recipe, the hub through one endpoint, bundled files. */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';
import { defaultEndpoint, hubSource, repositoryId } from '../checkpoint/hub';
import { defaultCacheFolder, folderCache, folderSource, writeFolder } from '../checkpoint/node';
import type { FileSource } from '../checkpoint/source';
import { UserError } from '../errors';
import { Gpu } from '../gpu/device';
import { tunedChoice, type TuningStore } from '../train/kernel-choice';
import type { Environment } from '../train/environment';

/** One device a process, so that a second run compiles nothing again. */
let opened: Promise<Gpu> | undefined;

/** Beside the downloads. */
function tuningFile(folder = defaultCacheFolder()): TuningStore {
  const name = 'tuning.json';
  return {
    read: async () => JSON.parse(await readFile(path.join(folder, name), 'utf8')) as unknown,
    write: (cache) => writeFolder(folder, new Map([[name, new TextEncoder().encode(JSON.stringify(cache))]])),
  };
}

/** @param base the folder of the recipe @param project this project's root, with `public/` */
export function nodeEnvironment(base: string, project: string): Environment {
  const endpoint = process.env['HF_ENDPOINT'] ?? defaultEndpoint;
  const cache = folderCache();
  const bundled = (reference: string) => folderSource(path.join(project, 'public', 'checkpoints', reference));
  const isFolder = (reference: string) =>
    statSync(path.resolve(base, reference), { throwIfNoEntry: false })?.isDirectory() === true;
  const folder = (reference: string): FileSource => {
    if (!isFolder(reference))
      throw new UserError('checkpoint/missing', `There is no folder ${path.resolve(base, reference)}.`);
    return folderSource(path.resolve(base, reference));
  };
  return {
    gpu: () => (opened ??= Gpu.open()),
    choice: tunedChoice(tuningFile()),
    checkpoint(reference, revision) {
      if (reference.startsWith('bundled:')) {
        const name = reference.slice('bundled:'.length);
        if (!/^[\w-]+$/.test(name))
          throw new UserError('checkpoint/missing', `There is no bundled checkpoint "${name}".`);
        return bundled(name);
      }
      if (/^[./~]/.test(reference) || isFolder(reference)) return folder(reference);
      if (!repositoryId.safeParse(reference).success)
        throw new UserError(
          'checkpoint/missing',
          `"${reference}" is neither a hub id, a folder (start it with ./) nor bundled:….`,
        );
      return hubSource({ repository: reference, ...(revision !== undefined && { revision }), endpoint, cache });
    },
    adapter: folder,
    file(file) {
      const whole = path.resolve(base, file);
      return { source: folderSource(path.dirname(whole)), path: path.basename(whole) };
    },
    dataset: (repository, revision) =>
      hubSource({ repository, repositoryType: 'dataset', endpoint, cache, ...(revision && { revision }) }),
    bundled: (name) => folderSource(path.join(project, 'public', 'data', name)),
    // A software adapter lives in the machine's memory; a GPU's own is told to nobody.
    budgetBytes: totalmem,
  };
}
