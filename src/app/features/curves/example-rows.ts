/** Which of the watched examples are shown, with each method's newest answer and whether it has changed. */
import type { EvaluationRecord, ExampleAnswer } from '../../../train/events';
import type { ExampleView } from '../../../tasks/core/task';

export type Filter = 'all' | 'flips' | 'disagreements';

export interface ExampleRow {
  readonly index: number;
  readonly view: ExampleView;
  /** By method; undefined where it has not answered yet. */
  readonly answers: readonly ({ readonly answer: ExampleAnswer; readonly flipped: boolean } | undefined)[];
}

export function shownRows(
  views: readonly ExampleView[],
  methods: readonly (readonly EvaluationRecord[])[],
  filter: Filter,
): ExampleRow[] {
  return views
    .map((view, index): ExampleRow => ({
      index,
      view,
      answers: methods.map((evaluations) => {
        const [before, now] = [evaluations.at(-2)?.examples?.[index], evaluations.at(-1)?.examples?.[index]];
        return now && { answer: now, flipped: before !== undefined && before.answer !== now.answer };
      }),
    }))
    .filter(({ answers }) => {
      if (filter === 'flips') return answers.some((found) => found?.flipped);
      if (filter === 'disagreements') return new Set(answers.map((found) => found?.answer.answer)).size > 1;
      return true;
    });
}
