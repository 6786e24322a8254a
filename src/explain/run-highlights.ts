/** Highlights and their faithfulness for the models of a run, word by word. */
import { UserError } from '../errors';
import { Explainer, defaultSteps, explainedRow, type ExplainedRow, type Explanation } from './explainer';
import { faithfulness, meanFaithfulness, type Faithfulness } from './faithfulness';
import { highlightKinds, kindIds, type HighlightKind } from './kinds';
import { wordsOf, wordValues } from './words';
import type { Run } from '../train/run';
import type { Trainer } from '../train/trainer';

/** A word of a highlighted text. */
export interface HighlightedWord {
  /** With the space before it. */
  readonly text: string;
  /** A token that the tokenizer adds. */
  readonly special: boolean;
  /** 0 for the first text, 1 for the second. */
  readonly part: number;
  /** Part of the answer, where that is a span of the text. */
  readonly marked: boolean;
}

/** What the words do for one model's answer. */
export interface Highlight {
  readonly id: string;
  readonly answer: string;
  readonly probability: number;
  readonly words: readonly HighlightedWord[];
  /** A value for each word. */
  readonly values: Readonly<Record<HighlightKind, readonly number[]>>;
  /** Last-layer attention of each head, a value for each word. */
  readonly heads: readonly (readonly number[])[];
  /** Of the integrated gradients, as a share of the score's change. */
  readonly completenessError: number;
}

export interface HighlightQuestion {
  readonly models: readonly string[];
  readonly texts: readonly string[];
  /** The evaluation whose weights answer; by default today's. The base model has none. */
  readonly step?: number;
  /** Places at which integrated gradients are taken. */
  readonly steps?: number;
}

/** Deletion and insertion curves of one model, the mean over examples. */
export interface FaithfulnessReport {
  readonly id: string;
  readonly examples: number;
  readonly curves: Faithfulness;
}

export class RunHighlights {
  readonly #explainers = new Map<string, Explainer>();

  constructor(
    readonly run: Run,
    private readonly model: (id: string) => Promise<Trainer>,
  ) {}

  async #explainer(id: string): Promise<Explainer> {
    let explainer = this.#explainers.get(id);
    if (!explainer) {
      const { tokenizer, recipe } = this.run.prepared;
      explainer = new Explainer(await this.model(id), tokenizer, recipe.training.maxLength);
      this.#explainers.set(id, explainer);
    }
    return explainer;
  }

  async #encoded(row: unknown): Promise<ExplainedRow[]> {
    const { tokenizer, recipe, loaded } = this.run.prepared;
    const encoded = await loaded.task.encode(tokenizer, [row], recipe.training);
    return Array.from({ length: encoded.count }, (_, i) => explainedRow(encoded, i));
  }

  /** Of the windows of a long text, the one whose answer scores highest. */
  async #window(explainer: Explainer, rows: readonly ExplainedRow[]): Promise<ExplainedRow> {
    let [best, highest] = [rows[0]!, -Infinity];
    if (rows.length > 1)
      for (const row of rows) {
        const { score } = await explainer.subject(row);
        if (score > highest) [best, highest] = [row, score];
      }
    return best;
  }

  async highlight(
    { models, texts, step, steps = defaultSteps }: HighlightQuestion,
    signal: AbortSignal,
  ): Promise<Highlight[]> {
    const { task } = this.run.prepared.loaded;
    if (!task.explaining)
      throw new UserError('run/none', `What words do for an answer cannot be shown for ${task.title}.`);
    const rows = await this.#encoded(task.rowOf(texts));
    const found: Highlight[] = [];
    for (const id of models) {
      signal.throwIfAborted();
      const explainer = await this.#explainer(id);
      const look = async () => {
        const row = await this.#window(explainer, rows);
        return highlightOf(id, explainer, row, await explainer.explain(row, { steps, signal }), texts[0]!);
      };
      found.push(await (id === 'base' || step === undefined ? look() : this.run.withSnapshot(id, step, look)));
    }
    return found;
  }

  /** Curves of the first `count` examples of the deciding split, each with the answer that the model itself gives. */
  async faithfulness(
    models: readonly string[],
    count: number,
    options: { readonly signal: AbortSignal; readonly onProgress: (done: number, total: number) => void },
  ): Promise<FaithfulnessReport[]> {
    const { run } = this;
    const rows = run.prepared.splits.get(run.deciding)!.rows.slice(0, count);
    const reports: FaithfulnessReport[] = [];
    for (const [place, id] of models.entries()) {
      const all: Faithfulness[] = [];
      for await (const { curves } of this.examples(id, count, options.signal)) {
        all.push(curves);
        options.onProgress(place * rows.length + all.length, models.length * rows.length);
      }
      const curves = meanFaithfulness(all);
      if (curves) reports.push({ id, examples: all.length, curves });
    }
    return reports;
  }

  /**
   * Of a contender, for the first `count` examples of the deciding split: each answer with its highlights and the areas under its curves, and
   * the mean curves.
   */
  async *examples(
    id: string,
    count: number,
    signal?: AbortSignal,
  ): AsyncGenerator<{
    readonly index: number;
    readonly row: unknown;
    readonly highlight: Highlight;
    readonly curves: Faithfulness;
  }> {
    const { run } = this;
    const { task } = run.prepared.loaded;
    const explainer = await this.#explainer(id);
    const rows = run.prepared.splits.get(run.deciding)!.rows.slice(0, count);
    for (const [index, row] of rows.entries()) {
      signal?.throwIfAborted();
      const window = await this.#window(explainer, await this.#encoded(row));
      const explanation = await explainer.explain(window, { steps: defaultSteps, signal });
      const curves = await faithfulness(explainer, window, explanation, run.prepared.recipe.training.seed, signal);
      yield { index, row, highlight: highlightOf(id, explainer, window, explanation, task.view(row).text), curves };
    }
  }

  /** `highlights.jsonl`, a line an example, and `faithfulness.json`, the mean of their curves; by name. */
  async files(
    id: string,
    count: number,
    options: { readonly signal?: AbortSignal; readonly onProgress: (done: number, total: number) => void },
  ): Promise<Map<string, string>> {
    const { loaded, splits } = this.run.prepared;
    const total = Math.min(count, splits.get(this.run.deciding)!.rows.length);
    const lines: string[] = [];
    const all: Faithfulness[] = [];
    for await (const { index, row, highlight, curves } of this.examples(id, count, options.signal)) {
      const { id: _, ...found } = highlight;
      const areas = (way: 'deletion' | 'insertion') =>
        Object.fromEntries(Object.entries(curves[way]).map(([kind, { area }]) => [kind, area]));
      const line = {
        index,
        truth: loaded.task.view(row).truth,
        ...found,
        areas: { deletion: areas('deletion'), insertion: areas('insertion') },
      };
      lines.push(`${JSON.stringify(line)}\n`);
      all.push(curves);
      options.onProgress(all.length, total);
    }
    const mean = { examples: all.length, ...meanFaithfulness(all) };
    return new Map([
      ['highlights.jsonl', lines.join('')],
      ['faithfulness.json', `${JSON.stringify(mean, null, 2)}\n`],
    ]);
  }

  async dispose(): Promise<void> {
    for (const explainer of this.#explainers.values()) await explainer.dispose();
  }
}

/** @param passage the first text, of which an answer that is a span is a part */
export function highlightOf(
  id: string,
  explainer: Explainer,
  row: ExplainedRow,
  { subject, probability, values, heads, completenessError }: Explanation,
  passage: string,
): Highlight {
  const words = wordsOf(explainer.tokenizer, row.inputIds);
  const { from, to, isSpan, label } = subject;
  const ofWords = Object.fromEntries(
    kindIds.map((kind) => [kind, wordValues(words, values[kind], highlightKinds[kind].combine)]),
  ) as Record<HighlightKind, number[]>;
  const { places } = row;
  return {
    id,
    answer: isSpan && places ? passage.slice(places[2 * from], places[2 * to + 1]) : label,
    probability,
    words: words.map(({ text, special, part, tokens }) => ({
      ...{ text, special, part },
      marked: isSpan && tokens.some((token) => token >= from && token <= to),
    })),
    values: ofWords,
    heads: heads.map((head) => wordValues(words, head, 'mean')),
    completenessError,
  };
}
