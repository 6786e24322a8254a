/**
 * From a recipe to a run that is ready to train: data read and tokenised, cost known, weights on the device.
 *
 * Whatever can be refused is refused before it costs something: the recipe first, then config and data, then the device's limits,
 * and only then are weights read and memory allocated.
 */
import { readJson } from '../checkpoint/json';
import type { FileSource } from '../checkpoint/source';
import { openWeights, type WeightReader } from '../checkpoint/weights';
import { estimateCost, type Cost } from '../cost/estimate';
import { encodeExamples, paddedLength, type EncodedExamples } from '../data/batching';
import { loadCustomTask, loadTask, type DataFile, type LoadedTask } from '../data/load-task';
import { tasks, type Task, type TaskId } from '../data/tasks';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer';
import { UserError } from '../errors';
import { assertFits, DeviceMemory } from '../graph/executable';
import type { KernelChoice } from '../graph/tensor';
import type { Gpu } from '../gpu/device';
import { longestInput, parseConfig, type EncoderConfig } from '../models/config';
import { missingPooler, readHead, readWeight } from '../models/load';
import { warmupStepsOf } from '../optim/schedule';
import { adapterTensors, classifierProgram, parameterLayout, type Classifier } from '../peft/classifier';
import { z } from 'zod';
import { Contender } from './contender';
import type { RunEvent } from './events';
import { linearShapes, type KernelNeeds } from './kernel-choice';
import type { Recipe, RecipeMethod } from './recipe';
import { adapterStart } from './start';

/** Where a run finds what its recipe names; one for Node, one for the page. */
export interface Environment {
  gpu(): Promise<Gpu>;
  /** Kernels that suit the device. */
  choice(gpu: Gpu, needs: KernelNeeds): Promise<KernelChoice>;
  /** `bundled:…`, a hub id, or a folder. */
  checkpoint(reference: string, revision?: string): FileSource;
  /** A PEFT folder. */
  adapter(reference: string): FileSource;
  /** A data file the recipe names. */
  file(path: string): DataFile;
  dataset(repository: string): FileSource;
  /** The folder of the bundled sample task. */
  sample(): FileSource;
}

export interface PrepareOptions {
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Prepared {
  readonly recipe: Recipe;
  readonly source: FileSource;
  readonly config: EncoderConfig;
  readonly loaded: LoadedTask;
  readonly task: Task;
  readonly tokenizer: TextTokenizer;
  readonly train: EncodedExamples;
  readonly validation: EncodedExamples;
  readonly validationMismatched?: EncodedExamples | undefined;
  readonly reader: WeightReader;
  readonly memory: DeviceMemory;
  readonly contenders: readonly { readonly method: RecipeMethod; readonly contender: Contender; readonly cost: Cost }[];
  readonly headFromCheckpoint: boolean;
  /** Frozen tensors that the checkpoint lacks, as they were drawn. */
  readonly drawn: ReadonlyMap<string, Float32Array>;
  readonly totalSteps: number;
  readonly warmupSteps: number;
  readonly stepsPerEpoch: number;
  readonly peakBytes: number;
}

export function classifierOf(
  recipe: Recipe,
  config: EncoderConfig,
  task: Pick<Task, 'kind' | 'numLabels'>,
  method?: RecipeMethod,
): Classifier {
  return {
    config,
    numLabels: task.numLabels,
    lossKind: task.kind === 'regression' ? 'meanSquaredError' : 'crossEntropy',
    weights: recipe.weights,
    adaptation: method && { method: method.method, settings: method.settings },
  };
}

/** Reads and checks `config.json`, and that the recipe's `maxLength` fits its position table. */
export async function readConfig(
  recipe: Recipe,
  source: FileSource,
  options: PrepareOptions = {},
): Promise<EncoderConfig> {
  const config = parseConfig(
    await readJson(source, 'config.json', z.unknown(), { signal: options.signal }),
    source.label,
  );
  const longest = longestInput(config);
  if (recipe.training.maxLength > longest)
    throw new UserError(
      'recipe/max-length',
      `training.maxLength is ${recipe.training.maxLength}, but ${source.label} has positions for ${longest} tokens.`,
    );
  return config;
}

/** The data of a recipe, from wherever the recipe says. */
export async function loadData(recipe: Recipe, environment: Environment, options: PrepareOptions): Promise<LoadedTask> {
  const { data } = recipe;
  const read = {
    signal: options.signal,
    onProgress: (done: number, total?: number) =>
      options.onEvent?.({ type: 'progress', phase: 'download', done, total: total ?? 0, label: 'data' }),
  };
  const files = data && {
    train: environment.file(data.train),
    ...(data.validation && { validation: environment.file(data.validation) }),
    ...(data.validationMismatched && { validationMismatched: environment.file(data.validationMismatched) }),
  };
  const { seed } = recipe.training;
  if (recipe.task === 'custom')
    return loadCustomTask(
      files!,
      { ...data!.columns!, labels: data!.labels, regression: data!.regression },
      seed,
      read,
    );
  const task = tasks[recipe.task as TaskId];
  if (files) return loadTask(task, { files, seed }, read);
  if (task.id === 'sample') return loadTask(task, { folder: environment.sample() }, read);
  return loadTask(task, { hub: environment.dataset(task.hub!.dataset) }, read);
}

/** A split's tokens are checked against the model once, here, so that no kernel can read beyond a table. */
function checkIds(encoded: EncodedExamples, config: EncoderConfig, label: string): void {
  const largest = encoded.inputIds.reduce((max, id) => Math.max(max, id), 0);
  if (largest >= config.vocabSize)
    throw new UserError(
      'model/tokenizer',
      `The tokenizer of ${label} gives token ${largest}, but the model's vocabulary ends at ${config.vocabSize - 1}; the two do not belong together.`,
    );
  if (encoded.tokenTypeIds.some((type) => type >= config.typeVocabSize))
    throw new UserError(
      'model/tokenizer',
      `The tokenizer of ${label} marks second texts with a type the model does not have.`,
    );
}

const longestRow = ({ offsets, count }: EncodedExamples) => {
  let longest = 1;
  for (let i = 0; i < count; i++) longest = Math.max(longest, offsets[i + 1]! - offsets[i]!);
  return longest;
};

/** @throws UserError for whatever the recipe, the files or the device make impossible */
export async function prepare(
  recipe: Recipe,
  environment: Environment,
  options: PrepareOptions = {},
): Promise<Prepared> {
  const { signal, onEvent } = options;
  const { training } = recipe;
  const source = environment.checkpoint(recipe.checkpoint, recipe.revision);
  const config = await readConfig(recipe, source, options);
  const tokenizer = await loadTokenizer(source);
  const loaded = await loadData(recipe, environment, options);
  const { task } = loaded;
  signal?.throwIfAborted();

  const encode = async (examples: LoadedTask['train'], label: string) => {
    const encoded = await encodeExamples(tokenizer, examples, {
      maxLength: training.maxLength,
      ...(signal && { signal }),
      onProgress: (done, total) => onEvent?.({ type: 'progress', phase: 'tokenise', done, total, label }),
    });
    checkIds(encoded, config, source.label);
    return encoded;
  };
  const { limit } = recipe.evaluation;
  const limited = <T>(examples: T[]) => (limit ? examples.slice(0, limit) : examples);
  const train = await encode(loaded.train, 'train');
  const validation = await encode(limited(loaded.validation), 'validation');
  const validationMismatched =
    loaded.validationMismatched && (await encode(limited(loaded.validationMismatched), 'validation, mismatched'));

  // Steps, as transformers' Trainer counts them.
  const batchesPerEpoch = Math.ceil(train.count / training.batchSize);
  const stepsPerEpoch = Math.max(1, Math.ceil(batchesPerEpoch / training.gradientAccumulation));
  const totalSteps = training.maxSteps || training.epochs * stepsPerEpoch;
  const warmupSteps = training.warmupSteps ?? warmupStepsOf(training.warmupRatio, totalSteps);

  const gpu = await environment.gpu();
  const padded = (encoded: EncodedExamples) => paddedLength(longestRow(encoded), training.maxLength);
  const shape = { batchSize: Math.min(training.batchSize, train.count), length: padded(train) };
  const evaluationShape = {
    batchSize: Math.min(training.batchSize, validation.count),
    length: Math.max(padded(validation), validationMismatched ? padded(validationMismatched) : 0),
  };
  const chunkBytes = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize);
  const choice = await environment.choice(gpu, {
    shapes: () =>
      linearShapes(
        gpu,
        recipe.methods.map((method) => classifierOf(recipe, config, task, method)),
        [
          { shape, training: true },
          { shape: evaluationShape, training: false },
        ],
        { dropout: training.dropout, chunkBytes },
      ),
    onTuning: () => onEvent?.({ type: 'progress', phase: 'tune', done: 0, total: 0, label: 'kernels' }),
  });
  signal?.throwIfAborted();
  const costs = recipe.methods.map((method) =>
    estimateCost(classifierOf(recipe, config, task, method), {
      shape,
      evaluationShape,
      gradientAccumulation: training.gradientAccumulation,
      dropout: training.dropout,
      choice,
      chunkBytes,
    }),
  );
  // Weights and arena are shared; what each method owns adds up.
  const own = costs.map(({ memory }) => memory.trainableBytes + memory.programBytes);
  const peakBytes =
    costs[0]!.memory.weightBytes +
    Math.max(...costs.map(({ memory }) => memory.arenaBytes)) +
    own.reduce((sum, bytes) => sum + bytes, 0);
  assertFits(gpu, costs[0]!.largestWeight);
  onEvent?.({
    type: 'plan',
    adapter: gpu.identity,
    totalSteps,
    peakBytes,
    methods: recipe.methods.map(({ id }, i) => ({ id, cost: costs[i]! })),
  });

  const reader = await openWeights(source, {
    ...(signal && { signal }),
    onProgress: (done, total) =>
      onEvent?.({ type: 'progress', phase: 'download', done, total: total ?? 0, label: 'weights' }),
  });
  const memory = new DeviceMemory(gpu);
  try {
    const drawn = missingPooler(reader, config, training.seed);
    const plain = classifierOf(recipe, config, task);
    const { weights } = classifierProgram(plain, { batchSize: 1, length: 8 }, parameterLayout(plain), {
      training: false,
    });
    for (const weight of weights)
      memory.uploadWeight(
        weight.name,
        drawn.get(weight.name) ?? (await readWeight(reader, config, weight, source.label)),
      );
    const head = await readHead(reader, config, task.numLabels, training.seed);
    const contenders = [];
    for (const [i, method] of recipe.methods.entries()) {
      signal?.throwIfAborted();
      onEvent?.({ type: 'progress', phase: 'compile', done: i, total: recipe.methods.length, label: method.id });
      const classifier = classifierOf(recipe, config, task, method);
      const initial = new Map(head.values);
      for (const tensor of adapterTensors(classifier))
        initial.set(tensor.name, tensor.initial(training.seed, tensor.name));
      if (method.adapter)
        for (const [name, values] of await adapterStart(method, classifier, environment.adapter(method.adapter)))
          initial.set(name, values);
      const contender = await Contender.create(memory, { ...training, id: method.id, classifier, choice, initial });
      // The largest programs first: they set the arena.
      await contender.executable(shape, true);
      await contender.executable(evaluationShape, false);
      contenders.push({ method, contender, cost: costs[i]! });
    }
    await gpu.idle();
    onEvent?.({
      type: 'progress',
      phase: 'compile',
      done: recipe.methods.length,
      total: recipe.methods.length,
      label: '',
    });
    return {
      recipe,
      source,
      config,
      loaded,
      task,
      tokenizer,
      train,
      validation,
      validationMismatched,
      reader,
      memory,
      contenders,
      headFromCheckpoint: head.fromCheckpoint,
      drawn,
      totalSteps,
      warmupSteps,
      stepsPerEpoch,
      peakBytes,
    };
  } catch (error) {
    memory.dispose();
    throw error;
  }
}
