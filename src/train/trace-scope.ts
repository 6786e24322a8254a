/**
 * A model's surroundings while it is traced: tensors of the pre-trained model are declared frozen or trained, and the hooks of a
 * contender's method are called at every place where a method may act.
 */
import { defaultChunkBytes } from '../graph/chunks';
import { Graph } from '../graph/graph';
import { attention } from '../graph/ops/attention';
import { dropout } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import { splitColumns } from '../graph/ops/select';
import { slice } from '../graph/ops/storage';
import type { Tensor } from '../graph/tensor';
import type { Hooks } from '../methods/core/method';
import type { Attention, BatchShape, HiddenSite, LinearSite, ModelTensor, Scope } from '../models/core/model';

/** Numbers that tell the dropouts of a step apart: the model's own count from 1, then come methods, then the head's. */
export const firstMethodMask = 100_000;
const firstHeadMask = 1_000_000;

export interface TraceOptions {
  readonly graph: Graph;
  /** Storage of frozen matrices on the device; vectors are always f32. */
  readonly weights: 'f32' | 'f16';
  /** Shapes of the tensors that train, by name. */
  readonly trained?: ReadonlyMap<string, readonly number[]>;
  /** Probability of hidden and attention dropout. */
  readonly dropout?: number;
  readonly hooks?: Hooks;
  /** The largest binding of the device. */
  readonly chunkBytes?: number | undefined;
}

export class TraceScope implements Scope {
  readonly graph: Graph;
  readonly #probability: number;
  readonly #hooks: Hooks;
  /** See `Scope`. */
  readonly positions?: Tensor;
  readonly #trained: ReadonlyMap<string, readonly number[]>;
  #masks = 0;

  constructor(private readonly options: TraceOptions) {
    const { graph, trained = new Map(), dropout: probability = 0, hooks = {} } = options;
    this.graph = graph;
    this.#trained = trained;
    this.#probability = probability;
    this.#hooks = hooks;
  }

  weight(name: string, shape: readonly number[]): Tensor {
    const tensor = this.#trained.has(name)
      ? this.graph.parameter(name, shape)
      : this.graph.weight(name, shape, shape.length > 1 ? this.options.weights : 'f32');
    return this.#hooks.weight?.(name, tensor) ?? tensor;
  }

  table(name: string, shape: readonly [number, number]): readonly Tensor[] {
    const { weights, chunkBytes = defaultChunkBytes } = this.options;
    const [rows, columns] = shape;
    const most = Math.floor(chunkBytes / (columns * (weights === 'f16' ? 2 : 4)));
    if (rows <= most || this.#trained.has(name)) return [this.weight(name, shape)];
    // Blocks of whole 64 rows, so that products with them keep their alignment.
    const block = Math.floor(most / 64) * 64 || most;
    return Array.from({ length: Math.ceil(rows / block) }, (_, i) => {
      const from = i * block;
      const size = Math.min(block, rows - from);
      return this.graph.weight(`${name}[${from}:${from + size}]`, [size, columns], weights, { of: name, shape, from });
    });
  }

  headParameter(name: string, shape: readonly number[]): Tensor {
    return this.graph.parameter(name, shape);
  }

  linear(site: LinearSite, x: Tensor): Tensor {
    const { weight, bias, plain } = this.#layer(site);
    return this.#hooks.linear?.({ site, x, weight, bias, plain }) ?? plain(x);
  }

  #layer({ name, outFeatures, inFeatures }: LinearSite) {
    const weight = this.weight(`${name}.weight`, [outFeatures, inFeatures]);
    const bias = this.weight(`${name}.bias`, [outFeatures]);
    return { weight, bias, plain: (x: Tensor) => linear(this.graph, { x, weight, bias }) };
  }

  joined(whole: LinearSite, parts: readonly LinearSite[], x: Tensor): Tensor[] {
    const { graph } = this;
    const { weight, bias, plain } = this.#layer(whole);
    const changed = this.#hooks.linear?.({ site: whole, x, weight, bias, plain });
    if (changed) return splitColumns(graph, changed, parts.length);
    const layers = parts.map((site) => {
      const { outFeatures, inFeatures, partOf } = site;
      const { from } = partOf!;
      const own = {
        weight: slice(graph, weight, from * inFeatures, [outFeatures, inFeatures]),
        bias: slice(graph, bias, from, [outFeatures]),
      };
      const plainPart = (input: Tensor) => linear(graph, { x: input, ...own });
      return { plainPart, changed: this.#hooks.linear?.({ site, x, ...own, plain: plainPart }) };
    });
    // What trains whole is computed whole: its gradient would otherwise be put together from those of its parts.
    const trains = this.#trained.has(`${whole.name}.weight`) || this.#trained.has(`${whole.name}.bias`);
    if (trains && layers.every((layer) => !layer.changed)) return splitColumns(graph, plain(x), parts.length);
    return layers.map((layer) => layer.changed ?? layer.plainPart(x));
  }

  hidden(site: HiddenSite, x: Tensor): Tensor {
    return this.#hooks.hidden?.(site, x) ?? x;
  }

  attend(layer: number, given: Attention, shape: BatchShape): Tensor {
    return this.attendTo(layer, { ...given, ...this.#hooks.keysValues?.(layer, given) }, shape);
  }

  /** Attention with the keys and values as the method leaves them. */
  protected attendTo(
    _layer: number,
    { query, keys, values, heads, causal }: Attention,
    { batchSize, length }: BatchShape,
  ): Tensor {
    const lengths = this.graph.input('lengths', [batchSize], 'u32');
    return attention(
      this.graph,
      { q: query, k: keys, v: values, lengths },
      { heads, length, ...(causal && { causal }), probability: this.#probability, site: ++this.#masks },
    );
  }

  embed(_words: readonly Tensor[], lookUp: (ids: Tensor) => Tensor, { batchSize, length }: BatchShape): Tensor {
    return lookUp(this.graph.input('inputIds', [batchSize * length], 'u32'));
  }

  embedded(x: Tensor): Tensor {
    return this.#hooks.embedded?.(x) ?? x;
  }

  dropout(x: Tensor): Tensor {
    return dropout(this.graph, x, this.#probability, ++this.#masks);
  }

  headDropout(x: Tensor, at: number): Tensor {
    return dropout(this.graph, x, this.#probability, firstHeadMask + at);
  }

  inLayer<T>(layer: number, trace: () => T): T {
    return this.graph.inSegment(layer, trace);
  }
}

/** Lists what a trace asks for. */
export class RecordingScope extends TraceScope {
  readonly tensors: ModelTensor[] = [];
  readonly linearLayers: LinearSite[] = [];
  readonly hiddenSites: HiddenSite[] = [];
  #layer = -1;

  constructor(readonly numHiddenLayers: number) {
    super({ graph: new Graph(), weights: 'f32', chunkBytes: Infinity });
  }

  override weight(name: string, shape: readonly number[]): Tensor {
    if (!this.tensors.some((known) => known.name === name)) this.tensors.push({ name, shape, layer: this.#layer });
    return super.weight(name, shape);
  }

  override linear(site: LinearSite, x: Tensor): Tensor {
    this.linearLayers.push(site);
    return super.linear(site, x);
  }

  override joined(whole: LinearSite, parts: readonly LinearSite[], x: Tensor): Tensor[] {
    this.linearLayers.push(whole, ...parts);
    return super.joined(whole, parts, x);
  }

  override hidden(site: HiddenSite, x: Tensor): Tensor {
    this.hiddenSites.push(site);
    return super.hidden(site, x);
  }

  override inLayer<T>(layer: number, trace: () => T): T {
    this.#layer = layer;
    const result = super.inLayer(layer, trace);
    this.#layer = layer + 1;
    return result;
  }
}
