/**
 * The tasks: the nine of GLUE (arXiv 1804.07461), and the bundled sample.
 *
 * Columns, label names and their order are those of the hub's data set `nyu-mll/glue`, so that a class id means the same here as
 * in a model tuned elsewhere; `tsv` describes the official GLUE files, whose column names differ.
 */
import { classificationMetrics, glueMetrics, regressionMetrics, type MetricChoice } from '../metrics/task-metrics';

/** One text, or pair of texts, with its label: a class id from 0, or a score for a regression task. */
export interface Example {
  text: string;
  pair?: string;
  label: number;
}

/** Where text, pair and label stand; names in a file with a header, positions from 0 in one without. */
export interface ColumnMapping<Column = string> {
  text: Column;
  pair?: Column;
  label: Column;
}

/** An official GLUE file: tab-separated, never quoted. */
export interface TsvLayout {
  /** Folder name in the GLUE distribution. */
  folder: string;
  train: string;
  validation: string;
  /** MNLI's second validation file, from other genres than the training file. */
  validationMismatched?: string;
  columns: ColumnMapping<string | number>;
  /** QQP as distributed holds a few rows broken by line breaks; like the hub's own script, we leave them out. */
  skipShortRows?: boolean;
}

/** Where the task lies in a hub data set: `<config>/<split>-00000-of-00001.parquet`. */
export interface HubLayout {
  dataset: string;
  config: string;
  train: string;
  validation: string;
  validationMismatched?: string;
}

export interface Task {
  id: string;
  title: string;
  /** One sentence: what is asked of the model. */
  question: string;
  kind: 'classification' | 'regression';
  /** Columns in the hub's data set. */
  columns: ColumnMapping;
  /** Class names by id; empty for regression. */
  labelNames: readonly string[];
  /** Outputs of the head: the number of classes, or 1 for regression. */
  numLabels: number;
  /** Lowest and highest score of a regression task, where they are known. */
  labelRange?: readonly [number, number];
  metrics: MetricChoice;
  tsv?: TsvLayout;
  hub?: HubLayout;
}

export type GlueTaskId = keyof typeof glueMetrics;
export type TaskId = GlueTaskId | 'sample';

/** What `tasks` does not derive. */
type GlueEntry = Pick<Task, 'title' | 'question' | 'columns' | 'labelNames' | 'labelRange'> & {
  tsv: Omit<TsvLayout, 'train' | 'validation'> & Partial<TsvLayout>;
};

const sentences = { text: 'sentence1', pair: 'sentence2', label: 'label' };

const glueEntries: Record<GlueTaskId, GlueEntry> = {
  cola: {
    title: 'CoLA',
    question: 'Is the sentence acceptable English?',
    columns: { text: 'sentence', label: 'label' },
    labelNames: ['unacceptable', 'acceptable'],
    tsv: { folder: 'CoLA', columns: { text: 3, label: 1 } },
  },
  sst2: {
    title: 'SST-2',
    question: 'Is the film review positive or negative?',
    columns: { text: 'sentence', label: 'label' },
    labelNames: ['negative', 'positive'],
    tsv: { folder: 'SST-2', columns: { text: 'sentence', label: 'label' } },
  },
  mrpc: {
    title: 'MRPC',
    question: 'Do the two sentences say the same?',
    columns: sentences,
    labelNames: ['not_equivalent', 'equivalent'],
    tsv: { folder: 'MRPC', columns: { text: '#1 String', pair: '#2 String', label: 'Quality' } },
  },
  stsb: {
    title: 'STS-B',
    question: 'How similar are the two sentences, from 0 to 5?',
    columns: sentences,
    labelNames: [],
    labelRange: [0, 5],
    tsv: { folder: 'STS-B', columns: { text: 'sentence1', pair: 'sentence2', label: 'score' } },
  },
  qqp: {
    title: 'QQP',
    question: 'Do the two questions ask the same?',
    columns: { text: 'question1', pair: 'question2', label: 'label' },
    labelNames: ['not_duplicate', 'duplicate'],
    tsv: {
      folder: 'QQP',
      columns: { text: 'question1', pair: 'question2', label: 'is_duplicate' },
      skipShortRows: true,
    },
  },
  mnli: {
    title: 'MNLI',
    question: 'Does the first sentence imply the second, contradict it, or neither?',
    columns: { text: 'premise', pair: 'hypothesis', label: 'label' },
    labelNames: ['entailment', 'neutral', 'contradiction'],
    tsv: {
      folder: 'MNLI',
      validation: 'dev_matched.tsv',
      validationMismatched: 'dev_mismatched.tsv',
      columns: { text: 'sentence1', pair: 'sentence2', label: 'gold_label' },
    },
  },
  qnli: {
    title: 'QNLI',
    question: 'Does the sentence answer the question?',
    columns: { text: 'question', pair: 'sentence', label: 'label' },
    labelNames: ['entailment', 'not_entailment'],
    tsv: { folder: 'QNLI', columns: { text: 'question', pair: 'sentence', label: 'label' } },
  },
  rte: {
    title: 'RTE',
    question: 'Does the first sentence imply the second?',
    columns: sentences,
    labelNames: ['entailment', 'not_entailment'],
    tsv: { folder: 'RTE', columns: sentences },
  },
  wnli: {
    title: 'WNLI',
    question: 'Does the sentence, with its pronoun resolved, follow from the first?',
    columns: sentences,
    labelNames: ['not_entailment', 'entailment'],
    tsv: { folder: 'WNLI', columns: sentences },
  },
};

const glueTasks = Object.entries(glueEntries).map(([id, entry]): Task => {
  const mismatched = entry.tsv.validationMismatched !== undefined;
  return {
    ...entry,
    id,
    kind: entry.labelNames.length ? 'classification' : 'regression',
    numLabels: entry.labelNames.length || 1,
    metrics: glueMetrics[id as GlueTaskId],
    tsv: { train: 'train.tsv', validation: 'dev.tsv', ...entry.tsv },
    hub: {
      dataset: 'nyu-mll/glue',
      config: id,
      train: 'train',
      validation: mismatched ? 'validation_matched' : 'validation',
      ...(mismatched && { validationMismatched: 'validation_mismatched' }),
    },
  };
});

const sampleTask: Task = {
  id: 'sample',
  title: 'Bundled sample',
  question: 'Does the sentence praise or complain?',
  kind: 'classification',
  columns: { text: 'sentence', label: 'label' },
  labelNames: ['negative', 'positive'],
  numLabels: 2,
  metrics: classificationMetrics,
  tsv: {
    folder: 'sample',
    train: 'train.tsv',
    validation: 'validation.tsv',
    columns: { text: 'sentence', label: 'label' },
  },
};

/** Every task we know, the bundled sample first. */
export const tasks: Readonly<Record<TaskId, Task>> = Object.fromEntries(
  [sampleTask, ...glueTasks].map((task) => [task.id, task]),
) as Record<TaskId, Task>;

export const isTaskId = (id: string): id is TaskId => Object.hasOwn(tasks, id);

/**
 * A task of the user's own.
 *
 * @param labelNames class names by id; leave empty for regression
 */
export function customTask(title: string, columns: ColumnMapping, labelNames: readonly string[]): Task {
  const regression = labelNames.length === 0;
  return {
    id: 'custom',
    title,
    question: regression ? 'Which score?' : `Which of: ${labelNames.join(', ')}?`,
    kind: regression ? 'regression' : 'classification',
    columns,
    labelNames,
    numLabels: regression ? 1 : labelNames.length,
    metrics: regression ? regressionMetrics : classificationMetrics,
  };
}
