/** A score for a text or a pair: mean squared error, the one logit answers. */
import { glue } from '../data/glue';
import type { Example, LabelledData } from '../data/labelled';
import { labelledEntry, labelledTask } from './core/labelled';
import type { Task, TaskEntry } from './core/task';

/** Points of a scatter at most; more would only blacken it. */
const mostPoints = 2000;
const intervals = 10;

const python = `
def answer(model, tokenizer, text, pair=None):
    model.eval()
    with torch.no_grad():
        return {"score": model(**encode(tokenizer, [{"text": text, "pair": pair}])).logits[0, 0].item()}


def batch_loss(model, tokenizer, rows):
    return model(**encode(tokenizer, rows), labels=torch.tensor([float(row["label"]) for row in rows])).loss
`;

export function regression(data: LabelledData): Task<Example, Float32Array> {
  return labelledTask(data, {
    lossKind: 'meanSquaredError',
    rowLoss: ([score], label) => (score! - label) ** 2,
    view: ({ text, pair, label }) => ({
      text,
      ...(pair !== undefined && { pair }),
      truth: String(Number(label.toPrecision(4))),
    }),
    answerView: (scores, row) => ({ answer: scores[row]!.toFixed(3) }),
    difference: (one, other, row) => Math.abs(one[row]! - other[row]!),
    figure(rows, scores) {
      const every = Math.max(1, rows.length / mostPoints);
      const shown = Array.from({ length: Math.min(rows.length, mostPoints) }, (_, i) => Math.floor(i * every));
      return { type: 'scatter', points: shown.map((i) => ({ truth: rows[i]!.label, prediction: scores[i]! })) };
    },
    distribution(rows) {
      const labels = rows.map(({ label }) => label);
      const [low, high] = data.labelRange ?? [
        labels.reduce((a, b) => Math.min(a, b)),
        labels.reduce((a, b) => Math.max(a, b)),
      ];
      const width = (high - low) / intervals || 1;
      const counts = new Array<number>(intervals).fill(0);
      for (const label of labels) counts[Math.min(intervals - 1, Math.floor((label - low) / width))]!++;
      const end = (i: number) => Number((low + i * width).toPrecision(3));
      return {
        title: 'Scores',
        bars: counts.map((count, i) => ({ name: `${end(i)} – ${end(i + 1)}`, count })),
      };
    },
    export: {
      tags: ['text-regression'],
      config: {
        id2label: { 0: 'score' },
        label2id: { score: 0 },
        num_labels: 1,
        problem_type: 'regression',
      },
      facts: [['Answers', 'a score']],
    },
    python: {
      headArguments: 'num_labels=1, problem_type="regression", ignore_mismatched_sizes=True',
      constants: '',
      code: python,
    },
  });
}

export const tasks: readonly TaskEntry<Example>[] = glue
  .filter(({ kind }) => kind === 'regression')
  .map((data) => labelledEntry(data, 'GLUE', regression));
