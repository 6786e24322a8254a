/**
 * One contender in training on a device: its flat buffers, its optimiser, and a program per batch shape.
 *
 * Trainers of a run share the frozen weights, the arena and the pipelines (`DeviceMemory`); what a trainer owns is small.
 */
import type { Batch } from '../data/batching';
import { UserError } from '../errors';
import type { Dispatch } from '../gpu/commands';
import { largestBinding } from '../gpu/device';
import { finished } from '../gpu/wait';
import type { Generated } from '../generate/generate';
import type { GenerationSettings } from '../generate/settings';
import { Executable, type DeviceMemory } from '../graph/executable';
import type { FlatBuffers, TensorValues } from '../graph/flat-buffers';
import type { ParameterLayout } from '../graph/parameter-layout';
import { hash } from '../graph/ops/elementwise';
import type { BatchShape } from '../models/core/model';
import { AdamW, type AdamWSettings } from '../optim/adamw';
import type { Predictor } from '../tasks/core/task';
import type { ProgramOptions, TunedModel } from './tuned-model';

/** What a batch needs to run; see `Batch`. */
export type ModelBatch = Pick<Batch, 'batchSize' | 'length' | 'inputIds' | 'tokenTypeIds' | 'lengths' | 'targets'>;

export interface StepResult {
  /** Mean loss of the step's micro-batches, before the update. */
  readonly loss: number;
  /** Global gradient norm before clipping. */
  readonly gradNorm: number;
}

export interface TrainerOptions extends AdamWSettings {
  /** Unique in its run; also the name of its output folder. */
  readonly id: string;
  readonly tuned: TunedModel;
  readonly program: Omit<ProgramOptions, 'training'>;
  readonly seed: number;
  /** Starting values of all trained tensors, by name. */
  readonly initial: TensorValues;
}

export class Trainer implements Predictor {
  readonly #programs = new Map<string, Promise<Executable>>();
  readonly #kept = new Map<string, Float32Array>();

  private constructor(
    readonly memory: DeviceMemory,
    readonly options: TrainerOptions,
    readonly layout: ParameterLayout,
    readonly flat: FlatBuffers,
    readonly optimizer: AdamW,
  ) {}

  get id(): string {
    return this.options.id;
  }

  static async create(memory: DeviceMemory, options: TrainerOptions): Promise<Trainer> {
    const layout = options.tuned.layout(largestBinding(memory.gpu));
    const flat = memory.flatBuffers(layout);
    const targets = new Map(options.tuned.own.trained.map((tensor) => [tensor.name, tensor.decayTarget]));
    // As transformers' Trainer: nothing one-dimensional (biases, norms, γ, β) decays.
    const decay = (name: string, shape: readonly number[]) => ({
      weightDecay: shape.length > 1 ? options.weightDecay : 0,
      target: targets.get(name) ?? 0,
    });
    const optimizer = await AdamW.create(memory, layout, flat, decay, options);
    flat.parameters.write(options.initial);
    return new Trainer(memory, options, layout, flat, optimizer);
  }

  /** The program of a batch shape, compiled once. */
  executable({ batchSize, length }: BatchShape, training: boolean): Promise<Executable> {
    const key = `${batchSize}×${length}${training ? ' training' : ''}`;
    let executable = this.#programs.get(key);
    if (!executable) {
      const { tuned, program: options } = this.options;
      const program = tuned.program({ batchSize, length }, this.layout, { ...options, training });
      this.#programs.set(key, (executable = Executable.create(this.memory, program, this.flat)));
    }
    return executable;
  }

  #write(executable: Executable, { inputIds, tokenTypeIds, lengths, targets }: ModelBatch): void {
    for (const [name, values] of Object.entries({ inputIds, tokenTypeIds, lengths, ...targets }))
      executable.write(name, values);
  }

  /**
   * Submits one update on the micro-batches of a step. Resolves once it is submitted, so that a next step can be queued behind it;
   * `done` resolves when the device has finished it.
   *
   * @param step from 0: seeds the dropout masks
   */
  async submit(
    batches: readonly ModelBatch[],
    learningRate: number,
    step: number,
  ): Promise<{ done: Promise<StepResult> }> {
    const { device } = this.memory.gpu;
    const executables: Executable[] = [];
    for (const batch of batches) executables.push(await this.executable(batch, true));
    const staging = device.createBuffer({
      size: 16 + 4 * batches.length,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    batches.forEach((batch, i) => {
      const executable = executables[i]!;
      this.#write(executable, batch);
      this.memory.setSeed(hash((hash(this.options.seed >>> 0) ^ (step * batches.length + i)) >>> 0));
      const last = i === batches.length - 1;
      const more: Dispatch[] = [
        ...this.optimizer.accumulation(i, batches.length),
        ...(last ? this.optimizer.update(learningRate) : []),
      ];
      const { buffer, offset } = executable.locate(executable.program.outputs['loss']!);
      executable.run(more, (encoder) => {
        encoder.copyBufferToBuffer(buffer, offset, staging, 16 + 4 * i, 4);
        if (last) encoder.copyBufferToBuffer(this.optimizer.status, 0, staging, 0, 16);
      });
    });
    const result = async (): Promise<StepResult> => {
      await finished(staging.mapAsync(GPUMapMode.READ));
      const values = new Float32Array(staging.getMappedRange().slice(0));
      staging.destroy();
      this.memory.gpu.check();
      return { loss: values.subarray(4).reduce((sum, value) => sum + value, 0) / batches.length, gradNorm: values[0]! };
    };
    return { done: result() };
  }

  /** What the method does between two updates, if it does anything; waits for the update before. @param step updates done */
  async afterUpdate(step: number, totalSteps: number): Promise<void> {
    const { contender } = this.options.tuned.options;
    if (!contender?.method.afterUpdate) return;
    const { parameters } = this.flat;
    const { gradients } = this.optimizer;
    await contender.method.afterUpdate({
      settings: contender.settings,
      model: this.options.tuned.adapted,
      step,
      totalSteps,
      kept: this.#kept,
      read: (name) => parameters.readOne(name),
      gradient: (name) => gradients.readOne(name),
      write: (name, values) => parameters.writeOne(name, values),
    });
  }

  /** The head's outputs for a batch. */
  async predict(batch: ModelBatch): Promise<Float32Array> {
    const executable = await this.executable(batch, false);
    this.#write(executable, batch);
    executable.run();
    return executable.read(executable.program.outputs['outputs']!);
  }

  /** Goes on with prompts, so many at once; see `generate`. The caches are freed afterwards. */
  async generate(
    prompts: readonly Uint32Array[],
    settings: GenerationSettings,
    { batchSize, onProgress, onTokens, ...options }: Parameters<Predictor['generate']>[2],
  ): Promise<Generated[]> {
    const { tuned, program } = this.options;
    const { vocabSize, longestInput } = tuned.options.model;
    // Only tasks that write text need these.
    const [{ generate }, { DeviceDecoder }, { decodingPrograms }] = await Promise.all([
      import('../generate/generate'),
      import('./decoder'),
      import('./decoding'),
    ]);
    const decoder = new DeviceDecoder({
      memory: this.memory,
      flat: this.flat,
      vocabSize,
      programs: (shape) => decodingPrograms(tuned, shape, this.layout, program),
    });
    // Prompts of similar length go together; a batch has as many rows as a batch of training where beams allow.
    const order = prompts.map((_, i) => i).sort((a, b) => prompts[b]!.length - prompts[a]!.length);
    const atOnce = Math.max(1, Math.floor(batchSize / settings.numBeams));
    const results = new Array<Generated>(prompts.length);
    try {
      for (let start = 0; start < order.length; start += atOnce) {
        const chosen = order.slice(start, start + atOnce);
        const longest = prompts[chosen[0]!]!.length;
        const room = longestInput - longest;
        if (room < 1)
          throw new UserError(
            'generate/too-long',
            `A prompt of ${longest} tokens leaves no room: the model has positions for ${longestInput}; shorten it.`,
          );
        const found = await generate(
          decoder,
          chosen.map((i) => prompts[i]!),
          { ...settings, maxNewTokens: Math.min(settings.maxNewTokens, room) },
          { ...options, ...(onTokens && { onTokens: (i, ids) => onTokens(chosen[i]!, ids) }) },
        );
        chosen.forEach((i, place) => (results[i] = found[place]!));
        onProgress?.(Math.min(start + atOnce, order.length));
      }
    } finally {
      decoder.dispose();
    }
    return results;
  }

  /** Gradients of a batch by tensor name, without an update: what the tests compare with PyTorch. */
  async gradients(batch: ModelBatch): Promise<TensorValues> {
    const executable = await this.executable(batch, true);
    this.#write(executable, batch);
    executable.run();
    return this.flat.gradients.read();
  }

  /** Frees everything this trainer owns. */
  async dispose(): Promise<void> {
    for (const executable of this.#programs.values()) (await executable).dispose();
    this.#programs.clear();
    this.optimizer.dispose();
    this.flat.dispose();
  }
}

/** The error of a step whose loss or gradient is no longer finite. */
export function divergence(id: string, step: number, learningRate: number): UserError {
  return new UserError(
    'train/diverged',
    `${id}: the loss is no longer finite at step ${step + 1} (learning rate ${learningRate}); the weights of the last good step are kept. Try a lower learning rate.`,
  );
}
