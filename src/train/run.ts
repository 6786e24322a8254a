/**
 * The training loop: every method of a recipe in lockstep, on the same frozen weights, the same batches and the same seed.
 *
 * A step is submitted while the one before it is still computing, so the device never waits for the CPU to read a loss. A method
 * whose loss stops being finite leaves the race with the weights of its last good step; the others go on.
 */
import { UserError } from '../errors';
import { batches, type Batch } from '../data/batching';
import type { TensorValues } from '../graph/flat-buffers';
import { scheduleFactor } from '../optim/schedule';
import { divergence, type Contender, type StepResult } from './contender';
import { predictSplit, scores } from './evaluate';
import type { EvaluationRecord, MethodResults, Results, RunEvent, StepRecord } from './events';
import type { Prepared } from './prepare';
import { recipeJson } from './recipe';

/** How the outside steers a run between steps. */
export interface RunControl {
  /** Awaited before each step; resolve to go on, or to `stop`. Pausing and single steps are a promise that waits. */
  beforeStep?(step: number): Promise<'continue' | 'stop'> | 'continue' | 'stop';
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** One method's race. */
interface Racer {
  readonly contender: Contender;
  readonly learningRate: number;
  readonly steps: StepRecord[];
  readonly evaluations: EvaluationRecord[];
  /** Weights, logits and record of the best evaluation so far. */
  best?: { record: EvaluationRecord; parameters: TensorValues; logits: Float32Array };
  stopped?: { code: string; message: string };
}

/** Steps that may be in flight: one computing, one waiting. */
const inFlight = 2;

export class Run {
  readonly #racers: readonly Racer[];
  #step = 0;

  constructor(readonly prepared: Prepared) {
    this.#racers = prepared.contenders.map(({ method, contender }) => ({
      contender,
      learningRate: method.learningRate,
      steps: [],
      evaluations: [],
    }));
  }

  /** Updates submitted so far. */
  get step(): number {
    return this.#step;
  }

  /** The micro-batches of each step from the run's start on, epoch after epoch. */
  *#stepBatches(): Generator<{ group: Batch[]; endsEpoch: boolean }> {
    const { recipe, train, tokenizer, stepsPerEpoch } = this.prepared;
    const { batchSize, gradientAccumulation, shuffle, seed, maxLength } = recipe.training;
    for (let epoch = 0; ; epoch++) {
      let inEpoch = 0;
      let group: Batch[] = [];
      for (const batch of batches(train, {
        batchSize,
        shuffle,
        seed,
        epoch,
        maxLength,
        padTokenId: tokenizer.padTokenId,
      })) {
        group.push(batch);
        if (
          group.length < gradientAccumulation &&
          inEpoch * gradientAccumulation + group.length < Math.ceil(train.count / batchSize)
        )
          continue;
        yield { group, endsEpoch: ++inEpoch === stepsPerEpoch };
        group = [];
      }
    }
  }

  /** Trains to the end, or until told to stop. Methods that failed are in the results with the reason; the last one's error is thrown if all did. */
  async train(control: RunControl = {}): Promise<void> {
    const { recipe, totalSteps, warmupSteps, stepsPerEpoch } = this.prepared;
    const { schedule } = recipe.training;
    const { everySteps } = recipe.evaluation;
    const queue: Promise<void>[] = [];
    const drain = async (left: number) => {
      while (queue.length > left) await queue.shift();
    };
    let evaluatedAt = -1;
    try {
      for (const { group, endsEpoch } of this.#stepBatches()) {
        if (this.#step >= totalSteps || this.#running.length === 0) break;
        control.signal?.throwIfAborted();
        if ((await control.beforeStep?.(this.#step)) === 'stop') break;
        const step = this.#step++;
        const factor = scheduleFactor(schedule, step, warmupSteps, totalSteps);
        const tokens = group.reduce((sum, batch) => sum + batch.tokens, 0);
        for (const racer of this.#running) {
          const learningRate = racer.learningRate * factor;
          const { done } = await racer.contender.submit(group, learningRate, step);
          queue.push(this.#record(racer, done, { step: step + 1, learningRate, tokens }, control));
        }
        await drain((inFlight - 1) * this.#racers.length);
        if (everySteps ? this.#step % everySteps === 0 : endsEpoch) {
          await drain(0);
          await this.evaluate(this.#step / stepsPerEpoch, control);
          evaluatedAt = this.#step;
        }
      }
      await drain(0);
      if (evaluatedAt !== this.#step && this.#step > 0) await this.evaluate(this.#step / stepsPerEpoch, control);
    } finally {
      // Also where a run is aborted: what can be exported then is the best evaluation, as after any other run.
      await Promise.allSettled(queue);
      await this.#keepBest();
    }
    const failed = this.#racers.map((racer) => racer.stopped);
    if (failed.every((reason) => reason !== undefined))
      throw new UserError(failed.at(-1)!.code, failed.at(-1)!.message);
  }

  get #running(): Racer[] {
    return this.#racers.filter((racer) => !racer.stopped);
  }

  /** When the device last finished a step, by the wall clock. */
  #lastDone = 0;

  async #record(
    racer: Racer,
    done: Promise<StepResult>,
    at: { step: number; learningRate: number; tokens: number },
    control: RunControl,
  ): Promise<void> {
    const submitted = performance.now();
    const { loss, gradNorm } = await done;
    const now = performance.now();
    const milliseconds = now - Math.max(submitted, this.#lastDone);
    this.#lastDone = now;
    if (racer.stopped) return;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      const error = divergence(racer.contender.id, at.step - 1, at.learningRate);
      racer.stopped = { code: error.code, message: error.message };
      control.onEvent?.({ type: 'stopped', method: racer.contender.id, ...racer.stopped });
      return;
    }
    const record = { ...at, loss, gradNorm, milliseconds };
    racer.steps.push(record);
    control.onEvent?.({
      type: 'step',
      method: racer.contender.id,
      totalSteps: this.prepared.totalSteps,
      record,
    });
  }

  /** Scores every method on the validation split and keeps the weights of the best evaluation. */
  async evaluate(epoch: number, control: RunControl = {}): Promise<void> {
    const { task, validation, validationMismatched } = this.prepared;
    for (const racer of this.#racers) {
      const logits = await this.#predict(racer, validation, control);
      const metrics = scores(task, logits, validation.labels);
      if (validationMismatched) {
        const mismatched = scores(
          task,
          await this.#predict(racer, validationMismatched, control),
          validationMismatched.labels,
        );
        for (const [name, value] of Object.entries(mismatched)) metrics[`${name}_mismatched`] = value;
      }
      const record: EvaluationRecord = { step: this.#step, epoch, metrics };
      racer.evaluations.push(record);
      const { primary } = task.metrics;
      const better = !racer.best || metrics[primary]! > racer.best.record.metrics[primary]!;
      if (better) racer.best = { record, logits, parameters: await racer.contender.flat.parameters.read() };
      control.onEvent?.({ type: 'evaluation', method: racer.contender.id, record, best: better });
    }
  }

  #predict(racer: Racer, encoded: Prepared['validation'], { signal, onEvent }: RunControl): Promise<Float32Array> {
    const { recipe, tokenizer } = this.prepared;
    const onProgress = (done: number, total: number) =>
      onEvent?.({ type: 'progress', phase: 'evaluate', done, total, label: racer.contender.id });
    return predictSplit(racer.contender, encoded, {
      batchSize: recipe.training.batchSize,
      maxLength: recipe.training.maxLength,
      padTokenId: tokenizer.padTokenId,
      limit: 0,
      signal,
      onProgress,
    });
  }

  async #keepBest(): Promise<void> {
    for (const { contender, best } of this.#racers) if (best) contender.flat.parameters.write(best.parameters);
  }

  /** Logits of the best evaluation, `[examples, numLabels]`, in the validation split's order. */
  bestLogits(id: string): Float32Array | undefined {
    return this.#racers.find(({ contender }) => contender.id === id)?.best?.logits;
  }

  results(): Results {
    const { recipe, task, totalSteps, train, validation, contenders, memory, peakBytes } = this.prepared;
    return {
      adapter: memory.gpu.identity,
      recipe: recipeJson(recipe),
      task: task.id,
      primaryMetric: task.metrics.primary,
      examples: { train: train.count, validation: validation.count },
      totalSteps,
      memory: { peakBytes },
      methods: this.#racers.map(({ contender, steps, evaluations, best, stopped }, i): MethodResults => {
        const { method, cost } = contenders[i]!;
        return {
          id: contender.id,
          method: method.method.id,
          trainableParameters: cost.trainableParameters,
          headParameters: cost.headParameters,
          cost: { paper: cost.paper, step: cost.step },
          memory: { peakBytes: cost.memory.peakBytes },
          steps,
          evaluations,
          best: best?.record ?? null,
          ...(stopped && { stopped }),
        };
      }),
    };
  }

  async dispose(): Promise<void> {
    for (const { contender } of this.#racers) await contender.dispose();
    this.prepared.memory.dispose();
  }
}
