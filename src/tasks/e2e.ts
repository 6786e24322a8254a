/**
 * Text from data, as in the E2E NLG Challenge: a meaning representation is the context, a sentence that says it follows after a space. What
 * is written is scored by the challenge's five metrics against all sentences that the data have for a meaning.
 */
import { z } from 'zod';
import type { DataFile, SplitFiles } from '../data/load-labelled';
import { completed, readSplits } from '../data/load-labelled';
import {
  groupedByMeaning,
  linearised,
  readMeanings,
  slotsOf,
  usualColumns,
  type MeaningColumns,
  type MeaningRow,
} from '../data/e2e';
import type { SplitName } from '../data/splits';
import { generationSettings, generationWords } from '../generate/settings';
import { generateArguments, languageTask, type LanguageAnswers } from './core/language';
import type { Task, TaskEntry, TaskRecipe } from './core/task';

const fields = {
  data: { columns: z.strictObject({ meaning: z.string().min(1), reference: z.string().min(1) }).optional() },
  training: { labelSmoothing: z.number().min(0).max(0.9).default(0) },
  recipe: { generation: generationSettings.prefault({}) },
  words: {
    labelSmoothing: { label: 'Label smoothing', help: 'The share of the target that is spread over all tokens.' },
    ...generationWords,
  },
};

const settingsOf = (recipe: TaskRecipe) =>
  z
    .looseObject({
      data: z.looseObject(fields.data).optional(),
      training: z.looseObject(fields.training),
      ...fields.recipe,
    })
    .parse(recipe);

const python = (generation: string) => `
def context(meaning):
    """name[Blue Spice], eatType[pub] -> name : Blue Spice | eatType : pub"""
    slots = re.findall(r"\\s*([^\\[\\],]+)\\[([^\\[\\]]*)\\]", meaning)
    return " | ".join(f"{slot.strip()} : {value.strip()}" for slot, value in slots) or meaning.strip()


def encode(tokenizer, meaning):
    return tokenizer(context(meaning)).input_ids + [tokenizer.eos_token_id]


def answer(model, tokenizer, meaning):
    model.eval()
    ids = torch.tensor([encode(tokenizer, meaning)])
    with torch.no_grad():
        written = model.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=tokenizer.eos_token_id, ${generation})
    return tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()


def batch_loss(model, tokenizer, rows):
    inputs, labels = [], []
    for row in rows:
        prompt = encode(tokenizer, row["mr"])
        end = tokenizer(" " + row["ref"]).input_ids + [tokenizer.eos_token_id]
        inputs.append(torch.tensor((prompt + end)[:MAX_LENGTH]))
        labels.append(torch.tensor(([-100] * len(prompt) + end)[:MAX_LENGTH]))
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad(inputs, batch_first=True, padding_value=tokenizer.eos_token_id)
    mask = pad([torch.ones_like(row) for row in inputs], batch_first=True)
    return model(input_ids=ids, attention_mask=mask, labels=pad(labels, batch_first=True, padding_value=-100)).loss
`;

function make(recipe: TaskRecipe, { id, title }: Pick<TaskEntry, 'id' | 'title'>): Task<MeaningRow, LanguageAnswers> {
  const { training, generation } = settingsOf(recipe);
  return languageTask<MeaningRow>({
    id,
    title,
    question: shared.question,
    primaryMetric: 'bleu',
    fields: ['Meaning, or the beginning of a text'],
    labelSmoothing: training.labelSmoothing,
    generation,
    rowOf: ([meaning = '']) => ({ meaning, references: [] }),
    // What is no meaning representation and has nothing to be compared with was typed to be gone on with.
    passages: (tokenizer, { meaning, references }, eos) => [
      {
        prompt: [...tokenizer.ids(linearised(meaning)), ...(references.length || slotsOf(meaning).length ? [eos] : [])],
        continuations: references.map((reference) => [...tokenizer.ids(` ${reference}`), eos]),
      },
    ],
    asked: (count) => count,
    input: ({ meaning }) => meaning,
    async metrics(rows, written) {
      const scored = rows.flatMap(({ references }, i) => {
        const found = written.get(i);
        return found && references.length ? [{ output: found.text, references }] : [];
      });
      if (scored.length === 0) return {};
      // Fetched by whoever evaluates: the page needs the task's words only.
      const { generationMetrics } = await import('../metrics/generation');
      return {
        ...generationMetrics(
          scored.map(({ output }) => output),
          scored.map(({ references }) => references),
        ),
      };
    },
    view: ({ meaning, references }) => ({ text: meaning, truth: references.join(' / ') }),
    distribution(rows) {
      const counts = new Map<string, number>();
      for (const { meaning } of rows)
        for (const { slot } of slotsOf(meaning)) counts.set(slot, (counts.get(slot) ?? 0) + 1);
      return { title: 'Slots', bars: Array.from(counts, ([name, count]) => ({ name, count })) };
    },
    prediction(rows, _encoded, { written }, index) {
      const { meaning, references } = rows[index]!;
      const { text = '', tokenIds = [] } = written.get(index) ?? {};
      return { index, meaningRepresentation: meaning, prediction: text, references, tokenIds };
    },
    export: {
      tags: ['text-generation', 'data-to-text'],
      facts: [
        ['Input', 'a meaning representation, `slot[value], …`'],
        ['Output', 'a sentence that says it'],
      ],
      python: {
        autoClass: 'AutoModelForCausalLM',
        headArguments: '',
        standard: ['import re'],
        texts: ['name[Blue Spice], eatType[coffee shop], area[city centre]'],
        columns: 'mr, ref',
        constants: '',
        code: python(generateArguments(generation)),
      },
    },
  });
}

/** Sentences are trained on one by one, and compared with all together. */
async function load(files: SplitFiles, columns: MeaningColumns | undefined, seed: number, options: object) {
  const read = async ({ source, path }: DataFile) => readMeanings(await source.open(path, options), path, columns);
  if (files.validation) {
    const splits = await readSplits(files, read);
    return { splits: grouped(splits), heldOut: false };
  }
  // Meanings are set aside, not pairs: none may be in both parts.
  const { splits, heldOut } = await completed(files, seed, async (file) => groupedByMeaning(await read(file)));
  const pairs = splits
    .get('train')!
    .flatMap(({ meaning, references }) => references.map((reference) => ({ meaning, references: [reference] })));
  return { splits: new Map(splits).set('train', pairs), heldOut };
}

const grouped = (splits: ReadonlyMap<SplitName, MeaningRow[]>) =>
  new Map([...splits].map(([split, rows]) => [split, split === 'train' ? rows : groupedByMeaning(rows)]));

const filesOf = (source: DataFile['source'], pathOf: (split: SplitName) => string): SplitFiles => ({
  train: { source, path: pathOf('train') },
  validation: { source, path: pathOf('validation') },
  test: { source, path: pathOf('test') },
});

const hub = { dataset: 'tuetschek/e2e_nlg', revision: 'refs/convert/parquet' };

/** What the challenge and the bundled restaurants have in common. */
const shared = {
  question: 'How is it said in a sentence?',
  checkpoint: 'bundled:tiny-gpt2',
  fields,
} as const;

const e2e: TaskEntry<MeaningRow> = {
  ...shared,
  id: 'e2e',
  title: 'E2E NLG Challenge',
  group: 'Text',
  splits: ['train', 'validation', 'test'],
  dataset: hub.dataset,
  columns: usualColumns.map(({ meaning, reference }) => [meaning, reference]),
  describe: (recipe) => make(recipe, e2e),
  async load(recipe, { files, dataset, seed }, options) {
    const { data } = settingsOf(recipe);
    const from = files ?? filesOf(dataset(hub.dataset, hub.revision), (split) => `default/${split}/0000.parquet`);
    return { task: make(recipe, e2e), ...(await load(from, data?.columns, seed, options)) };
  },
  recognise(files) {
    const named = (pattern: RegExp) => files.find((file) => pattern.test(file.split('/').at(-1)!));
    const [train, validation, test] = [/^trainset\.csv$/, /^devset\.csv$/, /^testset_w_refs\.csv$/].map(named);
    if (!train) return undefined;
    return { train, ...(validation && { validation }), ...(test && { test }) };
  },
};

const restaurants: TaskEntry<MeaningRow> = {
  ...shared,
  id: 'restaurants',
  title: 'Restaurants',
  group: 'Bundled',
  splits: ['train', 'validation'],
  describe: (recipe) => make(recipe, restaurants),
  async load(recipe, { files, bundled, seed }, options) {
    const { data } = settingsOf(recipe);
    const { test: _, ...own } = filesOf(bundled('restaurants'), (split) => `${split}.csv`);
    return { task: make(recipe, restaurants), ...(await load(files ?? own, data?.columns, seed, options)) };
  },
};

export const tasks: readonly TaskEntry<MeaningRow>[] = [restaurants, e2e];
