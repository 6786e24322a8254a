/**
 * Questions on passages, as SQuAD v1.1 has them (Rajpurkar et al. 2016, arXiv 1606.05250): its JSON of articles, paragraphs and questions, or
 * the hub's Parquet with a row a question.
 */
import { z } from 'zod';
import type { OpenFile } from '../checkpoint/source';
import { UserError } from '../errors';
import { columnMissing, emptySplit } from './glue-tsv';
import { readTable } from './table';
import { decodeUtf8 } from './text';

export interface Question {
  readonly id: string;
  readonly title?: string;
  readonly context: string;
  readonly question: string;
  /** `start`: where the text stands in `context`, in UTF-16 units. Empty for a question of one's own. */
  readonly answers: readonly { readonly text: string; readonly start: number }[];
}

/** The official training set has 30 MB. */
const largestFile = 256 * 2 ** 20;

const text = z.string();
const start = z.number().int().nonnegative();
const schema = z.looseObject({
  data: z.array(
    z.looseObject({
      title: text.optional(),
      paragraphs: z.array(
        z.looseObject({
          context: text,
          qas: z.array(
            z.looseObject({
              id: text,
              question: text,
              is_impossible: z.boolean().optional(),
              answers: z.array(z.looseObject({ text, answer_start: start })),
            }),
          ),
        }),
      ),
    }),
  ),
});
const cellSchema = z.looseObject({ text: z.array(text), answer_start: z.array(z.coerce.number().int().nonnegative()) });

const invalid = (label: string, what: string, cause?: unknown) =>
  new UserError('data/squad-invalid', `${label} ${what}`, { cause });

/** Files count characters as Python does, by code points. */
function unitsOf(context: string, codePoints: number): number {
  let at = 0;
  for (let i = 0; i < codePoints && at < context.length; i++) at += context.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

function checked(
  label: string,
  question: Omit<Question, 'answers'>,
  answers: readonly (readonly [string, number])[],
): Question {
  const { id, context } = question;
  const named = `${label}, question ${JSON.stringify(id.slice(0, 80))}`;
  if (answers.length === 0)
    throw invalid(
      named,
      'has no answer: SQuAD v2 with its unanswerable questions is not supported; give v1.1 or take such questions out.',
    );
  const astral = /[\ud800-\udfff]/.test(context);
  return {
    ...question,
    answers: answers.map(([answer, from]) => {
      const begin = astral ? unitsOf(context, from) : from;
      if (answer === '' || !context.startsWith(answer, begin))
        throw invalid(
          named,
          `says that its answer ${JSON.stringify(answer.slice(0, 60))} stands at character ${from} of the passage, but it does not; correct answer_start.`,
        );
      return { text: answer, start: begin };
    }),
  };
}

function fromJson(source: string, label: string): Question[] {
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (cause) {
    throw invalid(label, `is not valid JSON (${(cause as Error).message}); give a file of SQuAD v1.1.`, cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const at = parsed.error.issues[0]!.path.join('.');
    throw invalid(
      label,
      `is no file of SQuAD v1.1: ${at || 'it'} is missing or of another kind; it needs data[].paragraphs[] with context and qas[] with id, question and answers.`,
      parsed.error,
    );
  }
  return parsed.data.data.flatMap(({ title, paragraphs }) =>
    paragraphs.flatMap(({ context, qas }) =>
      qas.map(({ id, question, answers }) =>
        checked(
          label,
          { id, ...(title !== undefined && { title }), context, question },
          answers.map((answer) => [answer.text, answer.answer_start]),
        ),
      ),
    ),
  );
}

async function fromTable(file: OpenFile, label: string): Promise<Question[]> {
  const { columns, rows } = await readTable(file, label);
  const [id, context, question, answers] = ['id', 'context', 'question', 'answers'].map((name) => {
    const place = columns.indexOf(name);
    if (place === -1) throw columnMissing(name, columns, label);
    return place;
  }) as [number, number, number, number];
  return rows.map((row, i) => {
    const cell = cellSchema.safeParse(row[answers]);
    if (!cell.success || cell.data.text.length !== cell.data.answer_start.length)
      throw invalid(
        label,
        `, row ${i + 1}: the answers are not lists text and answer_start of one length; give the hub's SQuAD v1.1.`,
      );
    const { text: texts, answer_start: starts } = cell.data;
    return checked(
      label,
      { id: String(row[id]), context: String(row[context]), question: String(row[question]) },
      texts.map((answer, k) => [answer, starts[k]!]),
    );
  });
}

/**
 * Reads the questions of a `.json` in the official form, or of a `.parquet` or `.jsonl` with columns id, context, question and answers.
 *
 * @param label the file's name
 * @throws UserError `data/squad-invalid`, naming file and question; `data/empty-split`, and those of `readTable`
 */
export async function readQuestions(file: OpenFile, label: string): Promise<Question[]> {
  if (file.size > largestFile)
    throw invalid(label, `has ${Math.round(file.size / 2 ** 20)} MiB; at most ${largestFile / 2 ** 20} are read.`);
  const questions = label.toLowerCase().endsWith('.json')
    ? fromJson(decodeUtf8(await file.slice(0), label), label)
    : await fromTable(file, label);
  if (questions.length === 0) throw emptySplit(label);
  const ids = new Set<string>();
  for (const { id } of questions) {
    if (ids.has(id)) throw invalid(label, `has two questions with the id ${JSON.stringify(id)}; give each its own.`);
    ids.add(id);
  }
  return questions;
}
