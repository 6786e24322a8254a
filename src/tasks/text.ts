/**
 * Plain language modelling: a text file is cut at its blank lines (at its lines, where it has none) into passages, each between two
 * end-of-text tokens, and passages longer than `maxLength` into pieces. Judged by perplexity.
 */
import { z } from 'zod';
import type { ReadOptions } from '../checkpoint/source';
import { completed, type DataFile } from '../data/load-labelled';
import { decodeUtf8 } from '../data/text';
import { UserError } from '../errors';
import { generationSettings, generationWords } from '../generate/settings';
import { generateArguments, languageTask, type LanguageAnswers, type Passage } from './core/language';
import type { Task, TaskEntry, TaskRecipe } from './core/task';

interface TextRow {
  readonly text: string;
  /** Typed to be gone on with, and not to be learnt. */
  readonly open?: boolean;
}

const fields = {
  training: { labelSmoothing: z.number().min(0).max(0.9).default(0) },
  recipe: { generation: generationSettings.prefault({ numBeams: 1, maxNewTokens: 40 }) },
  words: {
    labelSmoothing: { label: 'Label smoothing', help: 'The share of the target that is spread over all tokens.' },
    ...generationWords,
  },
};

const settingsOf = (recipe: TaskRecipe) =>
  z.looseObject({ training: z.looseObject(fields.training), ...fields.recipe }).parse(recipe);

/** Passages that the model goes on with at an evaluation, each from its first words on. */
const asked = 4;
const firstWords = (text: string) => /^\s*(?:\S+\s+){0,4}\S+/.exec(text)?.[0].trim() ?? text;

/** A piece's first token is its prompt: the end-of-text that begins a passage, or the last token of the piece before. */
function pieces(ids: readonly number[], maxLength: number): Passage[] {
  const found: Passage[] = [];
  for (let start = 0; start < ids.length - 1; start += maxLength - 1)
    found.push({ prompt: [ids[start]!], continuations: [ids.slice(start + 1, start + maxLength)] });
  return found;
}

const python = (generation: string) => `
def answer(model, tokenizer, text):
    model.eval()
    ids = torch.tensor([tokenizer(text).input_ids or [tokenizer.eos_token_id]])
    with torch.no_grad():
        written = model.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=tokenizer.eos_token_id, ${generation})
    return text + tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)


def batch_loss(model, tokenizer, rows):
    ends = [tokenizer.eos_token_id]
    inputs = [torch.tensor((ends + tokenizer(row["text"]).input_ids + ends)[:MAX_LENGTH]) for row in rows]
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad(inputs, batch_first=True, padding_value=tokenizer.eos_token_id)
    mask = pad([torch.ones_like(row) for row in inputs], batch_first=True)
    return model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
`;

function make(recipe: TaskRecipe): Task<TextRow, LanguageAnswers> {
  const { training, generation } = settingsOf(recipe);
  return languageTask<TextRow>({
    id: 'text',
    title: 'A text of your own',
    question: 'How does the text go on?',
    primaryMetric: 'perplexity',
    lowerIsBetter: true,
    fields: ['Beginning of a text'],
    labelSmoothing: training.labelSmoothing,
    generation,
    rowOf: ([text = '']) => ({ text, open: true }),
    passages(tokenizer, { text, open }, eos, maxLength) {
      const ids = tokenizer.ids(text);
      if (open) return [{ prompt: ids.length ? ids : [eos], continuations: [] }];
      return pieces([eos, ...ids, eos], maxLength);
    },
    beginning: (tokenizer, { text, open }) => (open ? undefined : tokenizer.ids(firstWords(text))),
    asked: (count) => Math.min(asked, count),
    input: ({ text }) => firstWords(text),
    view: ({ text }) => ({ text, truth: '' }),
    distribution(rows) {
      const bounds = [0, 100, 300, 1000, 3000, Infinity];
      const bars = bounds.slice(1).map((end, i) => ({
        name: end === Infinity ? `${bounds[i]} or more` : `${bounds[i]} to ${end - 1}`,
        count: rows.filter(({ text }) => text.length >= bounds[i]! && text.length < end).length,
      }));
      return { title: 'Characters in a passage', bars };
    },
    prediction(rows, _encoded, { written }, index) {
      const { text } = rows[index]!;
      const { text: prediction = '', tokenIds = [] } = written.get(index) ?? {};
      return { index, text, ...(written.has(index) && { prompt: firstWords(text), prediction, tokenIds }) };
    },
    export: {
      tags: ['text-generation'],
      facts: [
        ['Input', 'the beginning of a text'],
        ['Output', 'how it goes on'],
      ],
      python: {
        autoClass: 'AutoModelForCausalLM',
        headArguments: '',
        texts: ['Once upon a time'],
        columns: 'text',
        constants: '',
        code: python(generateArguments(generation)),
      },
    },
  });
}

/** @throws UserError `data/not-utf8`, `data/empty-split` */
async function readPassages({ source, path }: DataFile, options?: ReadOptions): Promise<TextRow[]> {
  const text = decodeUtf8(await source.read(path, options), path).replaceAll('\r\n', '\n');
  const separated = /\n[ \t]*\n/.test(text.trim()) ? text.split(/\n[ \t]*\n/) : text.split('\n');
  const rows = separated.map((passage) => ({ text: passage.trim() })).filter((row) => row.text);
  if (rows.length) return rows;
  throw new UserError('data/empty-split', `${path} holds no text; choose a file with at least one line.`);
}

export const tasks: readonly TaskEntry<TextRow>[] = [
  {
    id: 'text',
    title: 'A text of your own',
    question: 'How does the text go on?',
    group: 'Your own',
    splits: ['train', 'validation'],
    ownFiles: true,
    checkpoint: 'bundled:tiny-gpt2',
    fields,
    check({ data }) {
      if (!data?.['train'])
        throw new UserError('recipe/data', 'The task "text" needs data.train: the name of a text file (UTF-8).');
    },
    describe: make,
    recognise(files) {
      const texts = files.filter((file) => /\.txt$/i.test(file));
      const validation = texts.find((file) => /valid|dev|eval|test/i.test(file));
      const train = texts.find((file) => file !== validation) ?? validation;
      return train === undefined ? undefined : { train, ...(validation && validation !== train && { validation }) };
    },
    async load(recipe, { files, seed }, options) {
      const loaded = await completed(files!, seed, (file) => readPassages(file, options));
      return { task: make(recipe), ...loaded };
    },
  },
];
