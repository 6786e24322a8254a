/** Files as a visitor has them: folders on disk, dropped on the page with the mouse, and zips unpacked. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { unzipSync } from 'fflate';

export const tinyCheckpoint = path.resolve(import.meta.dirname, '../public/checkpoints/tiny-roberta');
/** A new folder that the operating system clears away. */
export const scratch = () => mkdtemp(path.join(tmpdir(), 'hut-playground-'));

/** Drags files or folders from the disk over the page and lets go: the browser's own events, with real entries. */
export async function dropFromDisk(page: Page, ...files: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: 700, y: 400, data });
  await session.detach();
}

/** A copy of the tiny checkpoint under another name, with files changed or, where undefined, left out. */
export async function checkpointLike(
  name: string,
  changes: Readonly<Record<string, Uint8Array | string | undefined>>,
): Promise<string> {
  const folder = path.join(await scratch(), name);
  await mkdir(folder);
  for (const file of await readdir(tinyCheckpoint))
    if (!(file in changes)) await copyFile(path.join(tinyCheckpoint, file), path.join(folder, file));
  for (const [file, content] of Object.entries(changes))
    if (content !== undefined) await writeFile(path.join(folder, file), content);
  return folder;
}

export async function download(page: Page, click: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const downloading = page.waitForEvent('download');
  await click();
  const file = await downloading;
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** @returns the one folder that a zip of the page's holds */
export async function unpack(zip: Uint8Array): Promise<string> {
  const folder = await scratch();
  for (const [name, content] of Object.entries(unzipSync(zip))) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  return path.join(folder, (await readdir(folder))[0]!);
}
