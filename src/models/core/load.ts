/**
 * From a checkpoint folder to the tensors a traced model names. A folder may keep them under other names (`storedNames`); a tensor
 * that is missing or of another shape is told by name.
 */
import { UserError } from '../../errors';
import type { WeightReader } from '../../checkpoint/weights';
import { normalValues } from '../../random';
import { elements, type Tensor } from '../../graph/tensor';
import type { Head, HeadTensor, Model } from './model';

/** The name under which a checkpoint stores our tensor, or undefined. */
export const storedName = (reader: WeightReader, model: Model, name: string): string | undefined =>
  model.storedNames(name).find((candidate) => reader.has(candidate));

function checkShape(found: readonly number[], wanted: readonly number[], name: string, label: string): void {
  if (found.length !== wanted.length || found.some((size, i) => size !== wanted[i]))
    throw new UserError(
      'model/shape',
      `${name} of ${label} is [${found.join(', ')}], but config.json makes it [${wanted.join(', ')}].`,
    );
}

/** @param values `[rows, columns]` @returns `[columns, rows]` */
function transposed<Values extends Float32Array | Uint16Array>(
  values: Values,
  [rows, columns]: readonly number[],
): Values {
  const result = values.slice() as Values;
  for (let i = 0; i < rows!; i++) for (let j = 0; j < columns!; j++) result[j * rows! + i] = values[i * columns! + j]!;
  return result;
}

interface Values<Data extends Float32Array | Uint16Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** A tensor as checkpoints store it, from how it is traced, and the other way round: some families keep matrices as `[in, out]`. */
export function swapLayout<Data extends Float32Array | Uint16Array>(
  model: Model,
  name: string,
  tensor: Values<Data>,
): Values<Data> {
  if (!model.isTransposed?.(name)) return tensor;
  return { shape: tensor.shape.toReversed(), data: transposed(tensor.data, tensor.shape) };
}

/**
 * Reads a tensor of the pre-trained model, or a block of its rows, in the storage and the layout the program wants.
 *
 * @throws UserError `model/missing-weight`, `model/shape`
 */
export async function readWeight(
  reader: WeightReader,
  model: Model,
  tensor: Pick<Tensor, 'name' | 'shape' | 'dataType' | 'part'>,
  label: string,
): Promise<Float32Array | Uint16Array> {
  const { of: name, shape } = tensor.part ?? { of: tensor.name, shape: tensor.shape };
  const stored = storedName(reader, model, name);
  if (!stored)
    throw new UserError(
      'model/missing-weight',
      `${label} has no tensor ${name}; is it a whole ${model.architecture} checkpoint?`,
    );
  checkShape(reader.shape(stored), model.isTransposed?.(name) ? shape.toReversed() : shape, stored, label);
  const read = async () => (tensor.dataType === 'f16' ? await reader.readHalf(stored) : await reader.read(stored));
  const { data } = swapLayout<Float32Array | Uint16Array>(model, name, await read());
  if (!tensor.part) return data;
  const start = tensor.part.from * elements(shape.slice(1));
  return data.subarray(start, start + elements(tensor.shape));
}

const drawnValues = ({ name, shape, initial }: HeadTensor, model: Model, seed: number): Float32Array =>
  initial === 'normal'
    ? normalValues(elements(shape), model.initializerRange, seed, name)
    : new Float32Array(elements(shape));

/**
 * The head's starting values: the checkpoint's where it has this head in the right shape, otherwise drawn from the seed as
 * `transformers` draws them (N(0, initializer_range²), zero biases). A head counts as a whole.
 *
 * @returns values by name, and whether they came from the checkpoint
 */
export async function readHead(
  reader: WeightReader,
  model: Model,
  { trained }: Head,
  seed: number,
): Promise<{ values: Map<string, Float32Array>; fromCheckpoint: boolean }> {
  const fits = trained.every(({ name, shape }) => reader.has(name) && reader.shape(name).join() === shape.join());
  const values = new Map<string, Float32Array>();
  for (const tensor of trained)
    values.set(tensor.name, fits ? (await reader.read(tensor.name)).data : drawnValues(tensor, model, seed));
  return { values, fromCheckpoint: fits };
}

/** Tensors between model and head that the checkpoint lacks, as `transformers` would draw them. Empty where they are there. */
export function drawBridge(
  reader: WeightReader,
  model: Model,
  { bridge }: Head,
  seed: number,
): Map<string, Float32Array> {
  const missing = (bridge?.tensors ?? []).filter(({ name }) => !storedName(reader, model, name));
  return new Map(missing.map((tensor) => [tensor.name, drawnValues(tensor, model, seed)]));
}
