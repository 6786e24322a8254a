/**
 * A program on a device: pipelines compiled, bind groups made, ready to replay.
 *
 * `DeviceMemory` owns what programs share: the arena, the frozen weights, the pipelines and the step's scalars.
 */
import { UserError } from '../errors';
import { readBuffer, Submitter, type Dispatch } from '../gpu/commands';
import { largestBinding, type Gpu } from '../gpu/device';
import { packParams, PipelineCache, type Pipeline } from '../gpu/shader';
import { FlatBuffers } from './flat-buffers';
import type { ParameterLayout } from './parameter-layout';
import type { PlannedCall, Program } from './plan';
import { shaderSource } from './shaders';
import { States } from './states';
import { byteLength, bytesPerElement, storageOf, type Tensor } from './tensor';

const storage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

const caches = new WeakMap<GPUDevice, PipelineCache>();

/** One cache a device: a second run on it compiles nothing again. */
function pipelinesOf({ device }: Gpu): PipelineCache {
  let cache = caches.get(device);
  if (!cache) caches.set(device, (cache = new PipelineCache(device, shaderSource)));
  return cache;
}

export class DeviceMemory {
  readonly submitter: Submitter;
  /** `struct Step` of the shaders: word 0 is the dropout seed of the step. */
  readonly step: GPUBuffer;
  readonly #weights = new Map<string, GPUBuffer>();
  #arena: GPUBuffer[] = [];
  #generation = 0;
  #allocated = 0;
  #peak = 0;

  /** @param pipelines by default the device's own */
  constructor(
    readonly gpu: Gpu,
    readonly pipelines = pipelinesOf(gpu),
  ) {
    this.submitter = new Submitter(gpu);
    this.step = this.buffer(256, 'step', GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  }

  /** Bytes in device buffers now, and at most so far. */
  get bytes(): { allocated: number; peak: number } {
    return { allocated: this.#allocated, peak: this.#peak };
  }

  buffer(size: number, label: string, usage = storage()): GPUBuffer {
    this.#allocated += size;
    this.#peak = Math.max(this.#peak, this.#allocated);
    return this.gpu.device.createBuffer({ size: Math.ceil(size / 4) * 4, label, usage });
  }

  free(buffer: GPUBuffer): void {
    this.#allocated -= buffer.size;
    buffer.destroy();
  }

  flatBuffers(layout: ParameterLayout): FlatBuffers {
    return new FlatBuffers(this, layout);
  }

  /** Uploads a frozen weight: f32 values, or packed f16 bits. The same name is uploaded once. */
  uploadWeight(name: string, data: Float32Array | Uint16Array): void {
    if (this.#weights.has(name)) return;
    const buffer = this.buffer(Math.ceil(data.byteLength / 4) * 4, name);
    // A copy rounded up to whole words: writeBuffer takes multiples of four bytes.
    const bytes = new Uint8Array(buffer.size);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.gpu.device.queue.writeBuffer(buffer, 0, bytes);
    this.#weights.set(name, buffer);
  }

  weight(name: string): GPUBuffer {
    const buffer = this.#weights.get(name);
    if (!buffer) throw new Error(`weight ${name} was not uploaded`);
    return buffer;
  }

  hasWeight(name: string): boolean {
    return this.#weights.has(name);
  }

  /** Makes the arena at least this large. Growing drops what is in it, so it happens between runs only; reserve the largest first. */
  reserve(chunks: readonly number[]): void {
    chunks.forEach((bytes, i) => {
      const old = this.#arena[i];
      if (old && old.size >= bytes) return;
      if (old) this.free(old);
      this.#arena[i] = this.buffer(bytes, `arena ${i}`);
      this.#generation++;
    });
  }

  /** Counts growths of the arena: bind groups made before one are stale. */
  get generation(): number {
    return this.#generation;
  }

  arena(chunk: number): GPUBuffer {
    return this.#arena[chunk]!;
  }

  /** Writes the step's scalars; ordered before whatever is submitted next. */
  setSeed(seed: number): void {
    this.gpu.device.queue.writeBuffer(this.step, 0, new Uint32Array([seed >>> 0, 0, 0, 0]));
  }

  dispose(): void {
    for (const buffer of [this.step, ...this.#weights.values(), ...this.#arena]) buffer.destroy();
    this.#weights.clear();
    this.#arena = [];
    this.#allocated = 0;
  }
}

export class Executable {
  #dispatches: readonly Dispatch[] = [];
  /** The arena the bind groups were made for; it may have grown since. */
  #generation = -1;

  private constructor(
    readonly memory: DeviceMemory,
    readonly program: Program,
    readonly flat: FlatBuffers,
    readonly states: States,
    private readonly ownsStates: boolean,
    readonly pipelines: readonly Pipeline[],
    readonly uniforms: GPUBuffer,
  ) {}

  /**
   * Compiles what is not compiled yet and binds everything.
   *
   * @param states of the owner, who disposes them; by default the executable has its own
   */
  static async create(memory: DeviceMemory, program: Program, flat: FlatBuffers, states?: States): Promise<Executable> {
    const pipelines = await Promise.all(program.calls.map((call) => memory.pipelines.get(call.shader, call.constants)));
    const uniforms = memory.buffer(
      Math.max(1, program.calls.length) * 256,
      'params',
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    );
    const words = new Uint32Array(uniforms.size / 4);
    program.calls.forEach((call, i) => words.set(packParams(pipelines[i]!.module, call.params, call.shader), i * 64));
    memory.gpu.device.queue.writeBuffer(uniforms, 0, words);
    memory.reserve(program.arena);
    const own = states ?? new States(memory);
    own.allocate(program.states);
    return new Executable(memory, program, flat, own, states === undefined, pipelines, uniforms);
  }

  /** What a run dispatches, in order. */
  get dispatches(): readonly Dispatch[] {
    if (this.#generation !== this.memory.generation) {
      this.#dispatches = this.program.calls.map((call, i) => this.#bind(call, i));
      this.#generation = this.memory.generation;
    }
    return this.#dispatches;
  }

  #bind(call: PlannedCall, i: number): Dispatch {
    const { pipeline, layout, module } = this.pipelines[i]!;
    const entries = module.bindings.map(({ index, name }): GPUBindGroupEntry => {
      if (name === 'params')
        return {
          binding: index,
          resource: {
            buffer: this.uniforms,
            offset: i * 256,
            size: Math.ceil(Math.max(16, module.params.length * 4) / 16) * 16,
          },
        };
      if (name === 'step') return { binding: index, resource: { buffer: this.memory.step, size: 16 } };
      const tensor = call.bindings[name];
      if (!tensor) throw new Error(`${call.shader}: nothing is bound to ${name}`);
      return { binding: index, resource: this.#resource(tensor) };
    });
    const bindGroup = this.memory.gpu.device.createBindGroup({ layout, entries });
    return { label: call.label, pipeline, bindGroup, workgroups: call.workgroups, flops: call.flops };
  }

  #resource(tensor: Tensor): GPUBufferBinding {
    const { buffer, offset } = this.locate(tensor);
    const size = Math.min(Math.ceil(byteLength(tensor) / 16) * 16, buffer.size - offset);
    return { buffer, offset, size };
  }

  /** Writes an input by name; inputs that the program does not use are ignored. */
  write(name: string, data: Float32Array | Uint32Array): void {
    const tensor = this.program.inputs.find((input) => input.name === name);
    if (!tensor) return;
    if (data.byteLength !== byteLength(tensor))
      throw new Error(`input ${name} takes ${byteLength(tensor)} bytes, got ${data.byteLength}`);
    const { buffer, offset } = this.locate(tensor);
    this.memory.gpu.device.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>);
  }

  /** Where a tensor lies, for copying it elsewhere after a run. */
  locate(tensor: Tensor): { buffer: GPUBuffer; offset: number } {
    const { base, offset: start } = storageOf(tensor);
    const location = this.program.locations.get(base);
    if (!location) throw new Error(`${tensor.name} has no place on the device`);
    const { space } = location;
    const offset = location.offset + start * bytesPerElement(base);
    switch (space) {
      case 'weight':
        return { buffer: this.memory.weight(location.name), offset };
      case 'state':
        return { buffer: this.states.buffer(location.name), offset };
      case 'arena':
        return { buffer: this.memory.arena(location.chunk), offset };
      default:
        return { buffer: this.flat[space].chunks[location.chunk]!, offset };
    }
  }

  run(more: readonly Dispatch[] = [], finish?: (encoder: GPUCommandEncoder) => void): void {
    this.memory.submitter.submit(more.length ? [...this.dispatches, ...more] : this.dispatches, finish);
  }

  /** Reads a tensor back; waits for everything submitted before. */
  async read(tensor: Tensor): Promise<Float32Array> {
    const { buffer, offset } = this.locate(tensor);
    const bytes = await readBuffer(this.memory.gpu.device, buffer, offset, byteLength(tensor));
    this.memory.gpu.check();
    return new Float32Array(bytes);
  }

  dispose(): void {
    this.memory.free(this.uniforms);
    if (this.ownsStates) this.states.dispose();
  }
}

/** Refuses a model whose largest frozen weight no binding of the device holds, before anything is allocated. */
export function assertFits(gpu: Gpu, largestWeight: { name: string; bytes: number }): void {
  const limit = largestBinding(gpu);
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  if (largestWeight.bytes > limit)
    throw new UserError(
      'model/too-large',
      `${largestWeight.name} takes ${mebibytes(largestWeight.bytes)}, but this device binds at most ${mebibytes(limit)}; use a smaller model or weights: "f16".`,
    );
}
