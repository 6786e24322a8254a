/** What a check of one kernel (or a few that belong together) is, and what it reports: plain data, so that it crosses from a worker. */
import type { DeviceMemory } from '../graph/executable';
import type { KernelChoice } from '../graph/tensor';

export interface Check {
  readonly id: string;
  readonly title: string;
  /** Largest relative error that is put down to rounding in f32. */
  readonly bound: number;
  correctness(memory: DeviceMemory, choice: KernelChoice): Promise<Found>;
  speeds(memory: DeviceMemory, choice: KernelChoice, signal?: AbortSignal): Promise<KernelSpeed[]>;
}

export interface Difference {
  /** Largest |device - float64| of a tensor over its largest |float64|. */
  readonly error: number;
  /** Whether the device gave nothing but zeros where float64 has other values: a kernel that did not run. */
  readonly allZero: boolean;
}

export interface Found extends Difference {
  /** The tensor with the largest error, e.g. `gradient of w`. */
  readonly where: string;
  /** Whether two runs gave the same bits. */
  readonly repeatable: boolean;
}

export interface KernelSpeed {
  /** What was timed, e.g. `forward`. */
  readonly title: string;
  /** In `unit`: best of a few repeats. */
  readonly value: number;
  readonly unit: 'GFLOP/s' | 'GB/s';
}

export interface KernelReport {
  readonly id: string;
  readonly title: string;
  /** See `Difference`; infinite where it could not be run. */
  readonly error: number;
  readonly bound: number;
  readonly where: string;
  readonly repeatable: boolean;
  /** Within the bound and repeatable. */
  readonly passed: boolean;
  /** Why it could not be run, or what is conspicuous about its failure. */
  readonly problem?: string;
  readonly speeds: readonly KernelSpeed[];
}

/** f32 rounds at 6e-8; sums over a few hundred products and the exponentials of WGSL add the rest. */
export const roundingBound = 2e-5;

/** Not-a-number counts as an infinite error. */
export function difference(actual: Float32Array, expected: Float64Array): Difference {
  let [error, scale, allZero] = [0, 1e-6, true];
  for (const value of expected) scale = Math.max(scale, Math.abs(value));
  actual.forEach((value, i) => {
    const distance = Math.abs(value - expected[i]!);
    error = Math.max(error, Number.isNaN(distance) ? Infinity : distance);
    if (value !== 0) allZero = false;
  });
  return { error: error / scale, allZero: allZero && scale > 1e-6 };
}

export function sameBits(a: Float32Array, b: Float32Array): boolean {
  const words = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);
  const right = words(b);
  return words(a).every((word, i) => word === right[i]);
}
