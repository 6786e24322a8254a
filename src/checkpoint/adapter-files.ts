/**
 * Adapter folders in PEFT's format: `adapter_config.json` and `adapter_model.safetensors` (checked against peft 0.21).
 *
 * Names in, names out: PEFT prefixes every tensor with `base_model.model.`; on our side the names come without it. Modules
 * trained in full (the head) stand under their own names. What a configuration means is its method's affair.
 */
import { z } from 'zod';
import { UserError } from '../errors';
import { floatTensor, toFloat32, type FloatArray } from './float';
import { readJson } from './json';
import { readSafetensors, writeSafetensors } from './safetensors';
import type { FileSource, ReadOptions } from './source';

const prefix = 'base_model.model.';
/** What lies beside the model, such as VeRA's shared projections, keeps its whole name, which begins so. */
const beside = 'base_model.';
const configFile = 'adapter_config.json';
const modelFile = 'adapter_model.safetensors';

export type AdapterConfig = Readonly<Record<string, unknown>>;

export interface Adapter {
  config: AdapterConfig;
  /** By name, without `base_model.model.`. */
  tensors: Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>;
}

/**
 * Reads an adapter folder.
 *
 * @throws UserError `adapter/other-format`, `adapter/tensors`, `json/…`, `safetensors/…`, `source/…`
 */
export async function readAdapter(source: FileSource, options: ReadOptions = {}): Promise<Adapter> {
  const config = await readJson(source, configFile, z.record(z.string(), z.unknown()), options);
  if (!(await source.exists(modelFile, options)) && (await source.exists('adapter_model.bin', options))) {
    throw new UserError(
      'adapter/other-format',
      `${source.label} has its adapter only as adapter_model.bin; save it again with PEFT's save_pretrained, as safetensors.`,
    );
  }
  const where = `${modelFile} of ${source.label}`;
  const tensors: Adapter['tensors'] = new Map();
  for (const [key, tensor] of readSafetensors(await source.read(modelFile, options), where).tensors) {
    if (!key.startsWith(beside)) {
      throw new UserError(
        'adapter/tensors',
        `${where} holds ${key}, which PEFT would call ${prefix}…; is it an adapter?`,
      );
    }
    tensors.set(key.startsWith(prefix) ? key.slice(prefix.length) : key, {
      shape: tensor.shape,
      data: toFloat32(tensor, `${key} of ${where}`),
    });
  }
  return { config, tensors };
}

/**
 * The files of an adapter folder.
 *
 * @param tensors by name, without `base_model.model.`
 * @param dtype how the tensors are stored; PEFT's own default is F32
 * @throws UserError `checkpoint/beyond-f16`
 */
export function adapterFiles(adapter: {
  config: AdapterConfig;
  tensors: ReadonlyMap<string, FloatArray>;
  dtype?: 'F32' | 'F16';
}): Map<string, Uint8Array<ArrayBuffer>> {
  const { config, tensors, dtype = 'F32' } = adapter;
  const shared = {
    auto_mapping: null,
    base_model_name_or_path: null,
    inference_mode: true,
    modules_to_save: null,
    revision: null,
    task_type: null,
  };
  const entries = Object.entries({ ...shared, ...config });
  const sorted = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  const named = new Map(
    [...tensors].map(([name, values]) => [
      name.startsWith(beside) ? name : prefix + name,
      floatTensor(values, dtype, name),
    ]),
  );
  return new Map([
    [configFile, new TextEncoder().encode(`${JSON.stringify(sorted, null, 2)}\n`)],
    [modelFile, writeSafetensors(named, { format: 'pt' })],
  ]);
}
