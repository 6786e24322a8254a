/** Data that pair one text, or two, with a label: what a table of them holds and where its parts lie. */
import { classificationMetrics, regressionMetrics, type MetricChoice } from '../metrics/task-metrics';
import type { SplitName } from './splits';

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
  /** File of each split, `train` first. */
  splits: Readonly<Partial<Record<SplitName, string>> & { train: string }>;
  columns: ColumnMapping<string | number>;
  /** QQP as distributed holds a few rows broken by line breaks; like the hub's own script, we leave them out. */
  skipShortRows?: boolean;
}

/** Where the splits lie in a hub data set: `<config>/<split>-00000-of-00001.parquet`. */
export interface HubLayout {
  dataset: string;
  config: string;
  /** The hub's name of each split, `train` first. */
  splits: Readonly<Partial<Record<SplitName, string>> & { train: string }>;
}

export interface LabelledData {
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

/**
 * A table of the user's own.
 *
 * @param labelNames class names by id; leave empty for scores
 */
export function ownData(title: string, columns: ColumnMapping, labelNames: readonly string[]): LabelledData {
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
