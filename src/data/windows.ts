/**
 * A question with its passage as rows: where the passage is too long for one, it is cut into windows that overlap by `docStride` tokens,
 * each behind the question, as `run_qa.py` of transformers does it. A window that does not hold the whole answer points at its first
 * token.
 */
import { UserError } from '../errors';
import type { EncodedRow } from './encoding';
import type { Question } from './squad';
import type { TextTokenizer } from './tokenizer';

export interface WindowOptions {
  /** Longest window in tokens, question and special tokens included. */
  readonly maxLength: number;
  /** Tokens of the passage that a window shares with the one before it. */
  readonly docStride: number;
}

/** The tokens of a window at which the answer starts and ends, or the first token's twice. */
function answerTokens(places: Int32Array, answer: Question['answers'][number] | undefined): [number, number] {
  const length = places.length / 2;
  const start = (token: number) => places[2 * token]!;
  const end = (token: number) => places[2 * token + 1]!;
  const first = places.findIndex((place) => place >= 0) >> 1;
  let last = length - 1;
  while (last >= 0 && start(last) < 0) last--;
  if (!answer || last < 0) return [0, 0];
  const [from, to] = [answer.start, answer.start + answer.text.length];
  if (start(first) > from || end(last) < to) return [0, 0];
  let startToken = first;
  while (startToken < length && start(startToken) >= 0 && start(startToken) <= from) startToken++;
  let endToken = last;
  while (endToken >= first && end(endToken) >= to) endToken--;
  return [startToken - 1, endToken + 1];
}

/**
 * The windows of a question in the passage's order. Targets are `starts` and `ends`, of the first answer; `places` tell where each token
 * stands in the passage.
 *
 * @throws UserError `data/question-too-long` where no more than `docStride` tokens of the passage would fit
 */
export function questionWindows(
  tokenizer: TextTokenizer,
  { id, context, question, answers }: Question,
  { maxLength, docStride }: WindowOptions,
): EncodedRow[] {
  const asked = tokenizer.ids(question.trimStart());
  const passage = tokenizer.located(context);
  const room = maxLength - tokenizer.addedToPair - asked.length;
  const count = passage.ids.length;
  if (room < 1 || (count > room && room <= docStride))
    throw new UserError(
      'data/question-too-long',
      `Question ${JSON.stringify(id)} has ${asked.length} tokens, which leaves ${Math.max(0, room)} of maxLength ${maxLength} to the passage, and windows overlap by docStride ${docStride}; raise training.maxLength or lower training.docStride.`,
    );
  const windows: EncodedRow[] = [];
  for (let from = 0; ; from += room - docStride) {
    const to = Math.min(from + room, count);
    const { inputIds, tokenTypeIds, secondAt } = tokenizer.assemble(asked, passage.ids.slice(from, to));
    const places = new Int32Array(2 * inputIds.length).fill(-1);
    places.set(passage.places.subarray(2 * from, 2 * to), 2 * secondAt);
    const [starts, ends] = answerTokens(places, answers[0]);
    windows.push({
      inputIds,
      tokenTypeIds,
      places,
      truncated: count > room,
      targets: { starts: [starts], ends: [ends] },
    });
    if (to >= count) return windows;
  }
}
