/** AdamW on the device against float64: three updates of two micro-batches each, clipped, with decay towards 0 and towards 1. */
import type { DeviceMemory } from '../graph/executable';
import { ParameterLayout } from '../graph/plan';
import { AdamW } from '../optim/adamw';
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

/** The value of every gradient of micro-batch `batch` of update `step`. */
const gradientOf = (count: number, step: number, batch: number) => uniformValues(count, 1, step, `gradient ${batch}`);

/** Parameters after the updates, float64, as `torch.optim.AdamW` after `torch.nn.utils.clip_grad_norm_`. */
function reference(start: Float32Array, targets: (index: number) => number): Float64Array {
  const { weightDecay, maxGradNorm, gradientAccumulation, beta1, beta2, epsilon } = settings;
  const parameters = Float64Array.from(start);
  const [moment1, moment2] = [new Float64Array(start.length), new Float64Array(start.length)];
  for (let step = 1; step <= updates; step++) {
    const gradient = new Float64Array(start.length);
    for (let batch = 0; batch < gradientAccumulation; batch++) {
      gradientOf(start.length, step, batch).forEach((value, i) => (gradient[i]! += value / gradientAccumulation));
    }
    const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
    const clip = Math.min(1, maxGradNorm / (norm + 1e-6));
    parameters.forEach((value, i) => {
      const g = gradient[i]! * clip;
      moment1[i] = beta1 * moment1[i]! + (1 - beta1) * g;
      moment2[i] = beta2 * moment2[i]! + (1 - beta2) * g * g;
      const decayed = value - learningRate * weightDecay * (value - targets(i));
      const root = Math.sqrt(moment2[i]! / (1 - beta2 ** step)) + epsilon;
      parameters[i] = decayed - ((learningRate / (1 - beta1 ** step)) * moment1[i]!) / root;
    });
  }
  return parameters;
}

async function optimizer(memory: DeviceMemory, count: number) {
  const layout = new ParameterLayout();
  layout.add('additive', [count, 1]);
  layout.add('multiplicative', [count, 1]);
  const flat = memory.flatBuffers(layout);
  const decay = (name: string) => ({ weightDecay: settings.weightDecay, target: name === 'additive' ? 0 : 1 });
  const adamw = await AdamW.create(memory, layout, flat, decay, settings);
  const dispose = () => {
    adamw.dispose();
    for (const buffer of [flat.parameters, flat.gradients]) memory.free(buffer);
  };
  return { adamw, layout, flat, dispose };
}

/** Values of each of the two tensors: whole blocks, so that they lie side by side without padding. */
const count = 5 * 64;
const start = uniformValues(2 * count, 1, 1, 'parameters') as Float32Array<ArrayBuffer>;

/** @returns the parameters after the updates */
async function run(memory: DeviceMemory): Promise<Float32Array> {
  const { adamw, flat, dispose } = await optimizer(memory, count);
  const { queue } = memory.gpu.device;
  queue.writeBuffer(flat.parameters, 0, start);
  for (let step = 1; step <= updates; step++)
    for (let batch = 0; batch < settings.gradientAccumulation; batch++) {
      queue.writeBuffer(flat.gradients, 0, gradientOf(2 * count, step, batch) as Float32Array<ArrayBuffer>);
      const update = batch === settings.gradientAccumulation - 1 ? adamw.update(learningRate) : [];
      memory.submitter.submit([...adamw.accumulation(batch, settings.gradientAccumulation), ...update]);
    }
  const { parameters } = await adamw.snapshot();
  dispose();
  return parameters;
}

export const adamwCheck: Check = {
  id: 'adamw',
  title: 'AdamW with clipping and accumulation',
  bound: roundingBound,
  async correctness(memory) {
    const [first, second] = [await run(memory), await run(memory)];
    const expected = reference(start, (i) => (i < count ? 0 : 1));
    return { ...difference(first, expected), where: 'parameters', repeatable: sameBits(first, second) };
  },
  async speeds(memory) {
    const { adamw, layout, dispose } = await optimizer(memory, memory.gpu.identity.software ? 2 ** 17 : 2 ** 21);
    const seconds = await secondsPerRun(memory, adamw.update(learningRate));
    dispose();
    // The norm reads one array; AdamW reads four and writes three.
    return [{ title: 'update', unit: 'GB/s', value: (layout.bytes * 8) / seconds / 1e9 }];
  },
};
