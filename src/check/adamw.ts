/** AdamW on the device against float64: three updates of two micro-batches each, clipped, with decay towards 0 and towards 1. */
import type { DeviceMemory } from '../graph/executable';
import type { TensorValues } from '../graph/flat-buffers';
import { ParameterLayout } from '../graph/parameter-layout';
import { AdamW, type AdamWTile } from '../optim/adamw';
import { uniformValues } from '../random';
import { difference, roundingBound, sameBits, type Check } from './check';
import { secondsPerRun } from './timing';

const settings = {
  weightDecay: 0.1,
  maxGradNorm: 0.5,
  gradientAccumulation: 2,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
};
const learningRate = 0.05;
const updates = 3;

/** Values of each of the two tensors that train, whose decay goes towards 0 and towards 1. */
interface Size {
  readonly count: number;
  readonly chunkBytes?: number;
  readonly tile?: AdamWTile;
}

const names = ['additive', 'multiplicative'] as const;

const startOf = (count: number) =>
  new Map(names.map((name) => [name, uniformValues(count, 1, 1, `parameters ${name}`)]));

/** Gradients of micro-batch `batch` of update `step`. */
const gradientOf = (count: number, step: number, batch: number) =>
  new Map(names.map((name) => [name, uniformValues(count, 1, step, `gradient ${batch} ${name}`)]));

/** One tensor after the other. */
const joined = (values: TensorValues) => Float32Array.from(names.flatMap((name) => [...values.get(name)!]));

/** Parameters after the updates, float64, as `torch.optim.AdamW` after `torch.nn.utils.clip_grad_norm_`. */
export function adamwReference(count: number): Float64Array {
  const { weightDecay, maxGradNorm, gradientAccumulation, beta1, beta2, epsilon } = settings;
  const parameters = Float64Array.from(joined(startOf(count)));
  const [moment1, moment2] = [new Float64Array(2 * count), new Float64Array(2 * count)];
  for (let step = 1; step <= updates; step++) {
    const gradient = new Float64Array(2 * count);
    for (let batch = 0; batch < gradientAccumulation; batch++)
      joined(gradientOf(count, step, batch)).forEach((value, i) => (gradient[i]! += value / gradientAccumulation));
    const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
    const clip = Math.min(1, maxGradNorm / (norm + 1e-6));
    parameters.forEach((value, i) => {
      const g = gradient[i]! * clip;
      moment1[i] = beta1 * moment1[i]! + (1 - beta1) * g;
      moment2[i] = beta2 * moment2[i]! + (1 - beta2) * g * g;
      const decayed = value - learningRate * weightDecay * (value - (i < count ? 0 : 1));
      const root = Math.sqrt(moment2[i]! / (1 - beta2 ** step)) + epsilon;
      parameters[i] = decayed - ((learningRate / (1 - beta1 ** step)) * moment1[i]!) / root;
    });
  }
  return parameters;
}

async function optimizer(memory: DeviceMemory, { count, chunkBytes, tile }: Size) {
  const layout = ParameterLayout.of(
    names.map((name) => ({ name, shape: [count, 1] })),
    chunkBytes,
  );
  const flat = memory.flatBuffers(layout);
  const decay = (name: string) => ({ weightDecay: settings.weightDecay, target: name === 'additive' ? 0 : 1 });
  const adamw = await AdamW.create(memory, layout, flat, decay, settings, tile);
  const dispose = () => {
    adamw.dispose();
    flat.dispose();
  };
  return { adamw, layout, flat, dispose };
}

/** Trains both tensors. Dispose of what is returned. */
export async function runAdamW(memory: DeviceMemory, size: Size) {
  const trained = await optimizer(memory, size);
  const { adamw, flat } = trained;
  flat.parameters.write(startOf(size.count));
  for (let step = 1; step <= updates; step++)
    for (let batch = 0; batch < settings.gradientAccumulation; batch++) {
      flat.gradients.write(gradientOf(size.count, step, batch));
      const update = batch === settings.gradientAccumulation - 1 ? adamw.update(learningRate) : [];
      memory.submitter.submit([...adamw.accumulation(batch, settings.gradientAccumulation), ...update]);
    }
  return { ...trained, parameters: joined(await flat.parameters.read()) };
}

/** Half a block more than blocks, so that there is padding. */
const count = 5 * 64 + 32;

export const adamwCheck: Check = {
  id: 'adamw',
  title: 'AdamW with clipping and accumulation',
  bound: roundingBound,
  async correctness(memory) {
    const [first, second] = [await runAdamW(memory, { count }), await runAdamW(memory, { count })];
    for (const { dispose } of [first, second]) dispose();
    return {
      ...difference(first.parameters, adamwReference(count)),
      where: 'parameters',
      repeatable: sameBits(first.parameters, second.parameters),
    };
  },
  async speeds(memory) {
    const { adamw, layout, dispose } = await optimizer(memory, {
      count: memory.gpu.identity.software ? 2 ** 17 : 2 ** 21,
    });
    const seconds = await secondsPerRun(memory, adamw.update(learningRate));
    dispose();
    // The norm reads one array; AdamW reads four and writes three.
    return [{ title: 'update', unit: 'GB/s', value: (layout.bytes * 8) / seconds / 1e9 }];
  },
};
