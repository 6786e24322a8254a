/** The check of a graph case: loss and gradients against the interpreter at a small size, its kernels' speed at a larger one. */
import type { DeviceMemory } from '../graph/executable';
import type { KernelChoice } from '../graph/tensor';
import { smallSize, timedSize, type KernelCase, type Size } from './cases';
import { difference, roundingBound, sameBits, type Check, type Found, type KernelSpeed } from './check';
import { onDevice, reference, release, trace } from './experiment';
import { secondsPerRun } from './timing';

const traceCase = (test: KernelCase, size: Size) => trace((graph) => test.build(graph, size), test.values?.(size));

async function correctness(test: KernelCase, memory: DeviceMemory, choice: KernelChoice): Promise<Found> {
  const experiment = traceCase(test, smallSize);
  const expected = reference(experiment);
  const executable = await onDevice(memory, experiment, choice);
  const tensors = new Map([['loss', experiment.scalar]]);
  for (const [parameter, gradient] of experiment.gradients) tensors.set(`gradient of ${parameter.name}`, gradient);
  const run = async () => {
    executable.run();
    const values = new Map<string, Float32Array>();
    for (const [name, tensor] of tensors) values.set(name, await executable.read(tensor));
    return values;
  };
  const [first, second] = [await run(), await run()];
  const found = [...tensors].map(([where, tensor]) => ({
    where,
    ...difference(first.get(where)!, expected.get(tensor)!),
  }));
  release(executable);
  const worst = found.reduce((most, one) => (one.error > most.error ? one : most));
  return { ...worst, repeatable: [...first].every(([name, values]) => sameBits(values, second.get(name)!)) };
}

async function speeds(
  test: KernelCase,
  memory: DeviceMemory,
  choice: KernelChoice,
  signal?: AbortSignal,
): Promise<KernelSpeed[]> {
  if (!test.timed.length) return [];
  const executable = await onDevice(memory, traceCase(test, timedSize(memory.gpu.identity.software)), choice);
  executable.run();
  const out: KernelSpeed[] = [];
  for (const { operation, title, unit } of test.timed) {
    signal?.throwIfAborted();
    const { calls } = executable.program;
    const all = calls
      .map((call, i) => ({ call, dispatch: executable.dispatches[i]! }))
      .filter(({ call }) => call.label === operation);
    // A case may hold products of many sizes; the largest is the one that is meant.
    const chosen =
      operation === 'linear' ? [all.reduce((most, one) => (one.call.flops > most.call.flops ? one : most))] : all;
    const work = chosen.reduce((sum, { call }) => sum + (unit === 'GFLOP/s' ? call.flops : call.bytes), 0);
    const seconds = await secondsPerRun(
      memory,
      chosen.map(({ dispatch }) => dispatch),
    );
    out.push({ title, unit, value: work / seconds / 1e9 });
  }
  release(executable);
  return out;
}

export const graphCheck = (test: KernelCase): Check => ({
  id: test.id,
  title: test.title,
  bound: roundingBound,
  correctness: (memory, choice) => correctness(test, memory, choice),
  speeds: (memory, choice, signal) => speeds(test, memory, choice, signal),
});
