/** Reads the committed fixtures of `reference/` (see its README) for tests. */
import { readFile } from 'node:fs/promises';
import { memorySource } from '../checkpoint/source';
import { folderSource } from '../checkpoint/node';
import { fromFloat16Bits, toFloat32 } from '../checkpoint/float';
import { readJson } from '../checkpoint/json';
import { readSafetensors } from '../checkpoint/safetensors';
import { openWeights, type WeightReader } from '../checkpoint/weights';
import type { DeviceMemory } from '../graph/executable';
import { defaultChoice } from '../graph/plan';
import { parseConfig, type EncoderConfig } from '../models/config';
import { missingPooler, readHead, readWeight } from '../models/load';
import { adapterTensors, classifierProgram, parameterLayout, type Classifier } from '../peft/classifier';
import { methodById } from '../peft/registry';
import { z } from 'zod';
import { Contender, type ModelBatch } from './contender';

export { memorySource, fromFloat16Bits };
export const fixtureFolder = 'reference/fixtures';

export interface TrainingCase {
  checkpoint: string;
  numLabels: number;
  method?: string;
  rank: number;
  alpha?: number;
  targetModules: string[];
  training: {
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

export async function loadCase(name: string): Promise<{
  settings: TrainingCase;
  tensor(name: string): { shape: readonly number[]; data: Float32Array } | undefined;
  names: string[];
}> {
  const folder = `${fixtureFolder}/${name}`;
  const settings = JSON.parse(await readFile(`${folder}/case.json`, 'utf8')) as TrainingCase;
  const { tensors } = readSafetensors(new Uint8Array(await readFile(`${folder}/tensors.safetensors`)));
  const tensor = (key: string) => {
    const found = tensors.get(key);
    if (!found) return undefined;
    if (found.dtype !== 'I32') return { shape: found.shape, data: toFloat32(found) };
    return { shape: found.shape, data: Float32Array.from(new Int32Array(found.data.slice().buffer)) };
  };
  return { settings, tensor, names: [...tensors.keys()] };
}

export function batchOf(
  tensor: (name: string) => { shape: readonly number[]; data: Float32Array } | undefined,
  index: number | string,
): ModelBatch {
  const get = (name: string) => tensor(`inputs.${index}.${name}`)!;
  const [batchSize, length] = get('input_ids').shape as [number, number];
  return {
    batchSize,
    length,
    inputIds: Uint32Array.from(get('input_ids').data),
    tokenTypeIds: Uint32Array.from(get('token_type_ids').data),
    lengths: Uint32Array.from(get('lengths').data),
    labels: Float32Array.from(get('labels').data),
  };
}

export async function openCheckpoint(name: string): Promise<{ reader: WeightReader; config: EncoderConfig }> {
  const source = folderSource(`${fixtureFolder}/models/${name}`);
  return {
    reader: await openWeights(source),
    config: parseConfig(await readJson(source, 'config.json', z.unknown()), name),
  };
}

/** A contender at a case's starting point. */
export async function contenderOf(
  memory: DeviceMemory,
  loaded: Awaited<ReturnType<typeof loadCase>>,
  options: {
    weights?: 'f32' | 'f16';
    form?: 'fused' | 'materialised';
    identity?: boolean;
    choice?: typeof defaultChoice;
  } = {},
): Promise<Contender> {
  const { settings, tensor } = loaded;
  const { reader, config } = await openCheckpoint(settings.checkpoint);
  const method = settings.method ? methodById(settings.method) : undefined;
  const adaptation = method && {
    method,
    settings: method.schema.parse({
      rank: settings.rank,
      targetModules: settings.targetModules,
      ...(settings.alpha !== undefined && { alpha: settings.alpha }),
      ...(options.form && { form: options.form }),
    }),
  };
  const classifier: Classifier = {
    config,
    numLabels: settings.numLabels,
    lossKind: settings.numLabels === 1 ? 'meanSquaredError' : 'crossEntropy',
    weights: options.weights ?? 'f32',
    adaptation,
  };
  const head = await readHead(reader, config, settings.numLabels, 0);
  const initial = new Map(head.values);
  for (const { name, initial: draw } of adapterTensors(classifier)) initial.set(name, draw(0, name));
  if (!options.identity)
    for (const name of initial.keys())
      if (tensor(`initial.${name}`)) initial.set(name, tensor(`initial.${name}`)!.data);
  const pooler = missingPooler(reader, config, 0);
  for (const weight of classifierProgram(classifier, { batchSize: 1, length: 8 }, parameterLayout(classifier), {
    training: true,
  }).weights)
    memory.uploadWeight(
      weight.name,
      pooler.get(weight.name) ?? (await readWeight(reader, config, weight, settings.checkpoint)),
    );
  const { weightDecay, maxGradNorm, gradientAccumulation } = settings.training ?? {
    weightDecay: 0,
    maxGradNorm: 0,
    gradientAccumulation: 1,
  };
  return Contender.create(memory, {
    id: settings.method ?? 'base',
    classifier,
    choice: options.choice ?? defaultChoice,
    seed: 0,
    dropout: 0,
    initial,
    weightDecay,
    maxGradNorm,
    gradientAccumulation,
  });
}
