/** Files and folders that were dropped or picked, as `File`s whose names are their paths; and what the recipe makes of them. */
import { taskById, tasks } from '../tasks/core/registry';
import type { RecipeJson } from '../train/recipe';
import type { Dropped } from '../worker/protocol';
import { edit, loadRecipe } from './recipe-edit';
import { inspectData, useSetUp } from './setup/setup-store';
import { reportError, useApp } from './store';
import { worker } from './worker-client';

/** More than any checkpoint folder holds; a home directory dropped by mistake has more. */
const mostFiles = 2000;

const atPath = (file: File, path: string) =>
  new File([file], path, { type: file.type, lastModified: file.lastModified });

async function filesOf(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (found.length > mostFiles) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push(atPath(file, entry.fullPath.replace(/^\//, '')));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives its entries in portions; an empty one is the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const inner of entries) await filesOf(inner, found);
  }
}

/** Must be called in the drop event itself: its items are gone afterwards. */
export async function filesOfDrop(data: DataTransfer): Promise<File[]> {
  // What comes from another program (a mail's attachment) is a file without an entry on disk.
  const dropped = [...data.items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found: File[] = [];
  for (const item of dropped) {
    if (item instanceof File) found.push(item);
    else if (item) await filesOf(item, found);
  }
  return found;
}

/** From an `<input type="file">`, with or without `webkitdirectory`. */
export const filesOfInput = (list: FileList | readonly File[] | null) =>
  [...(list ?? [])].map((file) => (file.webkitRelativePath ? atPath(file, file.webkitRelativePath) : file));

/** Hands files to the worker and lets the recipe use them. Errors become notices. */
export async function addFiles(files: readonly File[]): Promise<void> {
  if (files.length === 0) return;
  try {
    takeIn(await worker().addFiles(files));
  } catch (error) {
    reportError(error);
  }
}

function takeIn(dropped: Dropped): void {
  if (dropped.kind === 'recipe') return loadRecipe(dropped.json);
  if (dropped.kind === 'data') {
    useSetUp.setState(({ tables }) => ({ tables: [...new Set([...tables, ...dropped.files])] }));
    takeData(dropped.files);
    return;
  }
  useSetUp.setState(({ folders }) => ({
    folders: [...folders.filter(({ reference }) => reference !== dropped.reference), dropped],
  }));
  if (dropped.kind === 'checkpoint') edit({ checkpoint: dropped.reference, revision: undefined });
}

/** Tables under the names of a known task are that task; any others are a task of the visitor's own, whose columns are to be chosen. */
function takeData(files: readonly string[]): void {
  const { json } = useApp.getState();
  const folder = files[0]!
    .split('/')
    .at(-2)
    ?.toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
  // Many tasks call their files train.tsv and dev.tsv: the folder tells which it is, or else the task that is chosen.
  const own = tasks.find((entry) => entry.ownFiles && entry.recognise?.(files));
  const task = own ?? tasks.find(({ id }) => id === folder) ?? taskById(json.task);
  const { train, ...others } = task?.recognise?.(files) ?? {};
  if (task && train !== undefined) {
    edit({ task: task.id, data: { train, ...others } });
    void inspectData();
    return;
  }
  void trainOnTable(
    files.find((file) => /train/i.test(file)) ?? files[0]!,
    files.find((file) => /valid|dev|eval|test/i.test(file)),
  );
}

let tablesRead = 0;
const chosenData = () => {
  const { task, data } = useApp.getState().json;
  return JSON.stringify([task, data]);
};

/** Makes a table the recipe's training data, with the columns that look right; unless other data are chosen while it is being read. */
export async function trainOnTable(train: string, validation?: string): Promise<void> {
  const [turn, before] = [++tablesRead, chosenData()];
  try {
    const { guess, columns, distinct } = await worker().previewTable(train);
    if (turn !== tablesRead || chosenData() !== before) return;
    const files = { train, ...(validation !== undefined && validation !== train && { validation }) };
    const known = tasks.find((task) => task.columns?.some((names) => names.every((name) => columns.includes(name))));
    if (known) {
      edit({ task: known.id, data: files });
      return await inspectData();
    }
    const text = guess.text ?? columns[0]!;
    const label = guess.label ?? columns.at(-1)!;
    const classes = distinct[label];
    const data: RecipeJson['data'] = {
      ...files,
      columns: { text, ...(guess.pair !== undefined && { pair: guess.pair }), label },
      // Many distinct numbers are scores.
      ...((!classes || classes.length > 20) && { regression: true }),
    };
    edit({ task: 'custom', data });
    await inspectData();
  } catch (error) {
    reportError(error);
  }
}
