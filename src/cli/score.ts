/** `npm run score -- TASK OUTPUTS REFERENCES`: how good a system's outputs are, by the task's own measures, as JSON. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { folderSource } from '../checkpoint/node';
import type { OpenFile } from '../checkpoint/source';
import { readOutputs, readReferences } from '../data/references';
import { readQuestions } from '../data/squad';
import { decodeUtf8 } from '../data/text';
import { UserError } from '../errors';
import { generationMetrics } from '../metrics/generation';
import { squadScores } from '../metrics/squad';

interface Scorer {
  /** What the two files hold, for the usage. */
  readonly help: string;
  score(outputs: string, references: string): Promise<object>;
}

const scorers: Readonly<Record<string, Scorer>> = {
  squad: {
    help: `squad: exactMatch and f1 in percent, as SQuAD's evaluate-v1.1.py prints them.
  OUTPUTS     .json of one object: the answer of each question by the question's id
  REFERENCES  SQuAD v1.1's .json`,
    async score(outputs, references) {
      const questions = await readQuestions(await open(references), references);
      const answers = await readAnswers(outputs);
      const missing = questions.filter(({ id }) => answers[id] === undefined).map(({ id }) => id);
      if (missing.length)
        console.error(
          `${missing.length} of ${questions.length} questions have no answer, such as ${missing[0]}; each counts as wrong.`,
        );
      const answered = questions.filter(({ id }) => answers[id] !== undefined);
      const { rows } = squadScores(
        answered.map(({ id }) => answers[id]!),
        answered.map((question) => question.answers.map(({ text }) => text)),
      );
      const percent = (name: 'exactMatch' | 'f1') =>
        (100 * rows.reduce((sum, row) => sum + row[name], 0)) / questions.length;
      return { exactMatch: percent('exactMatch'), f1: percent('f1') };
    },
  },
  e2e: {
    help: `e2e: bleu, nist, meteor, rougeL and cider as the E2E NLG Challenge's scorer prints them (meteor without synonyms
and paraphrases, so lower).
  OUTPUTS     .tsv with columns MR and output, in any order; or a text with an output a line, in the order in which the
              references' meaning representations first occur
  REFERENCES  the challenge's .csv with columns mr and ref; or a text with a reference a line and a blank line between
              examples`,
    async score(outputs, references) {
      const examples = await readReferences(await open(references), references);
      const texts = await readOutputs(await open(outputs), outputs, examples);
      return generationMetrics(
        texts,
        examples.map((example) => example.references),
      );
    },
  },
};

/** @throws UserError `data/answers-invalid` */
async function readAnswers(file: string): Promise<Record<string, string>> {
  const opened = await open(file);
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(decodeUtf8(await opened.slice(0), file)));
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(
      'data/answers-invalid',
      `${file} is not a JSON object of answers by question id; write {"id": "answer", …}.`,
      { cause },
    );
  }
}

const usage = `usage: npm run score -- ${Object.keys(scorers).join('|')} OUTPUTS REFERENCES

${Object.values(scorers)
  .map(({ help }) => help)
  .join('\n\n')}`;

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [task = '', outputs, references, ...more] = positionals;
  const scorer = Object.hasOwn(scorers, task) ? scorers[task] : undefined;
  if (!scorer || outputs === undefined || references === undefined || more.length > 0) {
    console.error(usage);
    return 2;
  }
  try {
    console.log(JSON.stringify(await scorer.score(outputs, references), null, 2));
    return 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    return 1;
  }
}

const open = (file: string): Promise<OpenFile> =>
  folderSource(path.dirname(path.resolve(file))).open(path.basename(file));
