/**
 * Adapter folders in PEFT's format: `adapter_config.json` and `adapter_model.safetensors` (checked against peft 0.21).
 *
 * Names in, names out: PEFT prefixes every tensor with `base_model.model.`; on our side the names come without it. Modules
 * trained in full (the head) stand under their own names. HUT, which PEFT does not know, has the same shape of folder. What
 * a config asks for and we would not compute is refused: an adapter read halfway would be silently wrong.
 */
import { z } from 'zod';
import { UserError } from '../errors';
import { floatTensor, toFloat32, type FloatArray } from './float';
import { checkJson, readJson } from './json';
import { readSafetensors, writeSafetensors } from './safetensors';
import type { FileSource, ReadOptions } from './source';

const prefix = 'base_model.model.';
const configFile = 'adapter_config.json';
const modelFile = 'adapter_model.safetensors';

const shared = {
  /** The rank. */
  r: z.int().min(1),
  /** As PEFT matches them: a module's name, or the end of it after a dot. */
  target_modules: z.array(z.string()).min(1),
  /** Modules trained in full, e.g. `classifier`. */
  modules_to_save: z.array(z.string()).nullish(),
  base_model_name_or_path: z.string().nullish(),
  task_type: z.string().nullish(),
  inference_mode: z.boolean().optional(),
};
const adapterConfig = z.discriminatedUnion('peft_type', [
  z.object({
    peft_type: z.literal('LORA'),
    ...shared,
    lora_alpha: z.number().positive().default(8),
    lora_dropout: z.number().min(0).lt(1).default(0),
    /** Whether the base layer stores its weight as [in, out] (GPT-2's Conv1D). */
    fan_in_fan_out: z.boolean().default(false),
  }),
  z.object({ peft_type: z.literal('HUT'), ...shared }),
]);

export type AdapterConfig = z.output<typeof adapterConfig>;
export type LoraAdapterConfig = Extract<AdapterConfig, { peft_type: 'LORA' }>;
export type HutAdapterConfig = Extract<AdapterConfig, { peft_type: 'HUT' }>;

export interface Adapter {
  config: AdapterConfig;
  /** By name, without `base_model.model.`. */
  tensors: Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>;
}

/** What a config may say beside `adapterConfig` without changing what the adapter computes. */
const harmless = new Set([
  ...['auto_mapping', 'revision', 'peft_version', 'megatron_core', 'qalora_group_size', 'ensure_weight_tying'],
  // Used to make the first values of the factors, which the file holds.
  ...['loftq_config', 'eva_config', 'runtime_config'],
]);
/** Ways to begin that leave the base model's weights alone; PiSSA, OLoRA, CorDA and LoftQ change them. */
const plainInitialisation: unknown[] = [undefined, null, true, false, 'gaussian', 'eva', 'orthogonal'];

/**
 * Reads an adapter folder.
 *
 * @throws UserError `adapter/other-format`, `adapter/unsupported`, `adapter/tensors`, `json/…`, `safetensors/…`, `source/…`
 */
export async function readAdapter(source: FileSource, options: ReadOptions = {}): Promise<Adapter> {
  const raw = await readJson(source, configFile, z.record(z.string(), z.unknown()), options);
  const what = `${configFile} of ${source.label}`;
  refuseUnsupported(raw, what);
  const config = checkJson(raw, adapterConfig, what);
  if (!(await source.exists(modelFile, options)) && (await source.exists('adapter_model.bin', options))) {
    throw new UserError(
      'adapter/other-format',
      `${source.label} has its adapter only as adapter_model.bin; save it again with PEFT's save_pretrained, as safetensors.`,
    );
  }
  const where = `${modelFile} of ${source.label}`;
  const tensors: Adapter['tensors'] = new Map();
  for (const [key, tensor] of readSafetensors(await source.read(modelFile, options), where).tensors) {
    if (!key.startsWith(prefix)) {
      throw new UserError(
        'adapter/tensors',
        `${where} holds ${key}, which PEFT would call ${prefix}…; is it an adapter?`,
      );
    }
    tensors.set(key.slice(prefix.length), { shape: tensor.shape, data: toFloat32(tensor, `${key} of ${where}`) });
  }
  if (config.peft_type === 'LORA') checkLoraTensors(config, tensors, where);
  return { config, tensors };
}

/**
 * The files of an adapter folder.
 *
 * @param tensors by name, without `base_model.model.`
 * @param dtype how the tensors are stored; PEFT's own default is F32
 * @throws UserError `checkpoint/beyond-f16`, `adapter/tensors`
 */
export function adapterFiles(adapter: {
  config: AdapterConfig;
  tensors: ReadonlyMap<string, FloatArray>;
  dtype?: 'F32' | 'F16';
}): Map<string, Uint8Array<ArrayBuffer>> {
  const { config, tensors, dtype = 'F32' } = adapter;
  if (config.peft_type === 'LORA') checkLoraTensors(config, tensors, 'The adapter');
  const shared = {
    auto_mapping: null,
    base_model_name_or_path: null,
    inference_mode: true,
    modules_to_save: null,
    revision: null,
    task_type: null,
  };
  // What every version of PEFT that reads safetensors knows; the rest is at its defaults.
  const lora = {
    alpha_pattern: {},
    bias: 'none',
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    rank_pattern: {},
  };
  const entries = Object.entries({ ...shared, ...(config.peft_type === 'LORA' ? lora : {}), ...config });
  const sorted = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  const named = new Map([...tensors].map(([name, values]) => [prefix + name, floatTensor(values, dtype, name)]));
  return new Map([
    [configFile, new TextEncoder().encode(`${JSON.stringify(sorted, null, 2)}\n`)],
    [modelFile, writeSafetensors(named, { format: 'pt' })],
  ]);
}

function refuseUnsupported(config: Record<string, unknown>, what: string): void {
  const refuse = (sentence: string): never => {
    throw new UserError('adapter/unsupported', `${what} ${sentence}.`);
  };
  const { peft_type: type, target_modules: targets, init_lora_weights: initialisation } = config;
  if (type !== 'LORA' && type !== 'HUT') {
    refuse(`is for ${JSON.stringify(type) ?? 'no method at all'} (peft_type); this app reads LORA and HUT adapters`);
  }
  if (typeof targets === 'string') {
    refuse(`selects its target_modules by the pattern "${targets}"; list the modules' names instead`);
  }
  if (!plainInitialisation.includes(initialisation)) {
    refuse(
      `uses init_lora_weights "${String(initialisation)}", which changes the base model; convert it to a plain LoRA`,
    );
  }
  if (config.bias !== undefined && config.bias !== 'none') {
    refuse(`trains biases (bias: "${String(config.bias)}"), which this app does not`);
  }
  const known = new Set([...Object.keys(shared), ...harmless, 'peft_type', 'bias', 'init_lora_weights']);
  for (const key of ['lora_alpha', 'lora_dropout', 'fan_in_fan_out']) if (type === 'LORA') known.add(key);
  for (const [key, value] of Object.entries(config)) {
    if (!known.has(key) && !isOff(value)) {
      refuse(`uses ${key}, which this app does not support; it would be computed wrongly`);
    }
  }
}

function isOff(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return !value;
}

/** Every LoRA factor has its partner, and both have the config's rank. */
function checkLoraTensors(
  config: LoraAdapterConfig,
  tensors: ReadonlyMap<string, { shape: readonly number[] }>,
  where: string,
): void {
  const fail = (sentence: string): never => {
    throw new UserError('adapter/tensors', `${where} ${sentence}.`);
  };
  let pairs = 0;
  for (const [name, { shape }] of tensors) {
    if (!name.includes('.lora_')) continue;
    const [, module, factor] =
      /^(.+)\.lora_([AB])\.weight$/.exec(name) ?? fail(`holds ${name}, which is no plain LoRA`);
    const partner = `${module}.lora_${factor === 'A' ? 'B' : 'A'}.weight`;
    if (!tensors.has(partner)) fail(`holds ${name}, but not ${partner}`);
    // A is [r, in], B is [out, r].
    if (shape.length !== 2 || shape[factor === 'A' ? 0 : 1] !== config.r) {
      fail(`has ${name} of shape [${shape.join(', ')}], but the config says rank ${config.r}`);
    }
    pairs++;
  }
  if (pairs === 0) fail('holds no LoRA factors');
}
