/** A recipe as a file. */
import { readFile } from 'node:fs/promises';
import { UserError } from '../errors';

/** @returns JSON that nobody has checked yet @throws UserError `recipe/missing`, `recipe/invalid` */
export async function readRecipeJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError('recipe/missing', `The recipe ${file} cannot be read: ${(error as Error).message}.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('recipe/invalid', `The recipe ${file} is not JSON: ${(error as Error).message}.`);
  }
}
