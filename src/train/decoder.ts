/**
 * A model on the device that goes on with prompts, a token at a time: two programs for each shape of the cache, between which nothing
 * compiles; where a step writes and what it reads are inputs.
 */
import { Executable, type DeviceMemory } from '../graph/executable';
import type { FlatBuffers } from '../graph/flat-buffers';
import { States } from '../graph/states';
import type { Decoder } from '../generate/decoder';
import type { DecodingPrograms } from './decoding';
import type { DecodingShape } from './decoding-scope';

/** Caches and prompts grow in steps of so many tokens, so that few shapes need programs of their own. */
const capacityStep = 64;
const promptStep = 32;
const roundedUp = (count: number, step: number) => Math.ceil(Math.max(count, 1) / step) * step;

interface Placed extends DecodingShape {
  readonly prompt: Executable;
  readonly token: Executable;
  readonly states: States;
}

export interface DeviceDecoderOptions {
  readonly memory: DeviceMemory;
  readonly flat: FlatBuffers;
  readonly vocabSize: number;
  programs(shape: DecodingShape): DecodingPrograms;
}

export class DeviceDecoder implements Decoder {
  #placed: Placed | undefined;
  #promptLengths = new Uint32Array();
  /** Row in which each earlier token of each row was computed, `[rows, capacity]`. */
  #origins = new Uint32Array();
  #slot = 0;

  constructor(readonly options: DeviceDecoderOptions) {}

  get vocabSize(): number {
    return this.options.vocabSize;
  }

  async begin(prompts: readonly Uint32Array[], beams: number, maxNewTokens: number): Promise<Float32Array> {
    const promptLength = roundedUp(Math.max(...prompts.map(({ length }) => length)), promptStep);
    const placed = await this.#place({
      prompts: prompts.length,
      promptLength,
      beams,
      capacity: roundedUp(maxNewTokens, capacityStep),
    });
    this.#promptLengths = Uint32Array.from(prompts, ({ length }) => length);
    this.#origins = new Uint32Array(prompts.length * beams * placed.capacity);
    this.#slot = 0;
    // Padding is masked, so that any token serves.
    const inputIds = new Uint32Array(prompts.length * promptLength);
    prompts.forEach((ids, i) => inputIds.set(ids, i * promptLength));
    return this.#run(placed.prompt, { inputIds, lengths: this.#promptLengths }, prompts.length);
  }

  async step(tokens: Uint32Array, parents: Uint32Array): Promise<Float32Array> {
    const { token, beams, capacity } = this.#placed!;
    const [slot, before] = [this.#slot++, this.#origins];
    if (slot >= capacity) throw new Error(`the cache ends after ${capacity} tokens`);
    const rows = tokens.length;
    const origins = new Uint32Array(before.length);
    for (let row = 0; row < rows; row++) {
      const parent = parents[row]! * capacity;
      if (slot > 0) origins.set(before.subarray(parent, parent + slot), row * capacity);
      origins[row * capacity + slot] = row;
    }
    this.#origins = origins;
    return this.#run(
      token,
      {
        inputIds: tokens,
        lengths: new Uint32Array(rows).fill(1),
        positions: Uint32Array.from(tokens, (_, row) => this.#promptLengths[Math.floor(row / beams)]! + slot),
        promptLengths: this.#promptLengths,
        slot: Uint32Array.of(slot),
        origins,
      },
      rows,
    );
  }

  async #place(shape: DecodingShape): Promise<Placed> {
    const { memory, flat } = this.options;
    const placed = this.#placed;
    const fits =
      placed &&
      (['prompts', 'promptLength', 'beams', 'capacity'] as const).every((size) => placed[size] === shape[size]);
    if (fits) return placed;
    this.dispose();
    const programs = this.options.programs(shape);
    const states = new States(memory);
    const [prompt, token] = [
      await Executable.create(memory, programs.prompt, flat, states),
      await Executable.create(memory, programs.token, flat, states),
    ];
    return (this.#placed = { ...shape, prompt, token, states });
  }

  /** The next token's scores, `[rows, vocabSize]`. */
  async #run(executable: Executable, inputs: Readonly<Record<string, Uint32Array>>, rows: number) {
    for (const [name, values] of Object.entries(inputs)) executable.write(name, values);
    executable.run();
    const { vocabSize } = this;
    const scores = new Float32Array(rows * vocabSize);
    let from = 0;
    // A table over the device's limit gives its scores in blocks, whose rows are padded.
    for (const [name, tensor] of Object.entries(executable.program.outputs)) {
      if (!name.startsWith('scores')) continue;
      const block = await executable.read(tensor);
      const width = block.length / rows;
      for (let row = 0; row < rows; row++) {
        const end = Math.min(width, vocabSize - from);
        scores.set(block.subarray(row * width, row * width + end), row * vocabSize + from);
      }
      from += width;
    }
    return scores;
  }

  dispose(): void {
    this.#placed?.prompt.dispose();
    this.#placed?.token.dispose();
    this.#placed?.states.dispose();
    this.#placed = undefined;
  }
}
