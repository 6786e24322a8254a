/**
 * Answers that are a span of a passage, as in SQuAD v1.1 (Rajpurkar et al. 2016, arXiv 1606.05250): the head scores each token as the first
 * of the answer and as its last. Scored by exact match and F1 as the official script has them.
 */
import { z } from 'zod';
import { makeBatch } from '../data/batching';
import { encodeRows } from '../data/encoding';
import { completed, type DataFile, type SplitFiles } from '../data/load-labelled';
import type { SplitName } from '../data/splits';
import { readQuestions, type Question } from '../data/squad';
import { questionWindows } from '../data/windows';
import { UserError } from '../errors';
import { spanLoss } from '../graph/ops/span-loss';
import { bootstrap } from '../metrics/interval';
import type { SplitScores } from '../metrics/squad';
import { softmax } from './core/softmax';
import { bestSpans, ranked, rowLoss, windowCandidates, type Candidate, type RankedCandidate } from './core/spans';
import type { Explaining, Task, TaskEntry, TaskRecipe } from './core/task';

/** What a model answers to the questions of a split. */
interface SpanAnswers {
  /** The best spans of each question, the best first; none where the passage is empty. */
  readonly best: readonly (readonly RankedCandidate[])[];
  readonly texts: readonly string[];
  readonly scores: SplitScores;
  readonly loss: number;
}

const lengths = z.number().int().min(4).max(8192);
const fieldsWith = (maxLength: number, docStride: number) => ({
  training: {
    maxLength: lengths.default(maxLength),
    docStride: z.number().int().min(0).max(8192).default(docStride),
  },
  words: {
    docStride: { label: 'Window overlap', help: 'Tokens that two windows of a long passage share.' },
  },
});

const python = `
def outputs_of(model, **inputs):
    """PEFT's own forward for question answering loses token types (0.21), so the model inside it is called."""
    return (model.get_base_model() if hasattr(model, "get_base_model") else model)(**inputs)


def encode(tokenizer, question, context):
    return tokenizer(question.lstrip(), context, truncation="only_second", max_length=MAX_LENGTH, stride=DOC_STRIDE,
                     return_overflowing_tokens=True, return_offsets_mapping=True, padding=True, return_tensors="pt")


def answer(model, tokenizer, context, question):
    model.eval()
    windows = encode(tokenizer, question, context)
    offsets = windows.pop("offset_mapping")
    windows.pop("overflow_to_sample_mapping")
    with torch.no_grad():
        outputs = outputs_of(model, **windows)
    best = (float("-inf"), "")
    for i in range(len(offsets)):
        inside = [kind == 1 for kind in windows.sequence_ids(i)]
        starts, ends = outputs.start_logits[i], outputs.end_logits[i]
        for start in starts.topk(min(20, len(starts))).indices.tolist():
            for end in ends.topk(min(20, len(ends))).indices.tolist():
                if inside[start] and inside[end] and start <= end < start + 30:
                    score = (starts[start] + ends[end]).item()
                    if score > best[0]:
                        best = (score, context[offsets[i][start][0] : offsets[i][end][1]])
    return best[1]


def batch_loss(model, tokenizer, rows):
    features, starts, ends = [], [], []
    for row in rows:
        text = row["answer"]
        begin = int(row.get("answer_start") or row["context"].index(text))
        windows = encode(tokenizer, row["question"], row["context"])
        for i, places in enumerate(windows["offset_mapping"].tolist()):
            held = [t for t, kind in enumerate(windows.sequence_ids(i)) if kind == 1]
            whole = held and places[held[0]][0] <= begin and places[held[-1]][1] >= begin + len(text)
            starts.append(max(t for t in held if places[t][0] <= begin) if whole else 0)
            ends.append(min(t for t in held if places[t][1] >= begin + len(text)) if whole else 0)
            features.append({name: windows[name][i] for name in tokenizer.model_input_names})
    batch = tokenizer.pad(features, return_tensors="pt")
    return outputs_of(model, **batch, start_positions=torch.tensor(starts), end_positions=torch.tensor(ends)).loss
`;

/** The answer's score is that of its start plus that of its end; its states are those of its tokens. */
const explaining: Explaining = {
  trace: ({ graph }, outputs) => ({ read: [outputs], of: outputs, seed: graph.input('seed', outputs.shape) }),
  subject([logits], { at, length, tokens, inPassage = () => true }) {
    const score = (token: number, column: number) => logits![2 * (at * length + token) + column]!;
    const [best] = bestSpans(tokens, score, inPassage);
    const [from, to] = best ? [best.startToken, best.endToken] : [0, 0];
    return { label: '', from, to, isSpan: best !== undefined, choice: [from, to] };
  },
  seeds({ choice: [start, end] }, { batchSize, length }) {
    const seed = new Float32Array(2 * batchSize * length);
    for (let row = 0; row < batchSize; row++) {
      seed[2 * (row * length + start!)] = 1;
      seed[2 * (row * length + end!) + 1] = 1;
    }
    return { seed };
  },
  score: ([logits], { choice: [start, end] }, { at, length }) =>
    logits![2 * (at * length + start!)]! + logits![2 * (at * length + end!) + 1]!,
  probability([logits], { choice }, { at, length, tokens }) {
    const of = (column: number) =>
      softmax(Array.from({ length: tokens }, (_, token) => logits![2 * (at * length + token) + column]!));
    return of(0)[choice[0]!]! * of(1)[choice[1]!]!;
  },
};

const settingsOf = (recipe: TaskRecipe, { training }: ReturnType<typeof fieldsWith>) =>
  z.looseObject({ training: z.looseObject(training) }).parse(recipe).training;

function make(
  recipe: TaskRecipe,
  { id, title }: Pick<TaskEntry, 'id' | 'title'>,
  fields: ReturnType<typeof fieldsWith>,
) {
  const { docStride } = settingsOf(recipe, fields);
  const task: Task<Question, SpanAnswers> = {
    id,
    title,
    question: words.question,
    primaryMetric: 'f1',
    fields: ['Passage', 'Question'],
    rowOf: ([context = '', question = '']) => ({ id: 'own', context, question, answers: [] }),
    encode: (tokenizer, rows, { maxLength, ...options }) =>
      encodeRows(rows, (row) => questionWindows(tokenizer, row, { maxLength, docStride }), options),
    head(model) {
      const head = model.spanHead?.();
      if (head) return head;
      throw new UserError(
        'task/model',
        `A ${model.architecture} checkpoint does not point into a passage; choose a RoBERTa or BERT, such as bundled:tiny-roberta, for this task.`,
      );
    },
    loss: ({ graph }, logits, { batchSize }) =>
      spanLoss(graph, {
        logits,
        starts: graph.input('starts', [batchSize]),
        ends: graph.input('ends', [batchSize]),
        lengths: graph.input('lengths', [batchSize], 'u32'),
      }),
    async evaluate(predictor, { rows, encoded }, options) {
      const { count, offsets, exampleOf, targets } = encoded;
      const { batchSize, maxLength, tokenizer, signal, onProgress } = options;
      const rowLength = (row: number) => offsets[row + 1]! - offsets[row]!;
      const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => rowLength(b) - rowLength(a));
      const windows = rows.map((): Candidate[][] => []);
      const ofRow: Candidate[][] = [];
      let loss = 0;
      for (let start = 0; start < count; start += batchSize) {
        signal?.throwIfAborted();
        const chosen = order.slice(start, start + batchSize);
        const batch = makeBatch(encoded, chosen, { maxLength, padTokenId: tokenizer.padTokenId });
        const logits = await predictor.predict(batch);
        const padded = rowLength(chosen[0]!);
        chosen.forEach((row, i) => {
          const of = (tokens: number) => logits.subarray(2 * i * batch.length, 2 * (i * batch.length + tokens));
          ofRow[row] = windowCandidates(encoded, row, of(rowLength(row)));
          loss += rowLoss(of(padded), targets['starts']![row]!, targets['ends']![row]!) / count;
        });
        onProgress?.(Math.min(start + batchSize, count), count);
      }
      ofRow.forEach((candidates, row) => windows[exampleOf[row]!]!.push(candidates));
      const best = windows.map(ranked);
      const texts = best.map(([first], i) => (first ? rows[i]!.context.slice(first.start, first.end) : ''));
      // Fetched by whoever evaluates: the page needs the task's words only.
      const { squadScores } = await import('../metrics/squad');
      return {
        best,
        texts,
        loss,
        scores: squadScores(
          texts,
          rows.map(({ answers }) => answers.map(({ text }) => text)),
        ),
      };
    },
    score: (_rows, _encoded, { scores: { exactMatch, f1 }, loss }) => ({ exactMatch, f1, loss }),
    interval: (rows, { scores }) =>
      bootstrap(
        rows.length,
        (places) => places.reduce((sum, place) => sum + scores.rows[place]!.f1, 0) / places.length,
      ),
    view: ({ context, question, answers }) => ({
      text: context,
      pair: question,
      truth: [...new Set(answers.map(({ text }) => text))].join(' / '),
    }),
    answerView: ({ best, texts }, index) => ({
      answer: texts[index]!,
      shares: best[index]!.slice(0, 3).map(({ probability }, i) => ({
        label: i === 0 ? texts[index]! : `${i + 1}.`,
        share: probability,
      })),
    }),
    difference: (one, other, index) => (one.texts[index] === other.texts[index] ? 0 : 1),
    isRight: (_rows, { scores }, index) => scores.rows[index]!.exactMatch === 1,
    distribution(rows) {
      const counts = new Map<string, number>();
      for (const { question } of rows) {
        const word = /\b(?:who|what|when|where|which|why|how)\b/i.exec(question)?.[0].toLowerCase() ?? 'other';
        counts.set(word, (counts.get(word) ?? 0) + 1);
      }
      const bars = Array.from(counts, ([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
      return { title: 'Questions', bars };
    },
    prediction(rows, _encoded, { best, texts, scores }, index) {
      const { id: questionId, question, context, answers } = rows[index]!;
      const { exactMatch, f1 } = scores.rows[index]!;
      return {
        id: questionId,
        question,
        prediction: texts[index],
        answers: answers.map(({ text }) => text),
        exactMatch,
        f1,
        nBest: best[index]!.map(({ start, end, score, probability }) => ({
          text: context.slice(start, end),
          score,
          probability,
        })),
      };
    },
    predictionFiles: (rows, { texts }) =>
      new Map([
        ['squad-predictions.json', `${JSON.stringify(Object.fromEntries(rows.map((row, i) => [row.id, texts[i]])))}\n`],
      ]),
    explaining,
    export: {
      taskType: 'QUESTION_ANS',
      pipelineTag: 'question-answering',
      tags: ['question-answering'],
      config: {},
      facts: [
        ['Input', 'a question and the passage that holds its answer'],
        ['Output', 'a span of the passage'],
      ],
      python: {
        autoClass: 'AutoModelForQuestionAnswering',
        headArguments: '',
        texts: ['The lighthouse was built in 1821 by two brothers.', 'When was the lighthouse built?'],
        columns: 'context, question, answer; answer_start where the answer stands more than once',
        constants: `DOC_STRIDE = ${docStride}`,
        code: python,
      },
    },
  };
  return task;
}

const words = { question: 'Where in the passage is the answer?' } as const;

async function load(files: SplitFiles, seed: number, options: object) {
  const read = async ({ source, path }: DataFile) => readQuestions(await source.open(path, options), path);
  return completed(files, seed, read);
}

const filesOf = (source: DataFile['source'], pathOf: (split: SplitName) => string): SplitFiles => ({
  train: { source, path: pathOf('train') },
  validation: { source, path: pathOf('validation') },
});

/** Where rows come from if the recipe names no files. */
type Origin = (sources: Parameters<TaskEntry['load']>[1]) => SplitFiles;

const entry = (
  own: Pick<TaskEntry, 'id' | 'title' | 'group' | 'dataset' | 'recognise'>,
  fields: ReturnType<typeof fieldsWith>,
  origin: Origin,
): TaskEntry<Question> => ({
  ...own,
  ...words,
  splits: ['train', 'validation'],
  fields,
  check(recipe) {
    const { maxLength, docStride } = settingsOf(recipe, fields);
    if (docStride >= maxLength)
      throw new UserError(
        'recipe/invalid',
        `The recipe does not work at training.docStride: windows of maxLength ${maxLength} tokens cannot overlap by ${docStride}; lower docStride.`,
      );
  },
  describe: (recipe) => make(recipe, own, fields),
  load: async (recipe, sources, options) => ({
    task: make(recipe, own, fields),
    ...(await load(sources.files ?? origin(sources), sources.seed, options)),
  }),
});

const dataset = 'rajpurkar/squad';

export const tasks: readonly TaskEntry<Question>[] = [
  entry({ id: 'questions', title: 'Questions', group: 'Bundled' }, fieldsWith(192, 64), ({ bundled }) =>
    filesOf(bundled('questions'), (split) => `${split}.json`),
  ),
  entry(
    {
      id: 'squad',
      title: 'SQuAD v1.1',
      group: 'Text',
      dataset,
      recognise(files) {
        const named = (pattern: RegExp) => files.find((file) => pattern.test(file.split('/').at(-1)!));
        const [train, validation] = [named(/^train-v1\.1.*\.json$/), named(/^dev-v1\.1.*\.json$/)];
        return train ? { train, ...(validation && { validation }) } : undefined;
      },
    },
    fieldsWith(384, 128),
    (sources) => filesOf(sources.dataset(dataset), (split) => `plain_text/${split}-00000-of-00001.parquet`),
  ),
];
