/** The parts a data set comes in. Beside `train`, a split is scored at every evaluation; the first that a task has decides. */
export const splitNames = ['train', 'validation', 'validationMismatched', 'test'] as const;
export type SplitName = (typeof splitNames)[number];

/** Rows of each split, `train` first and then in the order in which they are scored. */
export type Splits<Row> = ReadonlyMap<SplitName, readonly Row[]>;

/** The split by which weights are chosen: the first that is not trained on. Throws an `Error` where there is none. */
export function decidingSplit(splits: ReadonlyMap<SplitName, unknown>): SplitName {
  const found = [...splits.keys()].find((name) => name !== 'train');
  if (!found) throw new Error('a task has at least one split to be scored on');
  return found;
}

/** What a metric on a split is called: plain on the deciding one, `accuracy_mismatched`, `bleu_test` on others. */
export function metricName(metric: string, split: SplitName, deciding: SplitName): string {
  if (split === deciding) return metric;
  return `${metric}_${split.replace(/^validation(?=.)/, '').toLowerCase()}`;
}
