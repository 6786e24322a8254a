/** A label as it stands in a file becomes a class id or a score; anything else is refused, saying where it stands. */
import { UserError } from '../errors';
import type { LabelledData } from './labelled';

/**
 * @param value a class name, a class id, or (regression) a score; text or number, as the file has it
 * @param where file and line or row, for the error
 * @throws UserError `data/label-out-of-range` where it is none of these
 */
export function parseLabel(
  task: Pick<LabelledData, 'kind' | 'labelNames' | 'labelRange'>,
  value: unknown,
  where: string,
): number {
  const text = typeof value === 'string' ? value.trim() : String(value);
  const number = text === '' ? NaN : Number(text);
  if (task.kind === 'regression') {
    const [low, high] = task.labelRange ?? [-Infinity, Infinity];
    if (Number.isFinite(number) && number >= low && number <= high) return number;
    const range = task.labelRange ? `a number from ${low} to ${high}` : 'a number';
    throw new UserError('data/label-out-of-range', `${where}: the label ${quote(text)} is not ${range}.`);
  }
  const named = task.labelNames.indexOf(text);
  if (named >= 0) return named;
  if (Number.isInteger(number) && number >= 0 && number < task.labelNames.length) return number;
  const hint = text === '-1' ? ' (−1 marks the unlabelled test split; choose another one)' : '';
  const known = task.labelNames.map((name, id) => `${id} (${name})`).join(', ');
  throw new UserError('data/label-out-of-range', `${where}: the label ${quote(text)} is none of ${known}${hint}.`);
}

/** A value from a file as it goes into a sentence: quoted, and cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
