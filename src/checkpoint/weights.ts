/**
 * A checkpoint's weights by name, from `model.safetensors` or the shards that `model.safetensors.index.json` lists.
 *
 * Opening reads headers only; each tensor's bytes are read when asked for. Everything a damaged or incomplete checkpoint can
 * be missing is found when opening, before anything is allocated on a device.
 */
import { z } from 'zod';
import { UserError } from '../errors';
import { toFloat16BitsChecked, toFloat32 } from './float';
import { readJson } from './json';
import { parseSafetensorsHeader, safetensorsHeaderEnd, type Tensor, type TensorInfo } from './safetensors';
import type { FileSource, OpenFile, ReadOptions } from './source';

export interface WeightReader {
  names(): string[];
  has(name: string): boolean;
  /** @throws UserError `weights/missing-tensor` */
  shape(name: string): readonly number[];
  /**
   * The values as f32 (exact from F16 and BF16; F64 rounds to nearest even).
   *
   * @throws UserError `weights/missing-tensor`, `checkpoint/dtype`
   */
  read(name: string): Promise<{ shape: readonly number[]; data: Float32Array<ArrayBuffer> }>;
  /**
   * The values as f16 bit patterns, rounded to nearest even.
   *
   * @throws UserError as `read`, and `checkpoint/beyond-f16` where a finite value does not fit
   */
  readHalf(name: string): Promise<{ shape: readonly number[]; data: Uint16Array<ArrayBuffer> }>;
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

const otherFormats = [
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'tf_model.h5',
  'flax_model.msgpack',
  'model.ckpt.index',
];

/**
 * Opens a checkpoint folder's weights.
 *
 * @throws UserError `weights/missing`, `weights/other-format`, `weights/index`, `safetensors/…`, `source/…`
 */
export async function openWeights(source: FileSource, options: ReadOptions = {}): Promise<WeightReader> {
  if (await source.exists('model.safetensors', options)) {
    return weightReader(source.label, await openTensors(source, 'model.safetensors', options));
  }
  if (await source.exists('model.safetensors.index.json', options)) {
    return weightReader(source.label, await openShards(source, options));
  }
  for (const file of otherFormats) {
    if (await source.exists(file, options)) {
      throw new UserError(
        'weights/other-format',
        `${source.label} has its weights only as ${file}; convert them to model.safetensors ` +
          '(load the model in transformers and call save_pretrained).',
      );
    }
  }
  throw new UserError(
    'weights/missing',
    `${source.label} has no weights: neither model.safetensors nor model.safetensors.index.json is there.`,
  );
}

/** A tensor's place: the file that holds it and where. */
interface Place {
  path: string;
  file: OpenFile;
  info: TensorInfo;
}

/** Reads one safetensors file's header, and that only. */
async function openTensors(source: FileSource, path: string, options: ReadOptions = {}): Promise<Map<string, Place>> {
  const file = await source.open(path, options);
  const name = `${path} of ${source.label}`;
  // The length is checked before anything is allocated by it.
  const start = await file.slice(0, Math.min(file.size, 64)); // 64: enough to tell what a foreign file is.
  const end = safetensorsHeaderEnd(start, file.size, name);
  const header = parseSafetensorsHeader(await file.slice(0, end), file.size, name);
  return new Map([...header.tensors].map(([tensor, info]) => [tensor, { path, file, info }]));
}

async function openShards(source: FileSource, options: ReadOptions): Promise<Map<string, Place>> {
  const { weight_map: weightMap } = await readJson(source, 'model.safetensors.index.json', indexSchema, options);
  const files = [...new Set(Object.values(weightMap))];
  if (files.length === 0) {
    throw new UserError('weights/index', `model.safetensors.index.json of ${source.label} lists no weights.`);
  }
  const shards = new Map<string, Map<string, Place>>();
  for (const [i, file] of files.entries()) {
    const { onProgress } = options;
    shards.set(
      file,
      await openTensors(source, file, {
        ...options,
        // The shards are alike in size, so that the first ones tell what all will come to.
        onProgress:
          onProgress &&
          ((loaded, total) =>
            onProgress(loaded + i * (total ?? 0), total === undefined ? total : total * files.length)),
      }),
    );
  }
  const places = new Map<string, Place>();
  for (const [name, file] of Object.entries(weightMap)) {
    const place = shards.get(file)!.get(name);
    if (!place) {
      throw new UserError(
        'weights/index',
        `model.safetensors.index.json of ${source.label} puts ${name} into ${file}, but it is not there.`,
      );
    }
    places.set(name, place);
  }
  return places;
}

function weightReader(label: string, places: Map<string, Place>): WeightReader {
  const find = (name: string): Place => {
    const place = places.get(name);
    if (!place) throw new UserError('weights/missing-tensor', `${label} has no tensor ${name}.`);
    return place;
  };
  const load = async (name: string): Promise<Tensor> => {
    const { file, path, info } = find(name);
    const data = await file.slice(info.start, info.end);
    if (data.length !== info.end - info.start) {
      throw new UserError(
        'safetensors/truncated',
        `${path} of ${label} ended while ${name} was read; is it being changed?`,
      );
    }
    return { dtype: info.dtype, shape: info.shape, data };
  };
  const read: WeightReader['read'] = async (name) => {
    const tensor = await load(name);
    return { shape: tensor.shape, data: toFloat32(tensor, `${name} of ${label}`) };
  };
  return {
    names: () => [...places.keys()],
    has: (name) => places.has(name),
    shape: (name) => find(name).info.shape,
    read,
    async readHalf(name) {
      if (find(name).info.dtype === 'F16') {
        const { shape, data } = await load(name);
        return { shape, data: new Uint16Array(data.slice().buffer) };
      }
      const { shape, data } = await read(name);
      return { shape, data: toFloat16BitsChecked(data, `${name} of ${label}`) };
    },
  };
}
