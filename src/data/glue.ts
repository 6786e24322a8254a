/**
 * The nine tasks of GLUE (arXiv 1804.07461), and the bundled sample.
 *
 * Columns, label names and their order are those of the hub's data set `nyu-mll/glue`, so that a class id means the same here as
 * in a model tuned elsewhere; `tsv` describes the official GLUE files, whose column names differ.
 */
import { classificationMetrics, glueMetrics } from '../metrics/task-metrics';
import type { HubLayout, LabelledData, TsvLayout } from './labelled';

type GlueTaskId = keyof typeof glueMetrics;
/** What the table does not derive. */
type GlueEntry = Pick<LabelledData, 'title' | 'question' | 'columns' | 'labelNames' | 'labelRange'> & {
  tsv: Omit<TsvLayout, 'splits'> & Partial<TsvLayout>;
  /** Names of the hub's splits, where they are not `train` and `validation`. */
  hubSplits?: HubLayout['splits'];
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
      splits: { train: 'train.tsv', validation: 'dev_matched.tsv', validationMismatched: 'dev_mismatched.tsv' },
      columns: { text: 'sentence1', pair: 'sentence2', label: 'gold_label' },
    },
    hubSplits: {
      train: 'train',
      validation: 'validation_matched',
      validationMismatched: 'validation_mismatched',
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

/** The nine of GLUE, by id. */
export const glue: readonly LabelledData[] = Object.entries(glueEntries).map(([id, { hubSplits, tsv, ...entry }]) => ({
  ...entry,
  id,
  kind: entry.labelNames.length ? 'classification' : 'regression',
  numLabels: entry.labelNames.length || 1,
  metrics: glueMetrics[id as GlueTaskId],
  tsv: { splits: { train: 'train.tsv', validation: 'dev.tsv' }, ...tsv },
  hub: {
    dataset: 'nyu-mll/glue',
    config: id,
    splits: hubSplits ?? { train: 'train', validation: 'validation' },
  },
}));

/** The bundled sample. */
export const sample: LabelledData = {
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
    splits: { train: 'train.tsv', validation: 'validation.tsv' },
    columns: { text: 'sentence', label: 'label' },
  },
};

/** A known one, by id. Throws an `Error` where there is none. */
export function knownData(id: string): LabelledData {
  const found = [sample, ...glue].find((data) => data.id === id);
  if (!found) throw new Error(`no labelled data are called ${id}`);
  return found;
}
