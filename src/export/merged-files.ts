/**
 * A fine-tuned model as a folder that `transformers` opens: weights, config with the labels, tokenizer.
 */
import { floatTensor, type FloatArray } from '../checkpoint/float';
import { writeSafetensors } from '../checkpoint/safetensors';
import type { FileSource, ReadOptions } from '../checkpoint/source';

export interface MergedModel {
  /** The checkpoint's own `config.json`. */
  config: Readonly<Record<string, unknown>>;
  /** What the task says in it, e.g. label names. */
  taskConfig: Readonly<Record<string, unknown>>;
  /** The class that opens it, e.g. `RobertaForSequenceClassification`. */
  className: string;
  /** By the names that `transformers` gives them. */
  weights: ReadonlyMap<string, FloatArray>;
  /** How the weights are stored. */
  dtype: 'F32' | 'F16';
  /** The checkpoint's tokenizer files, by name; see `readTokenizerFiles`. */
  tokenizerFiles: ReadonlyMap<string, Uint8Array>;
}

/** By `model_type`. Loaders before transformers 5 do not know the `TokenizersBackend` that it writes. */
const tokenizerClasses: Record<string, string> = {
  roberta: 'RobertaTokenizer',
  bert: 'BertTokenizer',
  gpt2: 'GPT2Tokenizer',
};

const tokenizerFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'vocab.txt',
];

/** The tokenizer files that a checkpoint folder has, byte for byte. */
export async function readTokenizerFiles(
  source: FileSource,
  options: ReadOptions = {},
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of tokenizerFileNames) {
    if (await source.exists(name, options)) files.set(name, await source.read(name, options));
  }
  return files;
}

/**
 * The folder's files, by name.
 *
 * @throws UserError `checkpoint/beyond-f16`
 */
export function mergedModelFiles(model: MergedModel): Map<string, Uint8Array> {
  const { dtype } = model;
  const { torch_dtype: _, ...original } = model.config;
  const config = {
    ...original,
    architectures: [model.className],
    // What `transformers` 5 loads by default; another dtype than the file's would round the weights.
    dtype: dtype === 'F32' ? 'float32' : 'float16',
    ...model.taskConfig,
  };
  const weights = new Map([...model.weights].map(([name, values]) => [name, floatTensor(values, dtype, name)]));
  const files = new Map<string, Uint8Array>([
    ['config.json', encodeJson(config)],
    ['model.safetensors', writeSafetensors(weights, { format: 'pt' })],
  ]);
  for (const [name, bytes] of model.tokenizerFiles) {
    files.set(name, name === 'tokenizer_config.json' ? tokenizerConfig(bytes, model.config.model_type) : bytes);
  }
  return files;
}

function tokenizerConfig(bytes: Uint8Array, modelType: unknown): Uint8Array {
  const config = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const known = tokenizerClasses[String(modelType)];
  if (config.tokenizer_class !== 'TokenizersBackend' || !known) return bytes;
  return encodeJson({ ...config, tokenizer_class: known });
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
