/** Highlights and their faithfulness for the models of a run. */
import { UserError } from '../errors';
import { Explainer, defaultSteps, explainedRow, type ExplainedRow, type Explanation } from '../explain/explainer';
import { faithfulness, meanFaithfulness, type Faithfulness } from '../explain/faithfulness';
import { highlightKinds, kindIds, type HighlightKind } from '../explain/kinds';
import { wordsOf, wordValues } from '../explain/words';
import type { Run } from '../train/run';
import type { Trainer } from '../train/trainer';
import type { FaithfulnessReport, Highlight, HighlightQuestion, ModelId } from './protocol';

export class Lookers {
  readonly #explainers = new Map<ModelId, Explainer>();

  constructor(
    readonly run: Run,
    private readonly model: (id: ModelId) => Promise<Trainer>,
  ) {}

  async #explainer(id: ModelId): Promise<Explainer> {
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
      if (signal.aborted) throw new UserError('run/stopped', 'Stopped.');
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
    models: readonly ModelId[],
    count: number,
    options: { readonly signal: AbortSignal; readonly onProgress: (done: number, total: number) => void },
  ): Promise<FaithfulnessReport[]> {
    const { run } = this;
    const { splits, recipe } = run.prepared;
    const rows = splits.get(run.deciding)!.rows.slice(0, count);
    const reports: FaithfulnessReport[] = [];
    for (const [place, id] of models.entries()) {
      const explainer = await this.#explainer(id);
      const all: Faithfulness[] = [];
      for (const [i, row] of rows.entries()) {
        if (options.signal.aborted) throw new UserError('run/stopped', 'Stopped.');
        const window = await this.#window(explainer, await this.#encoded(row));
        const explanation = await explainer.explain(window, { steps: defaultSteps });
        all.push(await faithfulness(explainer, window, explanation, recipe.training.seed));
        options.onProgress(place * rows.length + i + 1, models.length * rows.length);
      }
      const curves = meanFaithfulness(all);
      if (curves) reports.push({ id, examples: all.length, curves });
    }
    return reports;
  }

  async dispose(): Promise<void> {
    for (const explainer of this.#explainers.values()) await explainer.dispose();
  }
}

/** @param passage the first text, of which an answer that is a span is a part */
export function highlightOf(
  id: ModelId,
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
