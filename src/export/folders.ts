/**
 * What a run gives back: a PEFT adapter folder, a merged model that `transformers` opens, and the predictions behind its scores.
 *
 * The merged model is computed in float64 from the checkpoint's own weights and written as f32.
 */
import { adapterFiles, type AdapterConfig } from '../checkpoint/adapter-files';
import { mergedModelFiles } from '../checkpoint/merged-export';
import { modulePaths, type TargetModule } from '../models/encoder';
import { readWeight } from '../models/load';
import { adapterTensors, adaptedSites, classifierProgram, parameterLayout } from '../peft/classifier';
import { predictionsFromLogits } from '../metrics/task-metrics';
import type { Contender } from './contender';
import type { Prepared } from './prepare';

const headModule = 'classifier';
const architectures = { roberta: 'RobertaForSequenceClassification', bert: 'BertForSequenceClassification' };

/** The trained tensors of a method as they are on the device now. */
async function trainedTensors(
  contender: Contender,
): Promise<Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>> {
  const values = await contender.flat.parameters.read();
  return new Map([...contender.layout.entries].map(([name, { shape }]) => [name, { shape, data: values.get(name)! }]));
}

/** Module names that PEFT matches by their end; where an end would match more than is trained, the full names. */
function targetNames({ options: { classifier } }: Contender): string[] {
  const targets = classifier.adaptation!.settings.targetModules as TargetModule[];
  // `output.dense` is also the end of `attention.output.dense`.
  if (targets.includes('down') && !targets.includes('output')) return adaptedSites(classifier).map((site) => site.name);
  return targets.map((target) => modulePaths[target].replace('attention.self.', ''));
}

/** `adapter_config.json` and `adapter_model.safetensors`; the head under `modules_to_save`. */
export async function adapterFolder(prepared: Prepared, contender: Contender): Promise<Map<string, Uint8Array>> {
  const { method, settings } = contender.options.classifier.adaptation!;
  const tensors = await trainedTensors(contender);
  // A pooler that the checkpoint lacks was drawn here and must travel with the adapter.
  for (const [name, data] of prepared.drawn)
    tensors.set(name, {
      shape: name.endsWith('bias') ? [data.length] : [Math.sqrt(data.length), Math.sqrt(data.length)],
      data: data as Float32Array<ArrayBuffer>,
    });
  const config = {
    peft_type: method.peftType,
    ...method.adapterConfig(settings),
    target_modules: targetNames(contender),
    modules_to_save: prepared.drawn.size ? [headModule, 'pooler'] : [headModule],
    base_model_name_or_path: prepared.recipe.checkpoint,
    task_type: 'SEQ_CLS',
    inference_mode: true,
  } as unknown as AdapterConfig;
  return adapterFiles({ config, tensors });
}

/** A folder for `AutoModelForSequenceClassification.from_pretrained`: weights with the method merged in, config, tokenizer. */
export async function mergedFolder(prepared: Prepared, contender: Contender): Promise<Map<string, Uint8Array>> {
  const { reader, config, source, task, drawn, tokenizer } = prepared;
  const { classifier } = contender.options;
  const trained = await trainedTensors(contender);
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>();
  const frozen = classifierProgram(
    { ...classifier, adaptation: undefined, weights: 'f32' },
    { batchSize: 1, length: 8 },
    parameterLayout({ ...classifier, adaptation: undefined }),
    { training: false },
  ).weights;
  for (const weight of frozen) {
    const data = drawn.get(weight.name) ?? ((await readWeight(reader, config, weight, source.label)) as Float32Array);
    weights.set(weight.name, { shape: weight.shape, data: data as Float32Array<ArrayBuffer> });
  }
  const adapted = new Set(adapterTensors(classifier).map((tensor) => tensor.name));
  for (const [name, tensor] of trained) if (!adapted.has(name)) weights.set(name, tensor);
  for (const site of adaptedSites(classifier)) {
    const { method, settings } = classifier.adaptation!;
    const [weight, bias] = [weights.get(`${site.name}.weight`)!, weights.get(`${site.name}.bias`)!];
    const merged = method.merge(
      site,
      settings,
      { weight: weight.data, bias: bias.data },
      (suffix) => trained.get(`${site.name}.${suffix}`)!.data,
    );
    weights.set(`${site.name}.weight`, { ...weight, data: merged.weight as Float32Array<ArrayBuffer> });
    weights.set(`${site.name}.bias`, { ...bias, data: merged.bias as Float32Array<ArrayBuffer> });
  }
  return mergedModelFiles({
    config: config.json,
    architecture: architectures[config.architecture],
    problemType: task.kind === 'regression' ? 'regression' : 'single_label_classification',
    labels: task.kind === 'regression' ? ['score'] : task.labelNames,
    weights,
    dtype: 'F32',
    tokenizerFiles: tokenizer.files(),
  });
}

/** `predictions.jsonl`: one line an example of the validation split, in its order, with the logits behind the answer. */
export function predictionLines({ loaded, task, validation }: Prepared, logits: Float32Array): string {
  const predictions = predictionsFromLogits(logits, task.numLabels);
  const lines = Array.from(predictions, (prediction, index) => {
    const { text, pair, label } = loaded.validation[index]!;
    const [start, end] = [validation.offsets[index]!, validation.offsets[index + 1]!];
    return JSON.stringify({
      index,
      text,
      ...(pair !== undefined && { pair }),
      label,
      prediction,
      logits: Array.from(logits.subarray(index * task.numLabels, (index + 1) * task.numLabels)),
      inputIds: Array.from(validation.inputIds.subarray(start, end)),
      tokenTypeIds: Array.from(validation.tokenTypeIds.subarray(start, end)),
    });
  });
  return `${lines.join('\n')}\n`;
}
