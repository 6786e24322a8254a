/**
 * What the words of a row do for a model's answer: the device runs the model, its reverse pass and the attention's read-out; the readings
 * of all that are made on the host.
 */
import { paddedLength } from '../data/batching';
import type { EncodedExamples } from '../data/encoding';
import type { TextTokenizer } from '../data/tokenizer';
import { Executable } from '../graph/executable';
import type { Program } from '../graph/plan';
import type { RowPlace, Subject } from '../tasks/core/task';
import type { Trainer } from '../train/trainer';
import type { HighlightKind } from './kinds';
import { answerProgram, gradientProgram, lookProgram } from './programs';
import { gaussLegendre, meanRow, relations, rollout } from './readings';

/** One row of a split: its tokens, and where they stand in a passage. */
export interface ExplainedRow {
  readonly inputIds: Uint32Array;
  readonly tokenTypeIds: Uint8Array;
  readonly places?: Int32Array;
}

export interface Explanation {
  readonly subject: Subject;
  readonly score: number;
  readonly probability: number;
  /** For each token, by kind. */
  readonly values: Readonly<Record<HighlightKind, readonly number[]>>;
  /** Last-layer attention of each head. */
  readonly heads: readonly (readonly number[])[];
  /** By how much the integrated gradients miss the score's change from the baseline, as a share of it. */
  readonly completenessError: number;
}

export interface ExplainOptions {
  /** Places between baseline and row at which gradients are taken. */
  readonly steps: number;
  /** The way from 0 to 1 and each place's weight; by default Gauss and Legendre's of so many steps. */
  readonly rule?: { readonly nodes: readonly number[]; readonly weights: readonly number[] };
  readonly signal?: AbortSignal | undefined;
}

export const defaultSteps = 32;
/** Rows that run at once. */
const atOnce = 8;

export function explainedRow({ offsets, inputIds, tokenTypeIds, places }: EncodedExamples, row: number): ExplainedRow {
  const [start, end] = [offsets[row]!, offsets[row + 1]!];
  return {
    inputIds: inputIds.slice(start, end),
    tokenTypeIds: tokenTypeIds.slice(start, end),
    ...(places && { places: places.slice(2 * start, 2 * end) }),
  };
}

export class Explainer {
  readonly #executables = new Map<string, Promise<Executable>>();

  constructor(
    readonly trainer: Trainer,
    readonly tokenizer: TextTokenizer,
    readonly maxLength: number,
  ) {}

  get #model() {
    return this.trainer.options.tuned.options.model;
  }

  get #explaining() {
    const { explaining } = this.trainer.options.tuned.options.task;
    if (!explaining) throw new Error('this task is not explained');
    return explaining;
  }

  #executable(key: string, program: () => Program): Promise<Executable> {
    let executable = this.#executables.get(key);
    if (!executable)
      this.#executables.set(key, (executable = Executable.create(this.trainer.memory, program(), this.trainer.flat)));
    return executable;
  }

  #length(row: ExplainedRow): number {
    return paddedLength(row.inputIds.length, this.maxLength);
  }

  #place({ inputIds, places }: ExplainedRow, at: number, batchSize: number, length: number): RowPlace {
    return {
      ...{ at, batchSize, length, vocabSize: this.#model.vocabSize, tokens: inputIds.length },
      ...(places && { inPassage: (token: number) => places[2 * token]! >= 0 }),
    };
  }

  /** Writes rows of ids that differ from `row` in their words only, the last one as often as needed. */
  #write(executable: Executable, row: ExplainedRow, rows: readonly Uint32Array[], batchSize: number, length: number) {
    const ids = new Uint32Array(batchSize * length).fill(this.tokenizer.padTokenId);
    const types = new Uint32Array(batchSize * length);
    for (let at = 0; at < batchSize; at++) {
      ids.set(rows[Math.min(at, rows.length - 1)]!, at * length);
      types.set(row.tokenTypeIds, at * length);
    }
    executable.write('inputIds', ids);
    executable.write('tokenTypeIds', types);
    executable.write('lengths', new Uint32Array(batchSize).fill(row.inputIds.length));
  }

  async #outputs(executable: Executable, prefix: string): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    for (const [name, tensor] of Object.entries(executable.program.outputs))
      if (new RegExp(`^${prefix}\\d+$`).test(name)) found.push(await executable.read(tensor));
    return found;
  }

  /** What the row's words become where the text says nothing: special tokens stay. */
  baseline({ inputIds }: ExplainedRow): Uint32Array {
    const { maskTokenId, padTokenId, eosTokenId, specialTokenIds } = this.tokenizer;
    const nothing = maskTokenId !== undefined ? padTokenId : (eosTokenId ?? padTokenId);
    return inputIds.map((id) => (specialTokenIds.has(id) ? id : nothing));
  }

  /** The row with some of its tokens hidden. */
  hidden({ inputIds }: ExplainedRow, isHidden: (token: number) => boolean): Uint32Array {
    const { maskTokenId, eosTokenId, padTokenId } = this.tokenizer;
    return inputIds.map((id, token) => (isHidden(token) ? (maskTokenId ?? eosTokenId ?? padTokenId) : id));
  }

  /** The answer to a row, and its score. */
  async subject(row: ExplainedRow): Promise<{ subject: Subject; score: number; probability: number }> {
    const read = await this.#answers(row, [row.inputIds]);
    const [first] = read;
    const subject = this.#explaining.subject(first!.read, first!.place, this.tokenizer);
    return {
      subject,
      score: this.#explaining.score(first!.read, subject, first!.place),
      probability: this.#explaining.probability(first!.read, subject, first!.place),
    };
  }

  async #answers(row: ExplainedRow, rows: readonly Uint32Array[], signal?: AbortSignal) {
    const { layout, options } = this.trainer;
    const length = this.#length(row);
    const batchSize = Math.min(atOnce, rows.length);
    const executable = await this.#executable(`answer ${batchSize}×${length}`, () =>
      answerProgram(options.tuned, { batchSize, length }, layout, options.program),
    );
    const answers: { read: Float32Array[]; place: RowPlace }[] = [];
    for (let start = 0; start < rows.length; start += batchSize) {
      signal?.throwIfAborted();
      this.#write(executable, row, rows.slice(start, start + batchSize), batchSize, length);
      executable.run();
      const read = await this.#outputs(executable, 'read');
      for (let at = 0; at < batchSize && start + at < rows.length; at++)
        answers.push({ read, place: this.#place(row, at, batchSize, length) });
    }
    return answers;
  }

  /** The answer's probability where the row reads otherwise. @param rows ids, as many as the row has */
  async probabilities(
    row: ExplainedRow,
    subject: Subject,
    rows: readonly Uint32Array[],
    signal?: AbortSignal,
  ): Promise<number[]> {
    return (await this.#answers(row, rows, signal)).map(({ read, place }) =>
      this.#explaining.probability(read, subject, place),
    );
  }

  async explain(row: ExplainedRow, options: ExplainOptions): Promise<Explanation> {
    const { layout, options: own } = this.trainer;
    const length = this.#length(row);
    const count = row.inputIds.length;
    const look = await this.#executable(`look ${length}`, () => lookProgram(own.tuned, length, layout, own.program));
    this.#write(look, row, [row.inputIds], 1, length);
    look.run();
    const place = this.#place(row, 0, 1, length);
    const read = await this.#outputs(look, 'read');
    const subject = this.#explaining.subject(read, place, this.tokenizer);
    const { from, to } = subject;
    const { hiddenSize } = this.#model;
    const output = (name: string) => look.read(look.program.outputs[name]!);
    const hidden = await output('hidden');
    const state = meanRow(hidden, hiddenSize, from, to);
    const heads = await output('heads');
    const square = length * length;
    const perHead = Array.from({ length: heads.length / square }, (_, head) =>
      Array.from(meanRow(heads.subarray(head * square, (head + 1) * square), length, from, to).subarray(0, count)),
    );
    const layers = await this.#outputs(look, 'mean');
    const words = await output('words');
    options.signal?.throwIfAborted();
    const gradients = await this.#gradients(row, subject, options);
    return {
      subject,
      score: this.#explaining.score(read, subject, place),
      probability: this.#explaining.probability(read, subject, place),
      heads: perHead,
      completenessError: gradients.completenessError,
      values: {
        relationState: relations(state, hidden, count),
        relationInput: relations(state, words, count),
        attention: Array.from(meanRow(layers.at(-1)!, length, from, to).subarray(0, count)),
        rollout: rollout(layers, length, count, from, to),
        gradientInput: gradients.gradientInput,
        integratedGradients: gradients.integratedGradients,
      },
    };
  }

  async #gradients(row: ExplainedRow, subject: Subject, { steps, rule, signal }: ExplainOptions) {
    const { layout, options } = this.trainer;
    const length = this.#length(row);
    const count = row.inputIds.length;
    const { nodes, weights } = rule ?? gaussLegendre(steps);
    // The row itself and its baseline, and the places between them.
    const shares = [1, 0, ...nodes];
    const executable = await this.#executable(`gradient ${length}`, () =>
      gradientProgram(options.tuned, { batchSize: atOnce, length }, layout, options.program),
    );
    this.#write(executable, row, [row.inputIds], atOnce, length);
    const baseline = new Uint32Array(atOnce * length).fill(this.tokenizer.padTokenId);
    for (let at = 0; at < atOnce; at++) baseline.set(this.baseline(row), at * length);
    executable.write('baselineIds', baseline);
    for (const [name, values] of Object.entries(this.#explaining.seeds(subject, { batchSize: atOnce, length })))
      executable.write(name, values);
    const scores: number[] = [];
    let gradientInput: number[] = [];
    const integrated = new Float64Array(count);
    for (let start = 0; start < shares.length; start += atOnce) {
      signal?.throwIfAborted();
      executable.write(
        'shares',
        Float32Array.from({ length: atOnce }, (_, at) => shares[start + at] ?? 1),
      );
      executable.run();
      const read = await this.#outputs(executable, 'read');
      const output = (name: string) => executable.read(executable.program.outputs[name]!);
      const [timesWord, timesDistance] = [await output('timesWord'), await output('timesDistance')];
      for (let at = 0; at < atOnce && start + at < shares.length; at++) {
        const own = start + at;
        if (own === 0) gradientInput = Array.from(timesWord.subarray(0, count));
        if (own < 2) scores.push(this.#explaining.score(read, subject, this.#place(row, at, atOnce, length)));
        else
          for (let token = 0; token < count; token++)
            integrated[token]! += weights[own - 2]! * timesDistance[at * length + token]!;
      }
    }
    const change = scores[0]! - scores[1]!;
    const sum = integrated.reduce((a, b) => a + b, 0);
    return {
      gradientInput,
      integratedGradients: Array.from(integrated),
      completenessError: Math.abs(sum - change) / Math.max(Math.abs(change), 1e-12),
    };
  }

  async dispose(): Promise<void> {
    for (const executable of this.#executables.values()) (await executable).dispose();
    this.#executables.clear();
  }
}
