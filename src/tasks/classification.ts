/** Classification of a text or a pair: cross-entropy over classes, the largest logit answers. */
import { glue, sample } from '../data/glue';
import type { LabelledData } from '../data/labelled';
import { predictionsFromLogits, taskMetrics } from '../metrics/task-metrics';
import { softmax } from './core/softmax';
import { labelledEntry, labelledTask } from './core/labelled';
import type { Task, TaskEntry } from './core/task';
import type { Example } from '../data/labelled';

const python = `
def answer(model, tokenizer, text, pair=None):
    model.eval()
    with torch.no_grad():
        logits = model(**encode(tokenizer, [{"text": text, "pair": pair}])).logits[0]
    return dict(zip(LABELS, logits.softmax(0).tolist()))


def batch_loss(model, tokenizer, rows):
    labels = [LABELS.index(row["label"]) if row["label"] in LABELS else int(row["label"]) for row in rows]
    return model(**encode(tokenizer, rows), labels=torch.tensor(labels)).loss
`;

export function classification(data: LabelledData): Task<Example, Float32Array> {
  const { labelNames, numLabels } = data;
  const nameOf = (label: number) => labelNames[label] ?? String(label);
  const rowOf = (logits: Float32Array, row: number) => logits.subarray(row * numLabels, (row + 1) * numLabels);
  const answerOf = (logits: Float32Array, row: number) => predictionsFromLogits(rowOf(logits, row), numLabels)[0]!;
  const byId = Object.fromEntries(labelNames.map((name, id) => [id, name]));
  return labelledTask(data, {
    lossKind: 'crossEntropy',
    rowLoss(row, label) {
      const max = Math.max(...row);
      return max + Math.log(row.reduce((sum, z) => sum + Math.exp(z - max), 0)) - row[label]!;
    },
    view: ({ text, pair, label }) => ({ text, ...(pair !== undefined && { pair }), truth: nameOf(label) }),
    answerView: (logits, row) => ({
      answer: nameOf(answerOf(logits, row)),
      shares: softmax(rowOf(logits, row)).map((share, label) => ({ label: nameOf(label), share })),
    }),
    difference: (one, other, row) => (answerOf(one, row) === answerOf(other, row) ? 0 : 1),
    isRight: (rows, logits, row) => answerOf(logits, row) === rows[row]!.label,
    figure(rows, logits) {
      const counts = labelNames.map(() => labelNames.map(() => 0));
      rows.forEach(({ label }, row) => counts[label]![answerOf(logits, row)]!++);
      return { type: 'confusion', labels: labelNames, counts };
    },
    guess(train, rows) {
      const counts = labelNames.map(() => 0);
      for (const { label } of train) counts[label]!++;
      const commonest = counts.indexOf(Math.max(...counts));
      const truth = rows.map(({ label }) => label);
      return {
        title: `Always ${nameOf(commonest)}`,
        metrics: taskMetrics(data.metrics, new Array<number>(rows.length).fill(commonest), truth),
      };
    },
    distribution(rows) {
      const counts = labelNames.map(() => 0);
      for (const { label } of rows) counts[label]!++;
      return { title: 'Labels', bars: labelNames.map((name, i) => ({ name, count: counts[i]! })) };
    },
    export: {
      tags: ['text-classification'],
      config: {
        id2label: byId,
        label2id: Object.fromEntries(labelNames.map((name, id) => [name, id])),
        num_labels: numLabels,
        problem_type: 'single_label_classification',
      },
      facts: [['Answers', labelNames.map((name, id) => `${id} = ${name}`).join(', ')]],
    },
    python: {
      headArguments: 'num_labels=len(LABELS), problem_type="single_label_classification", ignore_mismatched_sizes=True',
      constants: `LABELS = ${JSON.stringify(labelNames)}`,
      code: python,
    },
  });
}

export const tasks: readonly TaskEntry<Example>[] = [
  labelledEntry(sample, 'Bundled', classification),
  ...glue.filter(({ kind }) => kind === 'classification').map((data) => labelledEntry(data, 'GLUE', classification)),
];
