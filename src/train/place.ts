/** A planned run on the device: frozen weights uploaded once, a trainer for each contender, the largest programs compiled. */
import { openWeights, type WeightReader } from '../checkpoint/weights';
import { DeviceMemory } from '../graph/executable';
import type { Gpu } from '../gpu/device';
import type { TrainedTensor } from '../methods/core/method';
import { drawBridge, readHead, readWeight } from '../models/core/load';
import type { LinearSite } from '../models/core/model';
import type { PrepareOptions } from './environment';
import { readLayer } from './drawn-layer';
import { headStart, type Opened, type OpenedContender } from './open';
import type { BatchShapes, Plan } from './plan';
import { Trainer } from './trainer';
import type { TunedModel } from './tuned-model';

export interface Placed {
  readonly reader: WeightReader;
  readonly memory: DeviceMemory;
  /** In the order of the contenders. */
  readonly trainers: readonly Trainer[];
  readonly headFromCheckpoint: boolean;
  /** Tensors of the model that the checkpoint lacks, as they were drawn. */
  readonly drawn: ReadonlyMap<string, Float32Array>;
}

/** What starting values are read from. */
interface Origin {
  readonly source: Pick<Opened['source'], 'label'>;
  readonly model: Opened['model'];
  readonly reader: WeightReader;
  readonly drawn: ReadonlyMap<string, Float32Array>;
  readonly seed: number;
}

/** Uploads what a program reads and is not there yet. */
async function uploadFrozen(
  memory: DeviceMemory,
  tuned: TunedModel,
  program: Plan['program'],
  origin: Origin,
): Promise<void> {
  const { source, model, reader, drawn, seed } = origin;
  const own = new Map(tuned.own.frozen?.map((tensor) => [tuned.frozenName(tensor), tensor]));
  const layout = tuned.layout(program.chunkBytes);
  const { weights } = tuned.program({ batchSize: 1, length: 4 }, layout, { ...program, training: false });
  for (const weight of weights) {
    if (memory.hasWeight(weight.name)) continue;
    const frozen = own.get(weight.name);
    const values =
      (frozen && tuned.frozenValues(frozen, seed)) ??
      drawn.get(weight.name) ??
      (await readWeight(reader, model, weight, source.label));
    memory.uploadWeight(weight.name, values);
  }
}

/** Where a trained tensor starts that no adapter tells: the method's own values, those it takes from a layer, or the checkpoint's. */
export async function firstValues(
  tensor: TrainedTensor,
  sites: readonly LinearSite[],
  { source, model, reader, drawn, seed }: Origin,
): Promise<Float32Array> {
  const { name, initial, fromLayer } = tensor;
  if (initial) return initial(seed);
  if (fromLayer) {
    const { site } = fromLayer;
    const [weight, bias] = [drawn.get(`${site.name}.weight`), drawn.get(`${site.name}.bias`)];
    return fromLayer.values(
      weight && bias ? { weight, bias } : await readLayer(reader, model, site, sites, source.label),
    );
  }
  return (
    drawn.get(name) ?? ((await readWeight(reader, model, { ...tensor, dataType: 'f32' }, source.label)) as Float32Array)
  );
}

async function initialValues(
  tuned: TunedModel,
  head: ReadonlyMap<string, Float32Array>,
  origin: Origin,
  contender?: OpenedContender,
): Promise<Map<string, Float32Array>> {
  const values = new Map(head);
  const { linearLayers } = tuned.adapted;
  for (const tensor of tuned.own.trained)
    values.set(tensor.name, contender?.start.get(tensor.name) ?? (await firstValues(tensor, linearLayers, origin)));
  if (contender) for (const [name, data] of headStart(tuned, contender)) values.set(name, data);
  return values;
}

export interface PlaceOptions extends PrepareOptions, Pick<Plan, 'program'> {
  readonly shapes: BatchShapes;
}

/** @throws UserError for weights that are missing, damaged or of other shapes than `config.json` says */
export async function place(
  gpu: Gpu,
  { recipe, source, model, contenders }: Opened,
  tuned: readonly TunedModel[],
  options: PlaceOptions,
): Promise<Placed> {
  const { signal, onEvent, shapes, program } = options;
  const { training } = recipe;
  const reader = await openWeights(source, {
    ...(signal && { signal }),
    onProgress: (done, total) =>
      onEvent?.({ type: 'progress', phase: 'download', done, total: total ?? 0, label: 'weights' }),
  });
  const { head } = tuned[0]!;
  const drawn = drawBridge(reader, model, head, training.seed);
  const origin = { source, model, reader, drawn, seed: training.seed };
  const { values, fromCheckpoint } = await readHead(reader, model, head, training.seed);
  const memory = new DeviceMemory(gpu);
  const compiling = (done: number, label: string) =>
    onEvent?.({ type: 'progress', phase: 'compile', done, total: tuned.length, label });
  try {
    const trainers: Trainer[] = [];
    for (const [i, contender] of contenders.entries()) {
      signal?.throwIfAborted();
      compiling(i, contender.id);
      await uploadFrozen(memory, tuned[i]!, program, origin);
      const trainer = await Trainer.create(memory, {
        ...training,
        id: contender.id,
        tuned: tuned[i]!,
        program,
        initial: await initialValues(tuned[i]!, values, origin, contender),
      });
      // The largest programs first: they set the arena.
      await trainer.executable(shapes.training, true);
      await trainer.executable(shapes.evaluation, false);
      trainers.push(trainer);
    }
    await gpu.idle();
    compiling(tuned.length, '');
    return { reader, memory, trainers, headFromCheckpoint: fromCheckpoint, drawn };
  } catch (error) {
    memory.dispose();
    throw error;
  }
}

/** The pre-trained model with the head that every contender started from, beside them on the device. */
export async function placeBase(
  { recipe, source, model }: Opened,
  { reader, memory, drawn, trainers }: Placed,
  base: TunedModel,
): Promise<Trainer> {
  const { seed } = recipe.training;
  const { values } = await readHead(reader, model, base.head, seed);
  const origin = { source, model, reader, drawn, seed };
  const { options } = trainers[0]!;
  await uploadFrozen(memory, base, options.program, origin);
  return Trainer.create(memory, {
    ...options,
    id: 'base',
    tuned: base,
    initial: await initialValues(base, values, origin),
  });
}
