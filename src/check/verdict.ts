/** What the reports mean, in plain words. */
import { adapterLabel, type AdapterIdentity } from '../gpu/device';
import type { KernelReport } from './check';

export interface Verdict {
  readonly level: 'good' | 'slow' | 'wrong';
  /** One line. */
  readonly title: string;
  /** What follows from it. */
  readonly advice: string;
}

/**
 * Models by the GFLOP/s that a step of 16 sentences of 128 tokens takes in about a second: 2 FLOP for each weight of the encoder's
 * matrices and token forward, as many backward to the inputs (frozen weights need no gradient of their own), and attention.
 */
const comfortable = [
  { name: 'RoBERTa large', gigaflops: 2700 },
  { name: 'RoBERTa base', gigaflops: 800 },
  { name: 'DistilRoBERTa', gigaflops: 400 },
  { name: 'MiniLM', gigaflops: 110 },
];

/** @param total reports there should be; fewer came where the device failed */
export function verdict(
  device: { readonly adapter: AdapterIdentity },
  kernels: readonly KernelReport[],
  total = kernels.length,
): Verdict {
  const missing = total - kernels.length;
  const failed = kernels.filter((kernel) => !kernel.passed);
  const name = adapterLabel(device.adapter);
  if (failed.length) {
    const problem = failed.find((kernel) => kernel.problem)?.problem;
    const list = failed.map((kernel) => kernel.title).join('; ');
    const told = [`Failed: ${list}.`, problem, missing > 0 && `${missing} more were not reached.`]
      .filter(Boolean)
      .join(' ');
    return {
      level: 'wrong',
      title: `${failed.length} of ${kernels.length} checks failed on ${name}.`,
      advice: `Do not trust training on this device. ${told} Update the browser and the graphics driver, or use another device.`,
    };
  }
  const all = `All ${kernels.length} checks agree with float64 on ${name}.`;
  if (device.adapter.software) {
    return {
      level: 'slow',
      title: all,
      advice:
        'This is a CPU pretending to be a GPU: right, but slow. Stay with the bundled tiny model, or switch on hardware acceleration in the browser.',
    };
  }
  const speed = productSpeed(kernels);
  if (speed === undefined) return { level: 'good', title: all, advice: 'Training on this device can be trusted.' };
  const largest = comfortable.find((model) => speed >= model.gigaflops);
  const advice = `Training on this device can be trusted. Matrix products run at ${Math.round(speed).toLocaleString('en')} GFLOP/s, `;
  return largest
    ? {
        level: 'good',
        title: all,
        advice: `${advice}enough for ${largest.name} at about a second a step (16 sentences of 128 tokens) or less.`,
      }
    : {
        level: 'slow',
        title: all,
        advice: `${advice}slow for a GPU: stay with the bundled tiny model or MiniLM, and short sentences.`,
      };
}

/** GFLOP/s of a linear layer, the kernel that decides how long a step takes. */
function productSpeed(kernels: readonly KernelReport[]): number | undefined {
  return kernels.find((kernel) => kernel.id === 'linear-nk')?.speeds[0]?.value;
}
