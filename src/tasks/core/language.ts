/**
 * What tasks of a causal language model share: a row is a prompt and how it may go on; only what follows the prompt is learnt. A split is
 * answered by how likely each continuation is, and by what the model itself writes after the prompts.
 */
import { encodeRows, type EncodedExamples, type EncodedRow } from '../../data/encoding';
import type { TextTokenizer } from '../../data/tokenizer';
import { UserError } from '../../errors';
import type { GenerationSettings } from '../../generate/settings';
import { tableRows } from '../../graph/ops/embedding';
import { languageModelLogits, languageModelLoss, languageModelScores } from '../../graph/ops/language-model';
import { selectLast } from '../../graph/ops/select';
import type { BatchShape, Head, LanguageHead, Scope } from '../../models/core/model';
import type { Tensor } from '../../graph/tensor';
import { predictRows } from './predict';
import { softmax } from './softmax';
import type { Explaining, RowPlace, Task } from './task';

/** What a model says to a split. */
export interface LanguageAnswers {
  /** `[rows, 2]`: the summed negative log-likelihood of a continuation in nats, and its number of tokens. */
  readonly likelihoods: Float32Array;
  /** What it writes after the prompt of an example; for examples that it was not asked about, nothing. */
  readonly written: ReadonlyMap<number, Written>;
  /** Metrics of what is written, beside the likelihoods' own. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Written {
  /** As `generate` of `transformers` returns them after the prompt, end-of-text included. */
  readonly tokenIds: readonly number[];
  readonly text: string;
}

/** A row as token ids, or a piece of one. */
export interface Passage {
  readonly prompt: readonly number[];
  /** The ways in which it may go on; with none, it can only be gone on with. */
  readonly continuations: readonly (readonly number[])[];
}

/** What the kinds leave to each other. */
export type LanguagePart<Row> = Omit<
  Task<Row, LanguageAnswers>,
  | 'encode'
  | 'explaining'
  | 'head'
  | 'loss'
  | 'readout'
  | 'evaluate'
  | 'answerView'
  | 'difference'
  | 'samples'
  | 'score'
  | 'export'
> & {
  readonly labelSmoothing: number;
  readonly generation: GenerationSettings;
  /** @param eos the end-of-text */
  passages(tokenizer: TextTokenizer, row: Row, eos: number, maxLength: number): readonly Passage[];
  /** What the model goes on with at an evaluation, where that is not the prompt it learns from. */
  beginning?(tokenizer: TextTokenizer, row: Row): readonly number[] | undefined;
  /** Examples that the model writes for at an evaluation, of so many. */
  asked(count: number): number;
  /** A prompt as it is shown. */
  input(row: Row): string;
  metrics?(rows: readonly Row[], written: ReadonlyMap<number, Written>): Promise<Record<string, number>>;
  readonly export: Omit<Task['export'], 'taskType' | 'pipelineTag' | 'config'>;
};

/** Examples whose text is shown as the model learns. */
const shown = 4;

const headOf: Task['head'] = (model): LanguageHead => {
  const head = model.languageHead?.();
  if (head) return head;
  throw new UserError(
    'task/model',
    `A ${model.architecture} checkpoint does not write text; choose a GPT-2, such as bundled:tiny-gpt2, for this task.`,
  );
};

/** What the losses of a batch are computed from. */
const inputs = (scope: Scope, hidden: Tensor, { batchSize, length }: BatchShape, head: Head) => ({
  hidden,
  table: head.table!(scope),
  ids: scope.graph.input('inputIds', [batchSize * length], 'u32'),
  lengths: scope.graph.input('lengths', [batchSize], 'u32'),
  starts: scope.graph.input('starts', [batchSize]),
});

/** The rows of a passage: its prompt with each of its continuations, or alone where it has none. */
function* encodedRows({ prompt, continuations }: Passage, maxLength: number): Generator<EncodedRow> {
  for (const end of continuations.length ? continuations : [[]]) {
    const inputIds = [...prompt, ...end].slice(0, maxLength);
    yield {
      inputIds,
      tokenTypeIds: inputIds.map(() => 0),
      truncated: prompt.length + end.length > maxLength,
      targets: { starts: [prompt.length] },
    };
  }
}

/** The first row of each example. */
function firstRows({ exampleOf }: EncodedExamples): Map<number, number> {
  const first = new Map<number, number>();
  exampleOf.forEach((example, row) => first.has(example) || first.set(example, row));
  return first;
}

function promptOf({ offsets, inputIds, targets }: EncodedExamples, row: number): Uint32Array {
  const start = offsets[row]!;
  return inputIds.slice(start, start + targets['starts']![row]!);
}

const endOf = (tokenizer: TextTokenizer): number => {
  if (tokenizer.eosTokenId !== undefined) return tokenizer.eosTokenId;
  throw new UserError(
    'data/no-end-of-text',
    'The tokenizer names no end-of-text token (eos_token of tokenizer_config.json), so texts cannot be told apart; choose a GPT-2 checkpoint.',
  );
};

/** Scores of every word after a row's last token, from blocks of the table of which the last is padded. */
function nextScores(read: readonly Float32Array[], { at, batchSize, vocabSize }: RowPlace): Float32Array {
  const scores = new Float32Array(vocabSize);
  let from = 0;
  for (const block of read) {
    const width = block.length / batchSize;
    scores.set(block.subarray(at * width, at * width + Math.min(width, vocabSize - from)), from);
    from += width;
  }
  return scores;
}

/** What is explained is the likeliest next token: its score is the product of the last state with the token's embedding. */
const explaining: Explaining = {
  trace(scope, hidden, { batchSize, length }, head) {
    const { graph } = scope;
    const table = head.table!(scope);
    const last = selectLast(graph, hidden, graph.input('lengths', [batchSize], 'u32'), length);
    const seed = tableRows(graph, graph.input('nextIds', [batchSize], 'u32'), table);
    return { read: languageModelLogits(graph, last, table), of: last, seed };
  },
  subject(read, row, tokenizer) {
    const scores = nextScores(read, row);
    let best = 0;
    scores.forEach((score, id) => (best = score > scores[best]! ? id : best));
    const label = best === tokenizer.eosTokenId ? 'end of text' : tokenizer.pieces([best])[0]!.trim();
    return { label, from: row.tokens - 1, to: row.tokens - 1, isSpan: false, choice: [best] };
  },
  seeds: ({ choice: [id] }, { batchSize }) => ({ nextIds: new Uint32Array(batchSize).fill(id!) }),
  score: (read, { choice: [id] }, row) => nextScores(read, row)[id!]!,
  probability: (read, { choice: [id] }, row) => softmax(nextScores(read, row))[id!]!,
};

export function languageTask<Row>(part: LanguagePart<Row>): Task<Row, LanguageAnswers> {
  const { labelSmoothing, generation, passages, beginning, asked, input, metrics, export: exported, ...own } = part;
  const textOf = ({ written }: LanguageAnswers, index: number) => written.get(index)?.text ?? '';
  return {
    ...own,
    head: headOf,
    encode(tokenizer, rows, { maxLength, ...options }) {
      const eos = endOf(tokenizer);
      let place = 0;
      return encodeRows(
        rows,
        (row) => {
          place++;
          const read = passages(tokenizer, row, eos, maxLength);
          for (const { prompt } of read)
            if (prompt.length >= maxLength)
              throw new UserError(
                'data/context-too-long',
                `The prompt of row ${place} has ${prompt.length} tokens, which leaves no room for an answer in maxLength ${maxLength}; raise training.maxLength or shorten the row.`,
              );
          return read.flatMap((passage) => [...encodedRows(passage, maxLength)]);
        },
        options,
      );
    },
    loss: (scope, hidden, shape, head) =>
      languageModelLoss(scope.graph, inputs(scope, hidden, shape, head), { length: shape.length, labelSmoothing }),
    readout: (scope, hidden, shape, head) =>
      languageModelScores(scope.graph, inputs(scope, hidden, shape, head), { length: shape.length }),
    async evaluate(predictor, { rows, encoded }, options) {
      const { tokenizer, seed, signal, onText, onProgress, batchSize } = options;
      const first = firstRows(encoded);
      const examples = [...first.keys()].slice(0, asked(first.size));
      const done = (count: number) => onProgress?.(count, encoded.count + examples.length);
      const likelihoods = await predictRows(predictor, encoded, 2, { ...options, onProgress: done });
      const eosTokenId = endOf(tokenizer);
      const read = (ids: readonly number[]) => tokenizer.decode(ids.filter((id) => id !== eosTokenId));
      const prompts = examples.map((example) => {
        const own = beginning?.(tokenizer, rows[example]!);
        return own ? Uint32Array.from(own) : promptOf(encoded, first.get(example)!);
      });
      const generated = await predictor.generate(prompts, generation, {
        batchSize,
        eosTokenId,
        seed,
        onProgress: (count) => done(encoded.count + count),
        ...(signal && { signal }),
        ...(onText && { onTokens: (i, ids) => onText(examples[i]!, read(ids)) }),
      });
      const written = new Map(
        generated.map(({ tokenIds }, i) => [examples[i]!, { tokenIds, text: read(tokenIds) }] as const),
      );
      return { likelihoods, written, metrics: (await metrics?.(rows, written)) ?? {} };
    },
    score(_rows, _encoded, { likelihoods, metrics: ofWriting }) {
      let [sum, count] = [0, 0];
      for (let i = 0; i < likelihoods.length; i += 2)
        [sum, count] = [sum + likelihoods[i]!, count + likelihoods[i + 1]!];
      const loss = sum / Math.max(1, count);
      return { ...ofWriting, perplexity: Math.exp(loss), loss };
    },
    answerView: (answers, index) => ({ answer: textOf(answers, index) }),
    difference: (one, other, index) => (textOf(one, index) === textOf(other, index) ? 0 : 1),
    samples: (rows, { written }) =>
      rows.slice(0, shown).flatMap((row, i) => {
        const found = written.get(i);
        return found ? [{ input: input(row), output: found.text }] : [];
      }),
    explaining,
    export: { taskType: 'CAUSAL_LM', pipelineTag: 'text-generation', config: {}, ...exported },
  };
}

/** Lines of Python that answer with the recipe's way of generating. */
export function generateArguments(settings: GenerationSettings): string {
  const { numBeams, lengthPenalty, noRepeatNgramSize, maxNewTokens, doSample, temperature, topK, topP } = settings;
  const named: Record<string, unknown> = {
    max_new_tokens: maxNewTokens,
    num_beams: numBeams,
    length_penalty: lengthPenalty,
    no_repeat_ngram_size: noRepeatNgramSize,
    do_sample: doSample ? 'True' : 'False',
    ...(doSample && { temperature, top_k: topK, top_p: topP }),
  };
  return Object.entries(named)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(', ');
}
