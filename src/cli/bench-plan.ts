/**
 * Which runs a benchmark has: recipes × grid × seeds × repeats, each a whole recipe of its own.
 *
 * The same arguments give the same plan on every machine, which is what lets `--shard` split it.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { splitNames } from '../data/splits';
import { UserError } from '../errors';
import { parseRecipe, recipeJson, type RecipeJson } from '../train/recipe';
import { effective } from './bench-schema';

/** One dimension of a grid: a place in the recipe, and the values it takes. */
export interface Axis {
  /** Names joined by dots; in a list a position from 0, or `*` for all, e.g. `methods.*.rank`. */
  readonly path: string;
  readonly values: readonly unknown[];
}

/** A recipe file as it was given. */
export interface NamedRecipe {
  readonly name: string;
  readonly json: RecipeJson;
  /** Folder that the recipe's own paths are relative to. */
  readonly base: string;
}

/** One run. */
export interface Cell {
  /** Unique in the plan: `rte, methods.*.rank=4, seed 42, run 1`. */
  readonly name: string;
  /** Name of the recipe it came from. */
  readonly recipe: string;
  /** Its place in the grid: path → value. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** From 1. */
  readonly repeat: number;
  /** The whole recipe, defaults written out; local files by their base names, as a page knows what was dropped on it. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Where those files are: absolute paths. */
  readonly files: { readonly checkpoint?: string | undefined; readonly tables: readonly string[] };
}

/** `methods.*.rank=4,8`: values are JSON, or else plain words. @throws UserError `bench/grid` */
export function parseAxis(text: string): Axis {
  const [, place = '', list = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (!/^[^.]+(\.[^.]+)*$/.test(place) || list.trim() === '')
    throw new UserError('bench/grid', `--grid ${text} is not PATH=VALUE,VALUE…, such as methods.*.rank=4,8.`);
  if (place === 'training.seed') throw new UserError('bench/grid', 'Seeds are no grid of their own; use --seeds.');
  try {
    return { path: place, values: JSON.parse(`[${list}]`) as unknown[] };
  } catch {
    return { path: place, values: list.split(',').map((word) => plain(word.trim())) };
  }
}

function plain(word: string): unknown {
  try {
    return JSON.parse(word) as unknown;
  } catch {
    return word;
  }
}

function withValue(json: unknown, [key, ...rest]: readonly string[], value: unknown, axis: string): unknown {
  if (key === undefined) return value;
  if (Array.isArray(json)) {
    if (key !== '*' && !(key in json && /^\d+$/.test(key)))
      throw new UserError(
        'bench/grid',
        `--grid ${axis}: "${key}" is no position in a list of ${json.length}; * is all.`,
      );
    return json.map((item, i) => (key === '*' || i === Number(key) ? withValue(item, rest, value, axis) : item));
  }
  if (key === '*' || (json !== undefined && (typeof json !== 'object' || json === null)))
    throw new UserError(
      'bench/grid',
      `--grid ${axis}: there is no "${key}" to set in ${JSON.stringify(json) ?? 'nothing'}.`,
    );
  const inner = (json as Record<string, unknown> | undefined)?.[key];
  return { ...(json as object), [key]: withValue(inner, rest, value, axis) };
}

/** A folder or file that the recipe names, by its base name. */
function local(kind: 'folder' | 'file', base: string, name: string): string {
  const found = path.resolve(base, name);
  const stat = statSync(found, { throwIfNoEntry: false });
  if (!(kind === 'folder' ? stat?.isDirectory() : stat?.isFile()))
    throw new UserError('bench/files', `There is no ${kind} ${found}, which the recipe names.`);
  return found;
}

/** Local paths as the page knows them once they are picked, and where they are. */
function localFiles(json: RecipeJson, base: string): { json: RecipeJson; files: Cell['files'] } {
  const { checkpoint, data, methods } = json;
  if (methods?.some(({ adapter }) => adapter !== undefined))
    throw new UserError('bench/files', 'A benchmark starts methods from scratch; leave methods[].adapter out.');
  const isLocal =
    checkpoint !== undefined &&
    !checkpoint.startsWith('bundled:') &&
    (/^[./~]/.test(checkpoint) || statSync(path.resolve(base, checkpoint), { throwIfNoEntry: false })?.isDirectory());
  const folder = isLocal ? local('folder', base, checkpoint) : undefined;
  const splits = splitNames.filter((split) => data?.[split]);
  const tables = [...new Set(splits.map((split) => local('file', base, data![split]!)))];
  if (new Set(tables.map((file) => path.basename(file))).size < tables.length)
    throw new UserError('bench/files', `A page tells files apart by name; rename one of ${tables.join(', ')}.`);
  return {
    json: {
      ...json,
      ...(folder !== undefined && { checkpoint: `./${path.basename(folder)}` }),
      ...(data && {
        data: { ...data, ...Object.fromEntries(splits.map((split) => [split, path.basename(data[split]!)])) },
      }),
    },
    files: { checkpoint: folder, tables },
  };
}

const product = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((all, list) => all.flatMap((one) => list.map((item) => [...one, item])), [[]]);

const written = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/**
 * @param seeds instead of each recipe's own
 * @throws UserError `bench/grid`, `bench/files`, and those of `parseRecipe`, naming the run
 */
export function planRuns(
  recipes: readonly NamedRecipe[],
  { axes, seeds, repeat }: { axes: readonly Axis[]; seeds?: readonly number[] | undefined; repeat: number },
): Cell[] {
  const cells = recipes.flatMap(({ name, json, base }) => {
    // The default methods, so that a grid may name them.
    const methods = json.methods ?? parseRecipe(json).contenders.map(({ method }) => ({ method: method.id }));
    return product(axes.map(({ path: place, values }) => values.map((value) => [place, value] as const))).flatMap(
      (settings) => {
        const changed = settings.reduce<unknown>(
          (before, [place, value]) => withValue(before, place.split('.'), value, place),
          { ...json, methods },
        ) as RecipeJson;
        const title = [name, ...settings.map(([place, value]) => `${place}=${written(value)}`)].join(', ');
        return (seeds ?? [undefined]).flatMap((seed) => {
          const seeded = seed === undefined ? changed : { ...changed, training: { ...changed.training, seed } };
          const checked = check(seeded, title);
          const { json: renamed, files } = localFiles(seeded, base);
          const whole = recipeJson(parseRecipe(renamed));
          return Array.from({ length: repeat }, (_, i): Cell => ({
            name: `${title}, seed ${checked.training.seed}, run ${i + 1}`,
            recipe: name,
            settings: Object.fromEntries(settings),
            seed: checked.training.seed,
            repeat: i + 1,
            json: whole,
            files,
          }));
        });
      },
    );
  });
  const seen = new Map<string, Cell>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.recipe, cell.repeat, effective(cell.json), cell.files]);
    const twin = seen.get(key);
    if (twin)
      throw new UserError(
        'bench/grid',
        `"${twin.name}" and "${cell.name}" are the same run: what differs has no effect.`,
      );
    seen.set(key, cell);
  }
  return cells;
}

function check(json: unknown, name: string) {
  try {
    return parseRecipe(json);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, `${name}: ${error.message}`);
  }
}
