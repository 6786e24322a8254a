/**
 * What generated texts are scored against: files of references and files of a system's outputs, as the E2E NLG
 * Challenge and its scorer lay them out.
 */
import type { OpenFile } from '../checkpoint/source';
import { UserError } from '../errors';
import { groupedByMeaning, readMeanings, twoColumns } from './e2e';
import { emptySplit } from './glue-tsv';
import { readTable, tableExtensions } from './table';
import { decodeUtf8 } from './text';

/** One example and all that people wrote for it. */
export interface ReferenceExample {
  /** Absent where the file names none. */
  readonly meaningRepresentation?: string;
  /** At least one. */
  readonly references: readonly string[];
}

const isTable = (label: string) => tableExtensions.some((extension) => label.toLowerCase().endsWith(extension));

/**
 * A table with columns `mr` and `ref`, where rows of equal meaning representations are one example, in the order in
 * which they first occur; or a text with a reference a line and a blank line between examples.
 *
 * @param label the file's name; what it ends in tells a table
 * @throws UserError `data/column-missing`, `data/empty-cell`, `data/empty-split` and those of `readTable`
 */
export async function readReferences(file: OpenFile, label: string): Promise<ReferenceExample[]> {
  if (!isTable(label)) {
    const examples = blocks(decodeUtf8(await file.slice(0), label)).map((references) => ({ references }));
    if (examples.length === 0) throw emptySplit(label);
    return examples;
  }
  return groupedByMeaning(await readMeanings(file, label)).map(({ meaning, references }) => ({
    meaningRepresentation: meaning,
    references,
  }));
}

/**
 * A system's outputs in the examples' order: a table with columns `MR` and `output`, in any order where the examples
 * name their meaning representations; or a text with an output a line (an empty line is an empty output).
 *
 * @param label the file's name; what it ends in tells a table
 * @throws UserError `data/output-count`, `data/output-unknown`, `data/output-twice`, `data/output-missing`,
 *   `data/column-missing`, `data/empty-split` and those of `readTable`
 */
export async function readOutputs(
  file: OpenFile,
  label: string,
  examples: readonly ReferenceExample[],
): Promise<string[]> {
  if (!isTable(label)) return inOrder(lines(decodeUtf8(await file.slice(0), label)), label, examples);
  const rows = twoColumns(await readTable(file, label), ['MR', 'output']);
  if (examples[0]!.meaningRepresentation === undefined)
    return inOrder(
      rows.map(([, output]) => output!),
      label,
      examples,
    );
  const wanted = new Set(examples.map(({ meaningRepresentation }) => meaningRepresentation));
  const outputs = new Map<string | undefined, string>();
  for (const [row, [mr, output]] of rows.entries()) {
    const where = `${label}, row ${row + 1}: the meaning representation ${JSON.stringify(mr)}`;
    if (!wanted.has(mr))
      throw new UserError('data/output-unknown', `${where} has no references; score against the file it comes from.`);
    if (outputs.has(mr))
      throw new UserError('data/output-twice', `${where} has an output above already; keep one of the two.`);
    outputs.set(mr, output!);
  }
  const missing = examples.filter(({ meaningRepresentation }) => !outputs.has(meaningRepresentation));
  if (missing.length > 0) {
    throw new UserError(
      'data/output-missing',
      `${label} has no output for ${missing.length} of ${examples.length} meaning representations, the first of them ` +
        `${JSON.stringify(missing[0]!.meaningRepresentation)}; add them.`,
    );
  }
  return examples.map(({ meaningRepresentation }) => outputs.get(meaningRepresentation)!);
}

function inOrder(outputs: string[], label: string, examples: readonly ReferenceExample[]): string[] {
  if (outputs.length === 0) throw emptySplit(label);
  if (outputs.length !== examples.length) {
    throw new UserError(
      'data/output-count',
      `${label} has ${outputs.length} outputs where the references have ${examples.length} examples; ` +
        'give one output an example, in the same order.',
    );
  }
  return outputs;
}

/** Lines without the end of the last one. */
function lines(text: string): string[] {
  const all = text.split(/\r?\n/).map((line) => line.trim());
  if (all.at(-1) === '') all.pop();
  return all;
}

/** Runs of lines that are not blank. */
function blocks(text: string): string[][] {
  const found: string[][] = [];
  let open = false;
  for (const line of lines(text)) {
    if (line === '') open = false;
    else if (open) found.at(-1)!.push(line);
    else {
      found.push([line]);
      open = true;
    }
  }
  return found;
}
