/**
 * The adapter and its device, the same in a tab, a worker and under Node.
 *
 * A device is asked for with everything the adapter has (limits and the features we use). What goes wrong on it later, an
 * uncaptured validation error or a lost device, is remembered and thrown by `check`: WebGPU itself would go on and compute zeros.
 */
import { UserError } from '../errors';
import { finished } from './wait';

export interface AdapterIdentity {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True for a CPU pretending to be a GPU (SwiftShader, llvmpipe, WARP). Such an adapter is never called a GPU. */
  readonly software: boolean;
  /** Whether threads can share values without memory: on a software adapter it decides which kernels run. Left out: no. */
  readonly subgroups?: boolean;
}

/** One line that names an adapter honestly, e.g. `google swiftshader (software adapter)`. */
export function adapterLabel(identity: AdapterIdentity): string {
  const name =
    identity.description ||
    [identity.vendor, identity.architecture, identity.device].filter(Boolean).join(' ') ||
    'unnamed adapter';
  return identity.software ? `${name} (software adapter)` : name;
}

/** Bytes of the largest buffer that a kernel can bind whole: what memory is cut into. */
export function largestBinding({ limits }: Pick<Gpu, 'limits'>): number {
  return Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
}

/** What a device gets as far as its adapter goes: room for large tensors, and for kernels that bind many. */
export const requestedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

const optionalFeatures = ['timestamp-query', 'subgroups', 'shader-f16'] as const;

// Dawn under Node stops working when its GPU object is collected.
const kept: GPU[] = [];

async function provider(): Promise<GPU | undefined> {
  const scope = globalThis as { navigator?: { gpu?: GPU } };
  if (scope.navigator?.gpu) return scope.navigator.gpu;
  if (typeof process === 'undefined' || !process.versions?.node) return undefined;
  const { create, globals } = (await import(/* @vite-ignore */ 'webgpu')) as {
    create(flags: string[]): GPU;
    globals: object;
  };
  Object.assign(globalThis, globals);
  kept[0] ??= create([]);
  return kept[0];
}

export class Gpu {
  #failure: UserError | undefined;
  #closed = false;

  private constructor(
    readonly device: GPUDevice,
    readonly identity: AdapterIdentity,
    readonly features: ReadonlySet<string>,
  ) {
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      const reason = event.error.message.split('\n')[0];
      this.#failure ??= /OutOfMemory/.test(event.error.constructor.name)
        ? new UserError(
            'gpu/out-of-memory',
            'The GPU ran out of memory; use a smaller batch, maxLength or model, or close other tabs.',
          )
        : new UserError('gpu/error', `The GPU refused a command: ${reason}`);
    });
    void device.lost.then((info) => {
      if (this.#closed) return;
      this.#failure = new UserError(
        'gpu/lost',
        `The GPU was lost (${info.reason}): ${info.message || 'no reason given'}. Close other heavy tabs and resume the run.`,
      );
    });
  }

  /** Opens the best adapter there is. Throws `gpu/unavailable` where there is none. */
  static async open(options: { powerPreference?: GPUPowerPreference } = {}): Promise<Gpu> {
    const gpu = await provider();
    const advice =
      'Use a recent Chrome, Edge, Firefox or Safari with WebGPU switched on; under Node on Linux, install a Vulkan driver or Chromium.';
    if (!gpu) throw new UserError('gpu/unavailable', `This environment has no WebGPU. ${advice}`);
    const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' });
    if (!adapter) throw new UserError('gpu/unavailable', `WebGPU is here, but no adapter was found. ${advice}`);
    const { vendor, architecture, device, description } = adapter.info;
    const words = `${vendor} ${architecture} ${device} ${description}`.toLowerCase();
    const software =
      /swiftshader|llvmpipe|lavapipe|basic render|warp/.test(words) || adapter.info.isFallbackAdapter === true;
    const features = optionalFeatures.filter((name) => adapter.features.has(name));
    const opened = await adapter.requestDevice({
      requiredFeatures: features as GPUFeatureName[],
      requiredLimits: Object.fromEntries(requestedLimits.map((name) => [name, adapter.limits[name]])),
    });
    const subgroups = features.includes('subgroups');
    return new Gpu(opened, { vendor, architecture, device, description, software, subgroups }, new Set(features));
  }

  get limits(): GPUSupportedLimits {
    return this.device.limits;
  }

  /** Throws what has gone wrong on this device so far, if anything. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Waits until all submitted work is done, then checks. */
  async idle(): Promise<void> {
    await finished(this.device.queue.onSubmittedWorkDone());
    this.check();
  }

  close(): void {
    this.#closed = true;
    this.device.destroy();
  }
}
