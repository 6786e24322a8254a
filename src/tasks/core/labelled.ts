/**
 * What classification and regression share: rows of one text or two with a label, the head of `…ForSequenceClassification`, and its
 * Python. The answers to a split are its logits, `[count, numLabels]`.
 */
import { encodeExamples } from '../../data/encoding';
import { loadLabelled } from '../../data/load-labelled';
import type { Example, LabelledData } from '../../data/labelled';
import { splitNames } from '../../data/splits';
import { loss, type LossKind } from '../../graph/ops/loss';
import { bootstrap, wilson } from '../../metrics/interval';
import { predictionsFromLogits, taskMetrics } from '../../metrics/task-metrics';
import { predictRows } from './predict';
import { softmax } from './softmax';
import type { Explaining, RowPlace, Task, TaskEntry, TaskPython } from './task';

/** What the kinds leave to each other: everything else of a task follows from its data. */
export type LabelledPart = Pick<
  Task<Example, Float32Array>,
  'answerView' | 'difference' | 'isRight' | 'figure' | 'distribution' | 'view' | 'guess'
> & {
  readonly lossKind: LossKind;
  /** Loss of one row, as the program computes it. */
  rowLoss(logits: Float32Array, label: number): number;
  readonly export: Omit<Task['export'], 'taskType' | 'pipelineTag' | 'python'>;
  readonly python: Pick<TaskPython, 'constants' | 'code' | 'headArguments'>;
};

export function labelledTask(data: LabelledData, part: LabelledPart): Task<Example, Float32Array> {
  const { numLabels } = data;
  const paired = data.columns.pair !== undefined;
  const rowOutputs = (logits: Float32Array, row: number) => logits.subarray(row * numLabels, (row + 1) * numLabels);
  const { lossKind, rowLoss, python, export: exported, ...own } = part;
  return {
    id: data.id,
    title: data.title,
    question: data.question,
    primaryMetric: data.metrics.primary,
    fields: paired ? ['First text', 'Second text'] : ['Text'],
    rowOf: ([text = '', pair]) => ({ text, ...(paired && pair !== undefined && { pair }), label: 0 }),
    encode: encodeExamples,
    head: (model) => model.sequenceHead(numLabels),
    loss: ({ graph }, logits, { batchSize }) => loss(graph, lossKind, logits, graph.input('labels', [batchSize])),
    evaluate: (predictor, { encoded }, options) => predictRows(predictor, encoded, numLabels, options),
    score(rows, { count }, logits) {
      const truth = Float32Array.from(rows, ({ label }) => label);
      let mean = 0;
      for (let i = 0; i < count; i++) mean += rowLoss(rowOutputs(logits, i), truth[i]!) / count;
      return { ...taskMetrics(data.metrics, predictionsFromLogits(logits, numLabels), truth), loss: mean };
    },
    interval(rows, logits) {
      const predictions = predictionsFromLogits(logits, numLabels);
      const truth = Float64Array.from(rows, ({ label }) => label);
      const { primary } = data.metrics;
      if (primary === 'accuracy')
        return wilson(predictions.filter((answer, i) => answer === truth[i]).length, rows.length);
      const choice = { names: [primary], primary };
      return bootstrap(rows.length, (places) => {
        const drawn = (values: Float64Array) => Float64Array.from(places, (i) => values[i]!);
        return taskMetrics(choice, drawn(predictions), drawn(truth))[primary]!;
      });
    },
    prediction(rows, { offsets, inputIds, tokenTypeIds }, logits, index) {
      const { text, pair, label } = rows[index]!;
      const [start, end] = [offsets[index]!, offsets[index + 1]!];
      const outputs = rowOutputs(logits, index);
      return {
        index,
        text,
        ...(pair !== undefined && { pair }),
        label,
        prediction: predictionsFromLogits(outputs, numLabels)[0],
        logits: Array.from(outputs),
        inputIds: Array.from(inputIds.subarray(start, end)),
        tokenTypeIds: Array.from(tokenTypeIds.subarray(start, end)),
      };
    },
    ...own,
    explaining: explaining(numLabels, (outputs, choice) => data.labelNames[choice] ?? outputs[choice]!.toFixed(2)),
    export: {
      taskType: 'SEQ_CLS',
      pipelineTag: 'text-classification',
      ...exported,
      facts: [...exported.facts, ['Input', paired ? 'two texts' : 'one text']],
      python: {
        autoClass: 'AutoModelForSequenceClassification',
        texts: paired ? ['This is a test.', 'This was tested.'] : ['This is a test.'],
        columns: paired ? 'text, pair, label' : 'text, label',
        headArguments: python.headArguments,
        constants: python.constants,
        code: `${encodePython.trim()}\n\n\n${python.code.trim()}`,
      },
    },
  };
}

/** The answer's score is its logit; a classifier's state is that of the first token. @param answer how an answer is shown */
function explaining(numLabels: number, answer: (outputs: Float32Array, choice: number) => string): Explaining {
  const rowOf = ([outputs]: readonly Float32Array[], { at }: RowPlace) =>
    outputs!.subarray(at * numLabels, (at + 1) * numLabels);
  return {
    trace: ({ graph }, outputs) => ({ read: [outputs], of: outputs, seed: graph.input('seed', outputs.shape) }),
    subject(read, row) {
      const outputs = rowOf(read, row);
      const choice = outputs.indexOf(Math.max(...outputs));
      return { label: answer(outputs, choice), from: 0, to: 0, isSpan: false, choice: [choice] };
    },
    seeds({ choice: [choice] }, { batchSize }) {
      const seed = new Float32Array(batchSize * numLabels);
      for (let row = 0; row < batchSize; row++) seed[row * numLabels + choice!] = 1;
      return { seed };
    },
    score: (read, { choice: [choice] }, row) => rowOf(read, row)[choice!]!,
    probability(read, { choice: [choice] }, row) {
      const outputs = rowOf(read, row);
      return numLabels === 1 ? outputs[0]! : softmax(outputs)[choice!]!;
    },
  };
}

const encodePython = `

def encode(tokenizer, rows):
    pairs = [row.get("pair") or None for row in rows]
    second = pairs if any(pairs) else None
    return tokenizer([row["text"] for row in rows], second, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
`;

/** The entry of data that the project knows: from the hub, the recipe's files, or beside the page. */
export function labelledEntry(
  data: LabelledData,
  group: string,
  make: (data: LabelledData) => Task<Example, Float32Array>,
): TaskEntry<Example> {
  const { tsv, hub } = data;
  const named = (files: readonly string[], name: string | undefined) =>
    files.find((file) => name !== undefined && file.split('/').at(-1) === name);
  return {
    id: data.id,
    title: data.title,
    question: data.question,
    group,
    splits: splitNames.filter((split) => tsv?.splits[split] !== undefined),
    ...(hub && { dataset: hub.dataset }),
    describe: () => make(data),
    async load(_recipe, { files, dataset, bundled, seed }, options) {
      const from = files
        ? { files, seed }
        : hub
          ? { hub: dataset(hub.dataset) }
          : { folder: bundled(tsv?.folder ?? data.id) };
      return { task: make(data), ...(await loadLabelled(data, from, options)) };
    },
    recognise(files) {
      const found = splitNames.flatMap((split) => {
        const file = named(files, tsv?.splits[split]);
        return file === undefined ? [] : [[split, file] as const];
      });
      return hub && found.some(([split]) => split === 'train') ? Object.fromEntries(found) : undefined;
    },
  };
}
