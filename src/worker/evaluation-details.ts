/** The best evaluation of each method, example by example: its figure, and where the methods disagree. */
import { decidingSplit } from '../data/splits';
import type { Prepared } from '../train/prepare';
import type { EvaluationDetails } from './protocol';

const maxDisagreements = 200;

/** @param answersOf the task's answers of a method's best evaluation; methods without one are left out */
export function evaluationDetails(
  { splits, loaded, contenders }: Prepared,
  answersOf: (id: string) => unknown,
): EvaluationDetails {
  const { task } = loaded;
  const { rows } = splits.get(decidingSplit(splits))!;
  const answered = contenders.flatMap(({ id }) => {
    const answers = answersOf(id);
    return answers === undefined ? [] : [{ id, answers }];
  });
  const judged = task.isRight !== undefined;
  /** 0 where all answer the same. */
  const spread = (i: number) =>
    Math.max(
      ...answered.flatMap(({ answers: one }, a) =>
        answered.slice(a + 1).map(({ answers: other }) => task.difference(one, other, i)),
      ),
    );
  const spreads = answered.length < 2 ? [] : rows.map((_, i) => spread(i));
  const differing = spreads.flatMap((far, i) => (far > 0 ? [i] : []));
  // What differs by degrees always differs a little: the largest differences first.
  const shown = judged ? differing : differing.toSorted((a, b) => spreads[b]! - spreads[a]!);
  return {
    count: rows.length,
    judged,
    methods: answered.map(({ id, answers }) => ({ id, ...(task.figure && { figure: task.figure(rows, answers) }) })),
    disagreements: shown.slice(0, maxDisagreements).map((index) => ({
      index,
      ...task.view(rows[index]!),
      answers: Object.fromEntries(
        answered.map(({ id, answers }) => [
          id,
          {
            answer: task.answerView(answers, index).answer,
            ...(task.isRight && { right: task.isRight(rows, answers, index) }),
          },
        ]),
      ),
    })),
    disagreementCount: differing.length,
  };
}
