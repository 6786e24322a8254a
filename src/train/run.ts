/**
 * The training loop: every method of a recipe in lockstep, on the same pre-trained weights, the same batches and the same seed.
 *
 * A step is submitted while the one before it is still computing, so the device never waits for the CPU to read a loss. A method
 * whose loss stops being finite leaves the race with the weights of its last good step; the others go on.
 */
import { UserError } from '../errors';
import { batches, type Batch } from '../data/batching';
import { decidingSplit, metricName, type SplitName } from '../data/splits';
import type { TensorValues } from '../graph/flat-buffers';
import { scheduleFactor } from '../optim/schedule';
import type { Task } from '../tasks/core/task';
import { drawnContender, weightChanges } from './drawn-layer';
import type { EvaluationRecord, ExampleAnswer, MethodResults, Results, RunEvent, StepRecord } from './events';
import type { Prepared } from './prepare';
import { recipeJson } from './recipe';
import { Snapshots } from './snapshots';
import { divergence, type StepResult, type Trainer } from './trainer';

/** How the outside steers a run between steps. */
export interface RunControl {
  /** Awaited before each step; resolve to go on, or to `stop`. Pausing and single steps are a promise that waits. */
  beforeStep?(step: number): Promise<'continue' | 'stop'> | 'continue' | 'stop';
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** How far one contender has come. */
interface Progress {
  readonly trainer: Trainer;
  readonly learningRate: number;
  readonly steps: StepRecord[];
  readonly evaluations: EvaluationRecord[];
  /** Weights, answers (as the task has them) and record of the best evaluation so far. */
  best?: { record: EvaluationRecord; parameters: TensorValues; answers: unknown };
  readonly snapshots: Snapshots;
  stopped?: { code: string; message: string };
}

/** What all contenders' weights at past evaluations may take together on the host. */
const snapshotBytes = 256 * 2 ** 20;

/** Places of the examples that are watched: a dozen, evenly spread over a split of so many rows. */
export function shownExamples(rows: number): number[] {
  const count = Math.min(12, rows);
  return Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
}

const exampleAnswer = (task: Task, rows: readonly unknown[], answers: unknown, index: number): ExampleAnswer => ({
  ...task.answerView(answers, index),
  ...(task.isRight && { right: task.isRight(rows, answers, index) }),
});

/** Steps that may be in flight: one computing, one waiting. */
const inFlight = 2;

export class Run {
  readonly #all: readonly Progress[];
  #step = 0;

  constructor(readonly prepared: Prepared) {
    this.#all = prepared.contenders.map(({ learningRate }, i) => ({
      trainer: prepared.trainers[i]!,
      learningRate,
      steps: [],
      evaluations: [],
      snapshots: new Snapshots(snapshotBytes / prepared.contenders.length),
    }));
  }

  /** Updates submitted so far. */
  get step(): number {
    return this.#step;
  }

  /** The micro-batches of each step from the run's start on, epoch after epoch. */
  *#stepBatches(): Generator<{ group: Batch[]; endsEpoch: boolean }> {
    const { recipe, splits, tokenizer, stepsPerEpoch } = this.prepared;
    const train = splits.get('train')!.encoded;
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
      // The untuned model, which all curves begin with.
      await this.evaluate(0, control);
      for (const { group, endsEpoch } of this.#stepBatches()) {
        if (this.#step >= totalSteps || this.#running.length === 0) break;
        control.signal?.throwIfAborted();
        if ((await control.beforeStep?.(this.#step)) === 'stop') break;
        const step = this.#step++;
        const factor = scheduleFactor(schedule, step, warmupSteps, totalSteps);
        const tokens = group.reduce((sum, batch) => sum + batch.tokens, 0);
        for (const progress of this.#running) {
          const learningRate = progress.learningRate * factor;
          const { done } = await progress.trainer.submit(group, learningRate, step);
          queue.push(this.#record(progress, done, { step: step + 1, learningRate, tokens }, control));
          await progress.trainer.afterUpdate(step + 1, totalSteps);
        }
        await drain((inFlight - 1) * this.#all.length);
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
    const failed = this.#all.map(({ stopped }) => stopped);
    if (failed.every((reason) => reason !== undefined))
      throw new UserError(failed.at(-1)!.code, failed.at(-1)!.message);
  }

  get #running(): Progress[] {
    return this.#all.filter(({ stopped }) => !stopped);
  }

  /** When the device last finished a step, by the wall clock. */
  #lastDone = 0;

  async #record(
    progress: Progress,
    done: Promise<StepResult>,
    at: { step: number; learningRate: number; tokens: number },
    control: RunControl,
  ): Promise<void> {
    const submitted = performance.now();
    const { loss, gradNorm } = await done;
    const now = performance.now();
    const milliseconds = now - Math.max(submitted, this.#lastDone);
    this.#lastDone = now;
    if (progress.stopped) return;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      const error = divergence(progress.trainer.id, at.step - 1, at.learningRate);
      progress.stopped = { code: error.code, message: error.message };
      control.onEvent?.({ type: 'stopped', method: progress.trainer.id, ...progress.stopped });
      return;
    }
    const record = { ...at, loss, gradNorm, milliseconds };
    progress.steps.push(record);
    control.onEvent?.({
      type: 'step',
      method: progress.trainer.id,
      totalSteps: this.prepared.totalSteps,
      record,
    });
  }

  /** Scores every contender on all splits and keeps the weights of the best evaluation. */
  async evaluate(epoch: number, control: RunControl = {}): Promise<void> {
    const { loaded, splits } = this.prepared;
    const { task } = loaded;
    const { reader, model, source, recipe } = this.prepared;
    for (const progress of this.#all) {
      const metrics: Record<string, number> = {};
      let deciding: unknown;
      for (const [split, { rows, encoded }] of splits) {
        if (split === 'train') continue;
        const answers = await this.#answers(progress, split, control);
        if (split === this.deciding) deciding = answers;
        for (const [name, value] of Object.entries(task.score(rows, encoded, answers)))
          metrics[metricName(name, split, this.deciding)] = value;
      }
      const { best, trainer } = progress;
      const parameters = await trainer.flat.parameters.read();
      const drawn = drawnContender(trainer.options.tuned, recipe.training.seed, (name) => parameters.get(name));
      const changes = await weightChanges(reader, model, drawn, source.label);
      const { rows } = splits.get(this.deciding)!;
      const samples = task.samples?.(rows, deciding);
      const record: EvaluationRecord = {
        step: this.#step,
        epoch,
        metrics,
        ...(samples && { samples }),
        ...(task.interval && { interval: task.interval(rows, deciding) }),
        ...(!samples && {
          examples: shownExamples(rows.length).map((index) => exampleAnswer(task, rows, deciding, index)),
        }),
        ...(changes.length && { changes }),
      };
      progress.evaluations.push(record);
      progress.snapshots.add(this.#step, parameters);
      const sign = task.lowerIsBetter ? -1 : 1;
      const gain = best && sign * (metrics[task.primaryMetric]! - best.record.metrics[task.primaryMetric]!);
      // The untuned model is kept only until something was trained.
      const better = gain === undefined || best?.record.step === 0 || gain > 0;
      if (better) progress.best = { record, answers: deciding, parameters };
      control.onEvent?.({ type: 'evaluation', method: trainer.id, record, best: better });
    }
  }

  /** The split by which weights are chosen. */
  get deciding(): SplitName {
    return decidingSplit(this.prepared.splits);
  }

  #answers({ trainer }: Progress, split: SplitName, { signal, onEvent }: RunControl): Promise<unknown> {
    const { recipe, tokenizer, loaded, splits } = this.prepared;
    const { batchSize, maxLength } = recipe.training;
    return loaded.task.evaluate(trainer, splits.get(split)!, {
      batchSize,
      maxLength,
      seed: recipe.training.seed,
      tokenizer,
      signal,
      onProgress: (done, total) => onEvent?.({ type: 'progress', phase: 'evaluate', done, total, label: trainer.id }),
    });
  }

  async #keepBest(): Promise<void> {
    for (const { trainer, best } of this.#all) if (best) trainer.flat.parameters.write(best.parameters);
  }

  /** The task's answers of the best evaluation, to the deciding split. */
  bestAnswers(id: string): unknown {
    return this.#all.find(({ trainer }) => trainer.id === id)?.best?.answers;
  }

  /** Steps whose weights are still known, in their order. */
  snapshotSteps(id: string): number[] {
    return this.#all.find(({ trainer }) => trainer.id === id)?.snapshots.steps ?? [];
  }

  /** Does something with a contender's weights as they were at an evaluation, and puts today's back. */
  async withSnapshot<T>(id: string, step: number, work: () => Promise<T>): Promise<T> {
    const { trainer, snapshots } = this.#all.find((progress) => progress.trainer.id === id)!;
    const then = snapshots.at(step);
    if (!then)
      throw new UserError('run/none', `The weights of step ${step} are no longer kept; choose another evaluation.`);
    const { parameters } = trainer.flat;
    const now = await parameters.read();
    parameters.write(then);
    try {
      return await work();
    } finally {
      parameters.write(now);
    }
  }

  results(): Results {
    const { recipe, loaded, totalSteps, splits, contenders, memory, plan } = this.prepared;
    return {
      adapter: memory.gpu.identity,
      recipe: recipeJson(recipe),
      task: loaded.task.id,
      primaryMetric: loaded.task.primaryMetric,
      ...(loaded.task.lowerIsBetter && { lowerIsBetter: true }),
      examples: { train: splits.get('train')!.rows.length, validation: splits.get(this.deciding)!.rows.length },
      totalSteps,
      memory: { peakBytes: plan.peakBytes },
      methods: this.#all.map(({ trainer, steps, evaluations, best, stopped }, i): MethodResults => {
        const cost = plan.costs[i]!;
        return {
          id: trainer.id,
          method: contenders[i]!.method.id,
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
    for (const { trainer } of this.#all) await trainer.dispose();
    this.prepared.memory.dispose();
  }
}
