/**
 * One run in the worker: prepared, trained under the page's control, and kept afterwards so that its methods answer and can be
 * taken home. Disposed when the next one starts.
 */
import { UserError } from '../../errors';
import { encodeExamples, makeBatch } from '../../data/batching';
import { readHead } from '../../models/load';
import { Contender } from '../../train/contender';
import type { RunEvent } from '../../train/events';
import { adapterFolder, mergedFolder, predictionLines } from '../../train/export';
import { classifierOf, prepare, type Environment, type Prepared } from '../../train/prepare';
import type { Recipe } from '../../train/recipe';
import { Run } from '../../train/run';
import type { EvaluationDetails, ModelId, Prediction, RunState, WorkerEvent } from '../protocol';
import { errorInfo } from '../rpc-errors';
import { EventBatches } from './event-batches';
import { evaluationDetails } from './evaluation-details';
import { Steering } from './steering';

export class Session {
  readonly #steering = new Steering((paused) => this.#state(paused ? 'paused' : 'training'));
  readonly #abort = new AbortController();
  readonly #events: EventBatches;
  #run: Run | undefined;
  #base: Promise<Contender> | undefined;
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
      const { task, train, validation, loaded, headFromCheckpoint } = prepared;
      const { id, title, question, kind, labelNames, metrics, columns } = task;
      const paired = columns.pair !== undefined || loaded.validation[0]?.pair !== undefined;
      this.#events.add({
        type: 'task',
        task: { id, title, question, kind, labelNames, primaryMetric: metrics.primary, paired },
        examples: { train: train.count, validation: validation.count },
        headFromCheckpoint,
      });
      this.#events.add({ type: 'memory', ...memoryOf(prepared) });
      this.#state('training');
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
  async #model(id: ModelId): Promise<Contender> {
    const { prepared } = this.#trained;
    const found = prepared.contenders.find(({ contender }) => contender.id === id)?.contender;
    if (found) return found;
    if (id !== 'base') throw new UserError('run/none', `This run has no method "${id}".`);
    return (this.#base ??= baseModel(prepared));
  }

  async predict(models: readonly ModelId[], text: string, pair?: string): Promise<Prediction[]> {
    const { recipe, tokenizer, task } = this.#trained.prepared;
    const { maxLength } = recipe.training;
    const encoded = await encodeExamples(tokenizer, [{ text, ...(pair !== undefined && { pair }), label: 0 }], {
      maxLength,
    });
    const batch = makeBatch(encoded, Uint32Array.of(0), { padTokenId: tokenizer.padTokenId, maxLength });
    const predictions: Prediction[] = [];
    for (const id of models) {
      const contender = await this.#model(id);
      await contender.executable(batch, false); // Compiling is not answering.
      const started = performance.now();
      const logits = await contender.predict(batch);
      const milliseconds = performance.now() - started;
      predictions.push(
        task.kind === 'regression'
          ? { id, probabilities: [], score: logits[0]!, milliseconds }
          : { id, probabilities: softmax(logits), milliseconds },
      );
    }
    return predictions;
  }

  evaluationDetails(): EvaluationDetails {
    const run = this.#trained;
    return evaluationDetails(run.prepared, (id) => run.bestLogits(id));
  }

  results() {
    return this.#trained.results();
  }

  async exportFolder(method: string, kind: 'merged' | 'adapter'): Promise<Map<string, Uint8Array>> {
    const { prepared } = this.#trained;
    const contender = await this.#model(method);
    return kind === 'merged' ? mergedFolder(prepared, contender) : adapterFolder(prepared, contender);
  }

  exportPredictions(method: string): string {
    const run = this.#trained;
    const logits = run.bestLogits(method);
    if (!logits) throw new UserError('run/none', `${method} has not been evaluated yet, so there are no predictions.`);
    return predictionLines(run.prepared, logits);
  }

  async dispose(): Promise<void> {
    await (await this.#base?.catch(() => undefined))?.dispose();
    await this.#run?.dispose();
    this.#run = undefined;
  }
}

const memoryOf = ({ memory }: Prepared) => memory.bytes;

function softmax(logits: Float32Array): number[] {
  const max = logits.reduce((a, b) => Math.max(a, b));
  const exponentials = Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((value) => value / sum);
}

async function baseModel({ recipe, config, task, reader, memory, contenders }: Prepared): Promise<Contender> {
  const { values } = await readHead(reader, config, task.numLabels, recipe.training.seed);
  return Contender.create(memory, {
    ...contenders[0]!.contender.options,
    id: 'base',
    classifier: classifierOf(recipe, config, task),
    initial: values,
  });
}
