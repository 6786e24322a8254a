/** JSON files, checked against a schema at the boundary. */
import type { z } from 'zod';
import { UserError } from '../errors';
import type { FileSource, ReadOptions } from './source';

/**
 * Reads a JSON file and checks it.
 *
 * @throws UserError `json/invalid` where it is not JSON, `json/schema` where it does not fit the schema, `source/…`
 */
export async function readJson<Schema extends z.ZodType>(
  source: FileSource,
  path: string,
  schema: Schema,
  options: ReadOptions = {},
): Promise<z.output<Schema>> {
  const bytes = await source.read(path, options);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new UserError('json/invalid', `${path} of ${source.label} is not valid JSON: ${(cause as Error).message}.`, {
      cause,
    });
  }
  return checkJson(value, schema, `${path} of ${source.label}`);
}

/** @throws UserError `json/schema`, naming the place in `what` that does not fit */
export function checkJson<Schema extends z.ZodType>(value: unknown, schema: Schema, what: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const where = issue.path.length > 0 ? `, at ${issue.path.join('.')}` : '';
  throw new UserError('json/schema', `${what} is not as expected${where}: ${issue.message}.`);
}
