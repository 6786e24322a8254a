/**
 * Where a method's trainable tensors lie in its flat arrays: values, gradients and moments alike.
 *
 * Tensors lie one after another in chunks no larger than the device binds, and none crosses a chunk: an update takes a few
 * dispatches a chunk, however many tensors train. A tensor starts at a multiple of 64 values; the padding between tensors is zero
 * in every array and stays zero.
 */
import { UserError } from '../errors';
import { align, alignment, defaultChunkBytes } from './chunks';
import { elements } from './tensor';

export interface LayoutEntry {
  readonly chunk: number;
  /** In bytes, from the start of the chunk. */
  readonly offset: number;
  readonly shape: readonly number[];
}

export class ParameterLayout {
  readonly entries = new Map<string, LayoutEntry>();
  readonly #chunks: number[] = [];

  /** @param chunkBytes the largest buffer (and binding) the device allows */
  constructor(readonly chunkBytes = defaultChunkBytes) {}

  /** Lays out `tensors` in their order. @throws UserError as `add` */
  static of(
    tensors: Iterable<{ readonly name: string; readonly shape: readonly number[] }>,
    chunkBytes?: number,
  ): ParameterLayout {
    const layout = new ParameterLayout(chunkBytes);
    for (const { name, shape } of tensors) layout.add(name, shape);
    return layout;
  }

  /** Places a tensor after those before it. @throws UserError `model/too-large` where a chunk cannot hold it */
  add(name: string, shape: readonly number[]): void {
    if (this.entries.has(name)) throw new Error(`parameter ${name} is declared twice`);
    const bytes = align(elements(shape) * 4);
    if (bytes > this.chunkBytes) throw tooLargeToTrain(name, bytes, this.chunkBytes);
    const last = this.#chunks.length - 1;
    const fits = last >= 0 && this.#chunks[last]! + bytes <= this.chunkBytes;
    const chunk = fits ? last : last + 1;
    const offset = fits ? this.#chunks[chunk]! : 0;
    this.entries.set(name, { chunk, offset, shape });
    this.#chunks[chunk] = offset + bytes;
  }

  /** Bytes of each chunk of one array, padding included. Where nothing trains: one block, so that there is something to bind. */
  get chunks(): readonly number[] {
    return this.#chunks.length ? this.#chunks : [alignment];
  }

  /** Bytes of one array, padding included. */
  get bytes(): number {
    return this.chunks.reduce((total, bytes) => total + bytes, 0);
  }

  /** Number of trainable values, without padding. */
  get count(): number {
    return [...this.entries.values()].reduce((total, { shape }) => total + elements(shape), 0);
  }
}

function tooLargeToTrain(name: string, bytes: number, limit: number): UserError {
  const [need, have] = [Math.ceil(bytes / 2 ** 20), Math.floor(limit / 2 ** 20)];
  return new UserError(
    'model/too-large',
    `${name} takes ${need} MiB to train, but this device binds at most ${have} MiB in one piece; choose a method that leaves it frozen, a model with a smaller vocabulary, or a GPU that binds more.`,
  );
}
