/**
 * One run in the worker: prepared, trained under the page's control, and kept afterwards so that its methods answer and can be
 * taken home. Disposed when the next one starts.
 */
import { UserError } from '../errors';
import type { WeightPicture, WeightPlace } from '../explain/weight-picture';
import type { Environment } from '../train/environment';
import type { RunEvent } from '../train/events';
import { placeBase } from '../train/place';
import { prepare, type Prepared } from '../train/prepare';
import type { Recipe } from '../train/recipe';
import { Run, shownExamples } from '../train/run';
import type { Predictor } from '../tasks/core/task';
import type { Trainer } from '../train/trainer';
import { TunedModel } from '../train/tuned-model';
import type { RunHighlights } from '../explain/run-highlights';
import type {
  EvaluationDetails,
  FaithfulnessReport,
  Highlight,
  HighlightQuestion,
  ModelId,
  Prediction,
  RunState,
  WorkerEvent,
} from './protocol';
import { errorInfo } from './rpc-errors';
import { EventBatches } from './event-batches';
import { evaluationDetails } from './evaluation-details';
import { Steering } from './steering';

export class Session {
  readonly #steering = new Steering((paused) => this.#state(paused ? 'paused' : 'training'));
  readonly #abort = new AbortController();
  readonly #events: EventBatches;
  #run: Run | undefined;
  #base: Promise<Trainer> | undefined;
  #answering: AbortController | undefined;
  #highlights: RunHighlights | undefined;
  #ended = false;

  constructor(onEvents: (events: readonly WorkerEvent[]) => unknown) {
    this.#events = new EventBatches(onEvents);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get steering(): Pick<Steering, 'pause' | 'step' | 'resume'> {
    return this.#steering;
  }

  /** While training: ends after the steps in flight. While preparing, or the second time: at once. */
  stop(): void {
    if (!this.#run || this.#steering.stopping) this.#abort.abort();
    this.#steering.stop();
  }

  #state(state: RunState, error?: unknown): void {
    this.#events.add({ type: 'state', state, ...(error !== undefined && { error: errorInfo(error) }) });
    this.#events.flush();
  }

  /** Resolves when the run has ended, well or not; how it ended is the last event. */
  async train(recipe: Recipe, environment: Environment): Promise<void> {
    const { signal } = this.#abort;
    const onEvent = (event: RunEvent) => {
      this.#events.add(event);
      if (this.#run && event.type !== 'progress') this.#events.add({ type: 'memory', ...memoryOf(this.#run.prepared) });
    };
    try {
      const prepared = await prepare(recipe, environment, { onEvent, signal });
      this.#run = new Run(prepared);
      const { loaded, splits, headFromCheckpoint } = prepared;
      const { id, title, question, primaryMetric, fields, lowerIsBetter, samples, explaining } = loaded.task;
      const { rows } = splits.get(this.#run.deciding)!;
      const first = loaded.task.view(rows[0]);
      const guess = loaded.task.guess?.(splits.get('train')!.rows, rows);
      this.#events.add({
        type: 'task',
        task: {
          ...{ id, title, question, primaryMetric, fields },
          ...(lowerIsBetter && { lowerIsBetter }),
          ...(samples && { writes: true, example: [first.text] }),
          ...(explaining && { explained: true }),
          ...(guess && { guess }),
        },
        examples: { train: splits.get('train')!.rows.length, validation: rows.length },
        headFromCheckpoint,
        ...(!samples && { shown: shownExamples(rows.length).map((index) => loaded.task.view(rows[index])) }),
      });
      this.#events.add({ type: 'memory', ...memoryOf(prepared) });
      this.#state('training');
      void exports().catch(() => undefined);
      await this.#run.train({ beforeStep: () => this.#steering.beforeStep(), signal, onEvent });
      this.#state(this.#steering.stopping ? 'stopped' : 'done');
    } catch (error) {
      if (signal.aborted) this.#state('stopped');
      else this.#state('failed', error);
    } finally {
      this.#ended = true;
    }
  }

  get #trained(): Run {
    if (!this.#run) throw new UserError('run/none', 'Nothing has been trained yet; press Train first.');
    return this.#run;
  }

  /** Methods by id, and `base`: the pre-trained model with the head that every method started from. */
  async #model(id: ModelId): Promise<Trainer> {
    const { prepared } = this.#trained;
    const found = prepared.trainers.find((trainer) => trainer.id === id);
    if (found) return found;
    if (id !== 'base') throw new UserError('run/none', `This run has no method "${id}".`);
    return (this.#base ??= baseModel(prepared));
  }

  /** @param onText where the task writes text, what a model has written so far */
  async predict(
    models: readonly ModelId[],
    texts: readonly string[],
    onText?: (model: ModelId, text: string) => void,
  ): Promise<Prediction[]> {
    const { recipe, tokenizer, loaded } = this.#trained.prepared;
    const { task } = loaded;
    const rows = [task.rowOf(texts)];
    const encoded = await task.encode(tokenizer, rows, recipe.training);
    const predictions: Prediction[] = [];
    const { signal } = (this.#answering = new AbortController());
    for (const id of models) {
      const trainer = await this.#model(id);
      let milliseconds = 0;
      const timed = async <Result>(answer: Promise<Result>) => {
        const started = performance.now();
        const result = await answer;
        milliseconds += performance.now() - started;
        return result;
      };
      const predictor: Predictor = {
        predict: async (batch) => {
          await trainer.executable(batch, false); // Compiling is not answering.
          return timed(trainer.predict(batch));
        },
        generate: (prompts, settings, options) => timed(trainer.generate(prompts, settings, options)),
      };
      const answers = await task.evaluate(
        predictor,
        { rows, encoded },
        { ...recipe.training, tokenizer, signal, ...(onText && { onText: (_, text) => onText(id, text) }) },
      );
      predictions.push({ id, ...task.answerView(answers, 0), milliseconds });
    }
    return predictions;
  }

  /** Explaining is fetched by whoever asks for it. */
  async #explaining(): Promise<RunHighlights> {
    if (!this.#highlights) {
      const { RunHighlights } = await import('../explain/run-highlights');
      this.#highlights = new RunHighlights(this.#trained, (id) => this.#model(id));
    }
    return this.#highlights;
  }

  async highlight(question: HighlightQuestion): Promise<Highlight[]> {
    const { signal } = (this.#answering = new AbortController());
    return (await this.#explaining()).highlight(question, signal);
  }

  async drawWeight(place: WeightPlace): Promise<WeightPicture> {
    const { pictureOfRun } = await import('./pictures');
    return pictureOfRun(this.#trained, place);
  }

  snapshotSteps(): number[] {
    const run = this.#trained;
    const [first = [], ...others] = run.prepared.contenders.map(({ id }) => run.snapshotSteps(id));
    return first.filter((step) => others.every((steps) => steps.includes(step)));
  }

  async checkFaithfulness(
    models: readonly ModelId[],
    examples: number,
    onProgress: (done: number, total: number) => void,
  ): Promise<FaithfulnessReport[]> {
    const { signal } = (this.#answering = new AbortController());
    return (await this.#explaining()).faithfulness(models, examples, { signal, onProgress });
  }

  /** Files by name, of the first examples of the deciding split. */
  async exportHighlights(
    method: string,
    examples: number,
    onProgress: (done: number, total: number) => void,
  ): Promise<Map<string, string>> {
    const { signal } = (this.#answering = new AbortController());
    return (await this.#explaining()).files(method, examples, { signal, onProgress });
  }

  stopPrediction(): void {
    this.#answering?.abort();
  }

  evaluationDetails(): EvaluationDetails {
    const run = this.#trained;
    return evaluationDetails(run.prepared, (id) => run.bestAnswers(id));
  }

  results() {
    return this.#trained.results();
  }

  async exportFolder(method: string, kind: 'merged' | 'adapter'): Promise<Map<string, Uint8Array>> {
    const run = this.#trained;
    const { prepared } = run;
    const { adapterFolder, exportExtras, mergedFolder } = await exports();
    const files = await (kind === 'merged' ? mergedFolder(prepared, method) : adapterFolder(prepared, method));
    const extras = exportExtras({
      kind,
      method,
      results: run.results(),
      task: prepared.loaded.task,
      weights: this.#ended ? 'best' : 'last',
    });
    for (const [name, text] of extras) files.set(name, new TextEncoder().encode(text));
    return files;
  }

  /** Files by name: `predictions.jsonl`, and what else the task writes beside it. */
  async exportPredictions(method: string): Promise<Map<string, string>> {
    const run = this.#trained;
    const answers = run.bestAnswers(method);
    if (answers === undefined)
      throw new UserError('run/none', `${method} has not been evaluated yet, so there are no predictions.`);
    const { predictionFiles } = await exports();
    return predictionFiles(run.prepared, answers);
  }

  async dispose(): Promise<void> {
    await this.#highlights?.dispose();
    await (await this.#base?.catch(() => undefined))?.dispose();
    await this.#run?.dispose();
    this.#run = undefined;
  }
}

/** What writes exports: fetched when training begins, since nobody needs it before and a server may be gone after. */
const exports = () => import('../export/index');

const memoryOf = ({ memory }: Prepared) => memory.bytes;

const baseModel = (prepared: Prepared): Promise<Trainer> => {
  const { model, loaded, recipe } = prepared;
  return placeBase(prepared, prepared, new TunedModel({ model, task: loaded.task, weights: recipe.weights }));
};
