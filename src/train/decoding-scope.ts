/**
 * The two traces of a model that generates: the prompts at once, which leaves their keys and values in a cache, and then one token a row,
 * which reads them there.
 *
 * The prompts' cache is there once, however many beams go on from a prompt. What beams have generated lies in slots, one a step, and is
 * never moved: a table tells in which row each earlier token of a beam was computed.
 */
import { appendToCache, cachedAttention } from '../graph/ops/cache';
import type { Tensor } from '../graph/tensor';
import type { Attention, BatchShape } from '../models/core/model';
import { TraceScope, type TraceOptions } from './trace-scope';

export interface DecodingShape {
  readonly prompts: number;
  /** Tokens of a padded prompt. */
  readonly promptLength: number;
  /** Rows that go on from each prompt. */
  readonly beams: number;
  /** Tokens that may be generated. */
  readonly capacity: number;
}

const promptCache = ({ graph }: TraceScope, layer: number, { prompts, promptLength }: DecodingShape, width: number) =>
  graph.state(`prompt ${layer}`, [prompts * promptLength, 2 * width]);

/** Traces prompts `[prompts, promptLength]`. */
export class PromptScope extends TraceScope {
  /** The caches as the trace leaves them. */
  readonly caches: Tensor[] = [];

  constructor(
    options: TraceOptions,
    readonly shape: DecodingShape,
  ) {
    super(options);
  }

  protected override attendTo(layer: number, given: Attention, batch: BatchShape): Tensor {
    const cache = promptCache(this, layer, this.shape, given.keys.shape[1]!);
    this.caches.push(appendToCache(this.graph, cache, given));
    return super.attendTo(layer, given, batch);
  }
}

/** Traces one token of each row. */
export class TokenScope extends TraceScope {
  readonly caches: Tensor[] = [];
  override readonly positions: Tensor;
  readonly #rows: number;

  constructor(
    options: TraceOptions,
    readonly shape: DecodingShape,
  ) {
    super(options);
    this.#rows = shape.prompts * shape.beams;
    this.positions = options.graph.input('positions', [this.#rows], 'u32');
  }

  protected override attendTo(layer: number, { query, keys, values, heads }: Attention): Tensor {
    const { graph, shape } = this;
    const { prompts, promptLength, beams, capacity } = shape;
    const width = keys.shape[1]!;
    const slot = graph.input('slot', [1], 'u32');
    const own = graph.state(`generated ${layer}`, [capacity * this.#rows, 2 * width]);
    const generated = appendToCache(graph, own, { keys, values }, slot);
    this.caches.push(generated);
    return cachedAttention(
      graph,
      {
        q: query,
        prompt: promptCache(this, layer, shape, width),
        promptLengths: graph.input('promptLengths', [prompts], 'u32'),
        generated,
        origins: graph.input('origins', [this.#rows * capacity], 'u32'),
        slot,
      },
      { heads, promptLength, beams },
    );
  }
}
