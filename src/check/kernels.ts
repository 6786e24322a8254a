/**
 * *Check my GPU*: every kernel that training runs, on this very device, against float64 on the CPU, and how fast it is.
 *
 * Some devices compute wrongly without saying so (a phone's driver that leaves zeros, a browser's compiler that reorders); training on
 * them would only look like a bad learning rate. Here it has a name.
 */
import { UserError } from '../errors';
import type { AdapterIdentity, Gpu } from '../gpu/device';
import { PipelineCache } from '../gpu/shader';
import { DeviceMemory } from '../graph/executable';
import { shaderSource } from '../graph/shaders';
import type { KernelChoice } from '../graph/tensor';
import { staticChoice } from '../graph/variants';
import { adamwCheck } from './adamw';
import { kernelCases } from './cases';
import type { Check, Found, KernelReport, KernelSpeed } from './check';
import { graphCheck } from './graph-check';

export type { KernelReport, KernelSpeed };

export interface DeviceReport {
  readonly adapter: AdapterIdentity;
  readonly features: readonly string[];
  /** Those that decide what fits, by WebGPU's names. */
  readonly limits: Readonly<Record<(typeof reportedLimits)[number], number>>;
}

export const reportedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
] as const;

export function deviceReport(gpu: Gpu): DeviceReport {
  const limits = Object.fromEntries(reportedLimits.map((name) => [name, gpu.limits[name]]));
  return { adapter: gpu.identity, features: [...gpu.features], limits: limits as DeviceReport['limits'] };
}

export interface CheckOptions {
  readonly choice?: KernelChoice;
  /** Share those of a run, so that what trains is what is checked. */
  readonly pipelines?: PipelineCache;
  /** Leave out to check only; speeds take most of the time on a slow device. */
  readonly measure?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const checks: readonly Check[] = [...kernelCases.map(graphCheck), adamwCheck];

/** Number of reports that `checkKernels` gives, unless the device fails. */
export const kernelCount = checks.length;

/**
 * Yields a report for each kernel, as soon as it is known. A device that refuses a command or is lost cannot be asked further: the
 * report says why, and is the last. An aborted `signal` throws its reason.
 */
export async function* checkKernels(gpu: Gpu, options: CheckOptions = {}): AsyncGenerator<KernelReport> {
  const { choice = staticChoice(gpu.identity), measure = true, signal } = options;
  const pipelines = options.pipelines ?? new PipelineCache(gpu.device, shaderSource);
  const fresh = async <T>(work: (memory: DeviceMemory) => Promise<T>): Promise<T> => {
    const memory = new DeviceMemory(gpu, pipelines);
    try {
      return await work(memory);
    } finally {
      memory.dispose();
    }
  };
  for (const check of checks) {
    signal?.throwIfAborted();
    try {
      const found = await fresh((memory) => check.correctness(memory, choice));
      const speeds = measure ? await fresh((memory) => check.speeds(memory, choice, signal)) : [];
      await gpu.idle();
      yield report(check, found, speeds);
    } catch (error) {
      signal?.throwIfAborted();
      const problem = (error as Error).message.split('\n')[0]!;
      yield { ...report(check, { error: Infinity, where: '', allZero: false, repeatable: false }, []), problem };
      if (error instanceof UserError && error.code.startsWith('gpu/')) return;
    }
  }
}

function report({ id, title, bound }: Check, found: Found, speeds: readonly KernelSpeed[]): KernelReport {
  const { error, where, repeatable } = found;
  const passed = error <= bound && repeatable;
  const problem = passed ? undefined : conspicuous(found);
  return { id, title, error, bound, where, repeatable, passed, speeds, ...(problem !== undefined && { problem }) };
}

function conspicuous({ allZero, error, repeatable }: Found): string | undefined {
  if (allZero) return 'The device gave nothing but zeros: the kernel did not run.';
  if (!Number.isFinite(error)) return 'The device gave values that are not numbers.';
  return repeatable ? undefined : 'Two runs on the same values differ.';
}
