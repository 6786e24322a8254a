/** Reads the committed fixtures of `reference/` (see its README) for tests. */
import { readFile } from 'node:fs/promises';
import { folderSource } from '../checkpoint/node';
import { toFloat32 } from '../checkpoint/float';
import { readJson } from '../checkpoint/json';
import { readSafetensors } from '../checkpoint/safetensors';
import { openWeights, type WeightReader } from '../checkpoint/weights';
import { ownData } from '../data/labelled';
import type { DeviceMemory } from '../graph/executable';
import { defaultChoice } from '../graph/plan';
import { methodById } from '../methods/core/registry';
import { drawBridge, readHead, readWeight } from '../models/core/load';
import type { Model } from '../models/core/model';
import { openModel } from '../models/core/registry';
import { classification } from '../tasks/classification';
import { taskById } from '../tasks/core/registry';
import type { Task } from '../tasks/core/task';
import { regression } from '../tasks/regression';
import { z } from 'zod';
import { firstValues } from './place';
import { Trainer, type ModelBatch } from './trainer';
import { TunedModel, type ProgramOptions } from './tuned-model';

export const fixtureFolder = 'reference/fixtures';

export interface TrainingCase {
  checkpoint: string;
  numLabels: number;
  /** Of a language model's case. */
  labelSmoothing?: number;
  /** A task by its id, where it is no classification or regression. */
  task?: string;
  method?: string;
  /** As a recipe has them; cases of LoRA and HUT tell them in the three fields below. */
  settings?: Record<string, unknown>;
  rank?: number;
  alpha?: number;
  targetModules?: string[];
  training?: {
    maxSteps: number;
    gradientAccumulation: number;
    weightDecay: number;
    maxGradNorm: number;
    learningRate: number;
    warmupSteps: number;
  };
  batches: number;
  loss: number;
  losses: number[];
  learningRates: number[];
  gradNorms: number[];
}

type ReadTensor = (name: string) => { shape: readonly number[]; data: Float32Array } | undefined;

export interface LoadedCase {
  settings: TrainingCase;
  tensor: ReadTensor;
  names: string[];
}

export async function loadCase(name: string): Promise<LoadedCase> {
  const folder = `${fixtureFolder}/${name}`;
  const settings = JSON.parse(await readFile(`${folder}/case.json`, 'utf8')) as TrainingCase;
  const { tensors } = readSafetensors(new Uint8Array(await readFile(`${folder}/tensors.safetensors`)));
  const tensor: ReadTensor = (key) => {
    const found = tensors.get(key);
    if (!found) return undefined;
    if (found.dtype !== 'I32') return { shape: found.shape, data: toFloat32(found) };
    return { shape: found.shape, data: Float32Array.from(new Int32Array(found.data.slice().buffer)) };
  };
  return { settings, tensor, names: [...tensors.keys()] };
}

export function batchOf(tensor: ReadTensor, index: number | string): ModelBatch {
  const get = (name: string) => tensor(`inputs.${index}.${name}`)!;
  const [batchSize, length] = get('input_ids').shape as [number, number];
  return {
    batchSize,
    length,
    inputIds: Uint32Array.from(get('input_ids').data),
    tokenTypeIds: Uint32Array.from(tensor(`inputs.${index}.token_type_ids`)?.data ?? []),
    lengths: Uint32Array.from(get('lengths').data),
    targets: Object.fromEntries(
      ['labels', 'starts', 'ends'].flatMap((name) => {
        const values = tensor(`inputs.${index}.${name}`);
        return values ? [[name, values.data]] : [];
      }),
    ),
  };
}

export async function openCheckpoint(name: string): Promise<{ reader: WeightReader; model: Model }> {
  const source = folderSource(`${fixtureFolder}/models/${name}`);
  return {
    reader: await openWeights(source),
    model: openModel(await readJson(source, 'config.json', z.unknown()), name),
  };
}

/** The task of a case: the one it names, a language model's, or one whose head has so many outputs; one is a score. */
function taskOfCase({ task, labelSmoothing, numLabels }: TrainingCase): Task {
  if (task !== undefined) return taskById(task)!.describe({ task, training: {} });
  if (labelSmoothing === undefined) return taskOf(numLabels);
  return taskById('text')!.describe({ task: 'text', training: { labelSmoothing } });
}

/** A task whose head has so many outputs; one is a score. */
export function taskOf(numLabels: number): Task {
  const columns = { text: 'text', label: 'label' };
  const names = numLabels === 1 ? [] : Array.from({ length: numLabels }, (_, i) => String(i));
  const data = ownData('fixture', columns, names);
  return numLabels === 1 ? regression(data) : classification(data);
}

export interface TrainerChoices extends Pick<ProgramOptions, 'choice' | 'gradientCheckpointing'> {
  weights?: 'f32' | 'f16';
  /** Settings beside the case's own. */
  settings?: Record<string, unknown>;
  /** Start as the method starts, not from the case's values. */
  identity?: boolean;
}

/** A trainer at a case's starting point. */
export async function trainerOf(
  memory: DeviceMemory,
  { settings: given, tensor }: LoadedCase,
  { weights = 'f32', settings, identity, ...program }: TrainerChoices = {},
): Promise<Trainer> {
  const { reader, model } = await openCheckpoint(given.checkpoint);
  const method = given.method ? methodById(given.method)! : undefined;
  const { rank, alpha, targetModules } = given;
  const own = given.settings ?? { rank, targetModules, ...(alpha !== undefined && { alpha }) };
  const contender = method && { method, settings: method.schema.parse({ ...own, ...settings }) };
  const tuned = new TunedModel({ model, task: taskOfCase(given), weights, contender });

  const bridge = drawBridge(reader, model, tuned.head, 0);
  const drawn = new Map(tuned.own.frozen?.map((own) => [tuned.frozenName(own), own]));
  const frozen = (name: string) => {
    const own = drawn.get(name);
    return own && (tensor(`initial.${own.name}`)?.data ?? own.initial(0));
  };
  for (const weight of tuned.program({ batchSize: 1, length: 8 }, tuned.layout(), { training: true }).weights)
    memory.uploadWeight(
      weight.name,
      frozen(weight.name) ?? bridge.get(weight.name) ?? (await readWeight(reader, model, weight, given.checkpoint)),
    );
  const initial = new Map((await readHead(reader, model, tuned.head, 0)).values);
  const origin = { source: { label: given.checkpoint }, model, reader, drawn: bridge, seed: 0 };
  for (const own of tuned.own.trained)
    initial.set(own.name, await firstValues(own, tuned.adapted.linearLayers, origin));
  if (!identity)
    for (const name of initial.keys()) initial.set(name, tensor(`initial.${name}`)?.data ?? initial.get(name)!);
  const { weightDecay, maxGradNorm, gradientAccumulation } = given.training ?? {
    weightDecay: 0,
    maxGradNorm: 0,
    gradientAccumulation: 1,
  };
  return Trainer.create(memory, {
    id: given.method ?? 'base',
    tuned,
    program: { choice: defaultChoice, ...program },
    seed: 0,
    initial,
    weightDecay,
    maxGradNorm,
    gradientAccumulation,
  });
}

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);

/** The largest difference over the largest value. @param floor what the largest value counts as at least */
export function relativeError(actual: Float32Array, expected: Float32Array, floor = 0): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, not ${expected.length}`);
  return largest(actual.map((value, i) => value - expected[i]!)) / Math.max(largest(expected), floor);
}

/** The length of all gradients together. */
export const globalNorm = (gradients: ReadonlyMap<string, Float32Array>): number =>
  Math.sqrt([...gradients.values()].reduce((sum, values) => sum + values.reduce((s, v) => s + v * v, 0), 0));
