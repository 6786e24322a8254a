/**
 * What a run gives back: an adapter folder in PEFT's format, a merged model that `transformers` opens, and the predictions behind its
 * scores.
 *
 * The merged model is computed in float64 from the checkpoint's own weights and written as f32.
 */
import { adapterFiles } from '../checkpoint/adapter-files';
import type { FloatArray } from '../checkpoint/float';
import { UserError } from '../errors';
import type { OwnTensor } from '../methods/core/method';
import { readWeight, swapLayout } from '../models/core/load';
import type { LinearSite } from '../models/core/model';
import { readLayer } from '../train/drawn-layer';
import type { Contender } from '../train/recipe';
import type { Prepared } from '../train/prepare';
import type { Trainer } from '../train/trainer';
import type { TunedModel } from '../train/tuned-model';
import { mergedModelFiles } from './merged-files';

type Tensor = FloatArray & { readonly data: Float32Array<ArrayBuffer> };

/** The trained tensors of a contender as they are on the device now. */
async function trainedTensors({ flat, layout }: Trainer): Promise<Map<string, Tensor>> {
  const values = await flat.parameters.read();
  return new Map([...layout.entries].map(([name, { shape }]) => [name, { shape, data: values.get(name)! }]));
}

const frozenValues = ({ recipe }: Prepared, tuned: TunedModel, tensor: OwnTensor) =>
  tuned.frozenValues(tensor, recipe.training.seed) as Float32Array<ArrayBuffer>;

/** A run's contender with what trains it. Throws an `Error` where there is none of this id. */
function contenderOf({ contenders, trainers }: Prepared, id: string): { contender: Contender; trainer: Trainer } {
  const index = contenders.findIndex((contender) => contender.id === id);
  if (index < 0) throw new Error(`the run has no contender ${id}`);
  return { contender: contenders[index]!, trainer: trainers[index]! };
}

/**
 * `adapter_config.json` and `adapter_model.safetensors`; the head under `modules_to_save`.
 *
 * @throws UserError `export/no-adapter` where the method has no adapters
 */
export async function adapterFolder(prepared: Prepared, id: string): Promise<Map<string, Uint8Array>> {
  const { trainer, contender } = contenderOf(prepared, id);
  const { tuned } = trainer.options;
  const { settings, method } = contender;
  const format = method.adapter;
  if (!format)
    throw new UserError('export/no-adapter', `${method.title} has no adapter; take the merged model home instead.`);
  const own = await trainedTensors(trainer);
  for (const tensor of tuned.own.frozen ?? [])
    own.set(tensor.name, { shape: tensor.shape, data: frozenValues(prepared, tuned, tensor) });
  const { reader, model, source } = prepared;
  const layer = (site: LinearSite) => readLayer(reader, model, site, tuned.adapted.linearLayers, source.label);
  const told = (await format.portable?.(settings, tuned.adapted, own, layer)) ?? { settings, tensors: own };
  const tensors = new Map<string, FloatArray>();
  for (const [name, tensor] of told.tensors)
    tensors.set(
      format.folderName?.(name, told.settings, tuned.adapted) ?? name,
      swapLayout(prepared.model, name, tensor) as Tensor,
    );
  // What the checkpoint lacks was drawn here and must travel with the adapter.
  const { bridge } = tuned.head;
  const missing = (bridge?.tensors ?? []).filter(({ name }) => prepared.drawn.has(name) && !tensors.has(name));
  for (const { name, shape } of missing) tensors.set(name, { shape, data: prepared.drawn.get(name)! });
  const config = format.config(told.settings, tuned.adapted);
  const saved = (config['modules_to_save'] as string[] | undefined) ?? [];
  const head = tuned.head.trained.length ? [tuned.head.module] : [];
  const modules = [...head, ...(missing.length ? [bridge!.module] : []), ...saved];
  return adapterFiles({
    config: {
      ...config,
      peft_type: format.peftType,
      modules_to_save: [...new Set(modules)],
      base_model_name_or_path: prepared.recipe.checkpoint,
      task_type: prepared.loaded.task.export.taskType,
      inference_mode: true,
    },
    tensors,
  });
}

/** Where the weight and the bias of a part of a layer lie in the layer's own. */
function partTensors({ name, inFeatures, outFeatures, partOf }: LinearSite) {
  if (!partOf) return [];
  const tensor = (suffix: string, width: number) =>
    [
      `${name}.${suffix}`,
      { of: `${partOf.name}.${suffix}`, start: partOf.from * width, count: outFeatures * width },
    ] as const;
  return [tensor('weight', inFeatures), tensor('bias', 1)];
}

/**
 * A folder for the task's class of `transformers`: weights with the method merged in, config, tokenizer.
 *
 * @throws UserError `export/no-merge` where the method cannot be merged
 */
export async function mergedFolder(prepared: Prepared, id: string): Promise<Map<string, Uint8Array>> {
  const { reader, model, source, loaded, drawn, tokenizer } = prepared;
  const { trainer, contender } = contenderOf(prepared, id);
  const { method, settings } = contender;
  const { tuned } = trainer.options;
  if (!method.merge)
    throw new UserError(
      'export/no-merge',
      `${method.title} cannot be merged into the weights; take its adapter home instead.`,
    );
  const trained = await trainedTensors(trainer);
  const weights = new Map<string, Tensor>();
  for (const tensor of tuned.adapted.tensors) {
    const read = async () =>
      drawn.get(tensor.name) ?? (await readWeight(reader, model, { ...tensor, dataType: 'f32' }, source.label));
    const data = trained.get(tensor.name)?.data ?? (await read());
    weights.set(tensor.name, { shape: tensor.shape, data: data as Float32Array<ArrayBuffer> });
  }
  for (const { name } of tuned.head.trained) weights.set(name, trained.get(name)!);
  const frozen = new Map(tuned.own.frozen?.map((tensor) => [tensor.name, tensor]));
  const parts = new Map<string, { of: string; start: number; count: number }>(
    tuned.adapted.linearLayers.flatMap(partTensors),
  );
  const base = (name: string) => {
    const part = parts.get(name);
    if (!part) return weights.get(name)!.data;
    return weights.get(part.of)!.data.subarray(part.start, part.start + part.count);
  };
  const merged = method.merge({
    settings,
    model: tuned.adapted,
    own: (name) => trained.get(name)?.data ?? frozenValues(prepared, tuned, frozen.get(name)!),
    base,
  });
  for (const [name, values] of merged) base(name).set(values);
  for (const [name, tensor] of weights) weights.set(name, swapLayout(model, name, tensor) as Tensor);
  return mergedModelFiles({
    config: model.config,
    taskConfig: loaded.task.export.config,
    className: tuned.head.className,
    weights,
    dtype: 'F32',
    tokenizerFiles: tokenizer.files(),
  });
}

/** `predictions.jsonl`, one line an example of the deciding split in its order, and what else the task writes beside it. */
export function predictionFiles({ loaded, splits }: Prepared, answers: unknown): Map<string, string> {
  const { task } = loaded;
  const { rows, encoded } = [...splits].find(([name]) => name !== 'train')![1];
  const lines = rows.map((_, index) => JSON.stringify(task.prediction(rows, encoded, answers, index)));
  return new Map([['predictions.jsonl', `${lines.join('\n')}\n`], ...(task.predictionFiles?.(rows, answers) ?? [])]);
}
