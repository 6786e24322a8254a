/**
 * Where temporaries lie: one virtual arena, cut into chunks no larger than a buffer may be. A place is free again after its tensor's
 * last reader.
 */
import { UserError } from '../errors';
import { align } from './chunks';

export class Arena {
  readonly #live: { start: number; end: number; until: number }[] = [];
  #top = 0;

  constructor(readonly chunkBytes: number) {}

  /** First gap that is free from `at` on and crosses no chunk boundary. */
  place(bytes: number, at: number, until: number): { chunk: number; offset: number } {
    const size = align(bytes);
    if (size > this.chunkBytes) {
      const [need, have] = [size, this.chunkBytes].map((value) => `${Math.ceil(value / 2 ** 20)} MiB`);
      throw new UserError(
        'model/too-large',
        `One tensor of this run needs ${need}, but this GPU allows ${have} in one piece; use a smaller batch, maxLength or model.`,
      );
    }
    for (let i = this.#live.length - 1; i >= 0; i--) if (this.#live[i]!.until < at) this.#live.splice(i, 1);
    const fit = (start: number) => {
      const left = this.chunkBytes - (start % this.chunkBytes);
      return size > left ? start + left : start;
    };
    let start = 0;
    for (const block of this.#live) {
      if (fit(start) + size <= block.start) break;
      start = Math.max(start, block.end);
    }
    start = fit(start);
    this.#live.push({ start, end: start + size, until });
    this.#live.sort((left, right) => left.start - right.start);
    this.#top = Math.max(this.#top, start + size);
    return { chunk: Math.floor(start / this.chunkBytes), offset: start % this.chunkBytes };
  }

  get chunks(): number[] {
    const full = Math.floor(this.#top / this.chunkBytes);
    const rest = this.#top % this.chunkBytes;
    return [...Array<number>(full).fill(this.chunkBytes), ...(rest ? [rest] : [])];
  }
}
