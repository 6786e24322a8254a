/**
 * From a checkpoint folder to the tensors a traced model names.
 *
 * A folder may hold the bare encoder (`embeddings…`, as `BertModel` saves), a model with a head (`bert.embeddings…`), or old
 * names (`LayerNorm.gamma`). All are found; a tensor that is missing or of another shape is told by name.
 */
import { UserError } from '../errors';
import type { WeightReader } from '../checkpoint/weights';
import { normalValues } from '../random';
import type { Tensor } from '../graph/tensor';
import { elements } from '../graph/tensor';
import { headTensors, poolerTensors, type HeadTensor } from './encoder';
import type { EncoderConfig } from './config';

/** The name under which a checkpoint stores our tensor, or undefined. */
export function storedName(reader: WeightReader, config: EncoderConfig, name: string): string | undefined {
  const bare = name.startsWith(`${config.architecture}.`) ? name.slice(config.architecture.length + 1) : name;
  const old = (text: string) =>
    text.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta');
  return [name, bare, old(name), old(bare)].find((candidate) => reader.has(candidate));
}

function checkShape(found: readonly number[], wanted: readonly number[], name: string, label: string): void {
  if (found.length !== wanted.length || found.some((size, i) => size !== wanted[i]))
    throw new UserError(
      'model/shape',
      `${name} of ${label} is [${found.join(', ')}], but config.json makes it [${wanted.join(', ')}].`,
    );
}

/**
 * Reads a frozen weight in the storage the program wants.
 *
 * @throws UserError `model/missing-weight`, `model/shape`
 */
export async function readWeight(
  reader: WeightReader,
  config: EncoderConfig,
  tensor: Pick<Tensor, 'name' | 'shape' | 'dataType'>,
  label: string,
): Promise<Float32Array | Uint16Array> {
  const stored = storedName(reader, config, tensor.name);
  if (!stored)
    throw new UserError(
      'model/missing-weight',
      `${label} has no tensor ${tensor.name}; is it a whole ${config.architecture} checkpoint?`,
    );
  checkShape(reader.shape(stored), tensor.shape, stored, label);
  return tensor.dataType === 'f16' ? (await reader.readHalf(stored)).data : (await reader.read(stored)).data;
}

const initialValues = ({ name, shape, initial }: HeadTensor, config: EncoderConfig, seed: number): Float32Array =>
  initial === 'normal'
    ? normalValues(elements(shape), config.initializerRange, seed, name)
    : new Float32Array(elements(shape));

/**
 * The head's starting values: the checkpoint's where it has this head in the right shape, otherwise drawn from the seed as
 * `transformers` draws them (N(0, initializer_range²), zero biases). A head counts as a whole.
 *
 * @returns values by name, and whether they came from the checkpoint
 */
export async function readHead(
  reader: WeightReader,
  config: EncoderConfig,
  numLabels: number,
  seed: number,
): Promise<{ values: Map<string, Float32Array>; fromCheckpoint: boolean }> {
  const tensors = headTensors(config, numLabels);
  const fits = tensors.every(({ name, shape }) => reader.has(name) && reader.shape(name).join() === shape.join());
  const values = new Map<string, Float32Array>();
  for (const tensor of tensors)
    values.set(tensor.name, fits ? (await reader.read(tensor.name)).data : initialValues(tensor, config, seed));
  return { values, fromCheckpoint: fits };
}

/** Frozen tensors that `transformers` would draw where a checkpoint lacks them: BERT's pooler. Empty where it is there. */
export function missingPooler(reader: WeightReader, config: EncoderConfig, seed: number): Map<string, Float32Array> {
  const missing = poolerTensors(config).filter(({ name }) => !storedName(reader, config, name));
  return new Map(missing.map((tensor) => [tensor.name, initialValues(tensor, config, seed)]));
}
