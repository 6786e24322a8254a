/**
 * Files the visitor picked or dropped, kept until the page closes. They are told apart by what they hold, and a recipe names
 * them as the command line does: a folder as `./name`, a table by its path.
 */
import { filesSource, type FileSource } from '../checkpoint/source';
import type { DataFile } from '../data/load-labelled';
import { UserError } from '../errors';
import type { Dropped } from './protocol';

const tableName = /\.(csv|tsv|jsonl|parquet|txt)$/i;
const baseName = (path: string) => path.split('/').at(-1)!;

export class DroppedFiles {
  readonly #folders = new Map<string, FileSource>();
  readonly #tables = new Map<string, File>();

  /** @throws UserError `drop/unknown`, `drop/recipe`, and those of `filesSource` */
  async add(files: readonly File[]): Promise<Dropped> {
    const source = filesSource(files);
    for (const [marker, kind] of [
      ['adapter_config.json', 'adapter'],
      ['config.json', 'checkpoint'],
    ] as const) {
      if (!(await source.exists(marker))) continue;
      const reference = `./${files.length > 1 && files[0]!.name.includes('/') ? source.label : kind}`;
      this.#folders.set(reference, source);
      return { kind, reference, label: source.label };
    }
    const tables = files.filter(({ name }) => tableName.test(name));
    if (tables.length) {
      for (const file of tables) this.#tables.set(file.name, file);
      return { kind: 'data', files: tables.map(({ name }) => name) };
    }
    const json = files.find(({ name }) => /\.json$/i.test(name));
    if (files.length === 1 && json) return { kind: 'recipe', json: await readRecipe(json) };
    throw new UserError(
      'drop/unknown',
      `${source.label} is nothing this page knows: drop a checkpoint folder (config.json, model.safetensors, tokenizer.json), an adapter folder, tables (.csv, .tsv, .jsonl, .parquet), texts (.txt) or a recipe (.json).`,
    );
  }

  /** @throws UserError `drop/folder` */
  folder(reference: string): FileSource {
    const found = this.#folders.get(reference) ?? this.#folders.get(`./${baseName(reference.replace(/\/+$/, ''))}`);
    if (found) return found;
    throw new UserError(
      'drop/folder',
      `The recipe uses the folder ${reference}, which a page cannot open by itself; drop that folder on the page.`,
    );
  }

  /** @throws UserError `drop/table` */
  table(path: string): DataFile {
    const file =
      this.#tables.get(path) ?? [...this.#tables.values()].find(({ name }) => baseName(name) === baseName(path));
    if (!file)
      throw new UserError(
        'drop/table',
        `The recipe uses the file ${path}, which a page cannot open by itself; drop that file on the page.`,
      );
    const name = baseName(file.name);
    return { source: filesSource([new File([file], name)]), path: name };
  }
}

async function readRecipe(file: File): Promise<unknown> {
  if (file.size > 1_000_000) throw new UserError('drop/recipe', `${file.name} is too large for a recipe.`);
  try {
    return JSON.parse(await file.text());
  } catch (error) {
    throw new UserError('drop/recipe', `${file.name} is not JSON: ${(error as Error).message}.`);
  }
}
