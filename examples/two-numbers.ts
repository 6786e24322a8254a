/**
 * Two numbers: a sentence such as “Three cups and seven spoons lie in the box.” is answered by how many there are of the first thing and
 * of the second. A task in one file outside `src`, with what none there has: two numbers to a row, its own head and loss, fields of its
 * own in the recipe, and rows that it makes itself or reads from JSON lines.
 *
 * The head is that of `…ForTokenClassification`, read at the first token, so that `transformers` opens what is exported.
 */
import { z } from 'zod';
import type { ReadOptions } from '../src/checkpoint/source';
import { encodeRows } from '../src/data/encoding';
import { holdOut, type DataFile } from '../src/data/load-labelled';
import type { SplitName } from '../src/data/splits';
import { readTable } from '../src/data/table';
import { UserError } from '../src/errors';
import { linear } from '../src/graph/ops/linear';
import { loss } from '../src/graph/ops/loss';
import { selectRows } from '../src/graph/ops/select';
import { view } from '../src/graph/ops/storage';
import { dense, type Head, type Model } from '../src/models/core/model';
import { createRandom } from '../src/random';
import { predictRows } from '../src/tasks/core/predict';
import type { Task, TaskEntry, TaskRecipe } from '../src/tasks/core/task';

type Pair = readonly [first: number, second: number];

export interface CountedRow {
  readonly text: string;
  readonly numbers: Pair;
}

const fields = {
  data: {
    /** Columns that hold the two numbers; the sentence is in `text`. */
    numbers: z.tuple([z.string(), z.string()]).default(['first', 'second']),
  },
  training: {
    /** How many things 1 at the head's outputs stands for. */
    unit: z.number().positive().max(100).default(5),
  },
  words: { unit: { label: 'Things a unit', help: 'How many things 1 at the head’s outputs stands for.' } },
  recipe: {
    answers: z.strictObject({ decimals: z.number().int().min(0).max(3).default(0) }).prefault({}),
  },
};

const settings = (recipe: TaskRecipe) => ({
  ...z.object(fields.data).parse(recipe.data ?? {}),
  ...z.object(fields.training).parse(recipe.training),
  ...z.object(fields.recipe).parse(recipe),
});
type Settings = ReturnType<typeof settings>;

const words = ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const things = ['cups', 'spoons', 'books', 'pens', 'coins', 'shoes', 'plates', 'keys', 'stones', 'letters'];
const places = ['lie in the box', 'stand on the shelf', 'were left behind', 'belong to my sister', 'are for sale'];
const drawnRows = { train: 640, validation: 96 };

/** Sentences in the order in which the seed draws them. */
function draw(count: number, seed: number, stream: number): CountedRow[] {
  const random = createRandom(seed, stream);
  const index = (length: number) => Math.floor(random() * length);
  return Array.from({ length: count }, () => {
    const [a, b] = [index(words.length), index(words.length)];
    const first = things[index(things.length)]!;
    const others = things.filter((thing) => thing !== first);
    const sentence = `${words[a]!} ${first} and ${words[b]!} ${others[index(others.length)]!} ${places[index(places.length)]!}.`;
    return { text: sentence[0]!.toUpperCase() + sentence.slice(1), numbers: [a + 2, b + 2] };
  });
}

/** @throws UserError those of `readTable`, `data/column`, `data/number` */
async function readRows(
  { source, path }: DataFile,
  { numbers }: Settings,
  options: ReadOptions,
): Promise<CountedRow[]> {
  const table = await readTable(await source.open(path, options), path);
  const [text, ...counts] = ['text', ...numbers].map((name) => {
    const at = table.columns.indexOf(name);
    if (at < 0)
      throw new UserError('data/column', `${path} has no column ${name}; it has ${table.columns.join(', ')}.`);
    return at;
  });
  return table.rows.map((row, i) => {
    const [first, second] = counts.map((at) => Number(row[at] ?? NaN));
    if (!Number.isFinite(first) || !Number.isFinite(second))
      throw new UserError('data/number', `${path}, row ${i + 1}: ${numbers.join(' and ')} must be numbers.`);
    return { text: String(row[text!] ?? ''), numbers: [first!, second!] };
  });
}

const classes: Readonly<Record<string, string>> = {
  roberta: 'RobertaForTokenClassification',
  bert: 'BertForTokenClassification',
};

function head(model: Model): Head {
  const trained = dense('classifier', 2, model.hiddenSize);
  return {
    className: classes[model.architecture] ?? 'AutoModelForTokenClassification',
    module: 'classifier',
    trained,
    trace(scope, hidden, { length }) {
      const [weight, bias] = trained.map(({ name, shape }) => scope.headParameter(name, shape));
      const first = scope.headDropout(selectRows(scope.graph, hidden, length), 1);
      return linear(scope.graph, { x: first, weight: weight!, bias });
    },
  };
}

const python = `
def encode(tokenizer, rows):
    return tokenizer([row["text"] for row in rows], truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")


def numbers(model, tokenizer, rows):
    return UNIT * model(**encode(tokenizer, rows)).logits[:, 0]


def answer(model, tokenizer, text):
    model.eval()
    with torch.no_grad():
        first, second = numbers(model, tokenizer, [{"text": text}])[0].tolist()
    return {"first": first, "second": second}


def batch_loss(model, tokenizer, rows):
    truth = torch.tensor([[float(row["first"]), float(row["second"])] for row in rows])
    return ((numbers(model, tokenizer, rows) - truth) / UNIT).pow(2).mean()
`;

function twoNumbers({ unit, answers: { decimals } }: Settings): Task<CountedRow, Float32Array> {
  const answerOf = (outputs: Float32Array, row: number): Pair => [
    unit * outputs[2 * row]!,
    unit * outputs[2 * row + 1]!,
  ];
  const shown = ([first, second]: Pair) => `${first.toFixed(decimals)} and ${second.toFixed(decimals)}`;
  const right = ({ numbers }: CountedRow, answer: Pair) => answer.every((value, i) => Math.round(value) === numbers[i]);
  return {
    id: 'two-numbers',
    title: 'Two numbers',
    question: 'How many of the first thing, and how many of the second?',
    primaryMetric: 'explained_variance',
    fields: ['Sentence'],
    rowOf: ([text = '']) => ({ text, numbers: [0, 0] }),
    encode: (tokenizer, rows, { maxLength, ...options }) =>
      encodeRows(
        rows,
        ({ text, numbers }) => [
          { ...tokenizer.encode(text, undefined, maxLength), targets: { numbers: numbers.map((n) => n / unit) } },
        ],
        options,
      ),
    head,
    loss: ({ graph }, outputs, { batchSize }) =>
      loss(
        graph,
        'meanSquaredError',
        view(graph, outputs, 0, [2 * batchSize, 1]),
        graph.input('numbers', [2 * batchSize]),
      ),
    evaluate: (predictor, { encoded }, options) => predictRows(predictor, encoded, 2, options),
    score(rows, _encoded, outputs) {
      const truth = rows.flatMap(({ numbers }) => [...numbers]);
      const mean = truth.reduce((sum, n) => sum + n, 0) / truth.length;
      const square = (values: readonly number[]) => values.reduce((sum, value) => sum + value ** 2, 0) / truth.length;
      const error = square(truth.map((n, i) => unit * outputs[i]! - n));
      return {
        explained_variance: 1 - error / square(truth.map((n) => n - mean)),
        both_right: rows.filter((row, i) => right(row, answerOf(outputs, i))).length / rows.length,
        loss: error / unit ** 2,
      };
    },
    view: ({ text, numbers }) => ({ text, truth: numbers.join(' and ') }),
    answerView: (outputs, row) => ({ answer: shown(answerOf(outputs, row)) }),
    difference: (one, other, row) => (shown(answerOf(one, row)) === shown(answerOf(other, row)) ? 0 : 1),
    isRight: (rows, outputs, row) => right(rows[row]!, answerOf(outputs, row)),
    figure: (rows, outputs) => ({
      type: 'scatter',
      points: rows.flatMap(({ numbers }, row) =>
        answerOf(outputs, row).map((prediction, i) => ({ truth: numbers[i]!, prediction })),
      ),
    }),
    distribution(rows) {
      const counts = new Map<number, number>();
      for (const n of rows.flatMap(({ numbers }) => [...numbers])) counts.set(n, (counts.get(n) ?? 0) + 1);
      const bars = [...counts].sort(([a], [b]) => a - b).map(([n, count]) => ({ name: String(n), count }));
      return { title: 'Numbers named', bars };
    },
    prediction: (rows, _encoded, outputs, index) => {
      const { text, numbers } = rows[index]!;
      return { index, text, numbers, prediction: answerOf(outputs, index) };
    },
    export: {
      taskType: 'TOKEN_CLS',
      pipelineTag: 'token-classification',
      tags: ['counting'],
      config: { id2label: { 0: 'first', 1: 'second' }, label2id: { first: 0, second: 1 }, num_labels: 2 },
      facts: [
        ['Input', 'a sentence that names two numbers of things'],
        ['Answers', `the two numbers, in units of ${unit}, at the first token`],
      ],
      python: {
        autoClass: 'AutoModelForTokenClassification',
        headArguments: 'num_labels=2',
        texts: ['Three cups and seven spoons lie in the box.'],
        columns: 'text, first, second',
        constants: `UNIT = ${unit}`,
        code: python,
      },
    },
  };
}

export const task: TaskEntry<CountedRow> = {
  id: 'two-numbers',
  title: 'Two numbers',
  question: 'How many of the first thing, and how many of the second?',
  group: 'Counting',
  splits: ['train', 'validation'],
  fields,
  describe: (recipe) => twoNumbers(settings(recipe)),
  async load(recipe, { files, seed }, options) {
    const own = settings(recipe);
    const read = (file: DataFile) => readRows(file, own, options);
    const drawn = () => ({ train: draw(drawnRows.train, seed, 1), validation: draw(drawnRows.validation, seed, 2) });
    const given = async ({ train, validation }: NonNullable<typeof files>) =>
      validation ? { train: await read(train), validation: await read(validation) } : holdOut(await read(train), seed);
    const { train, validation } = files ? await given(files) : drawn();
    const splits = new Map<SplitName, CountedRow[]>([
      ['train', train],
      ['validation', validation],
    ]);
    return { task: twoNumbers(own), splits, heldOut: files !== undefined && files.validation === undefined };
  },
};
