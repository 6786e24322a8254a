/**
 * A model with a task's head on it and a contender in it (or none: the base model): which tensors train, where they lie, and the
 * programs that one step and one prediction are.
 *
 * This is the one place where a model's trace, a method's hooks and a task's head meet.
 */
import { differentiate } from '../graph/differentiate';
import { Graph } from '../graph/graph';
import { add, dropout } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import { ParameterLayout } from '../graph/parameter-layout';
import { compile, type CompileOptions, type Program } from '../graph/plan';
import type { Tensor } from '../graph/tensor';
import type { AdaptedModel, Hooks, MethodTensors, OwnTensor, TraceContext } from '../methods/core/method';
import {
  roles,
  type BatchShape,
  type Head,
  type HiddenSite,
  type KeysValues,
  type LinearSite,
  type Model,
  type ModelTensor,
  type Scope,
} from '../models/core/model';
import type { Task } from '../tasks/core/task';
import type { Contender } from './recipe';

/** Numbers that tell the dropouts of a step apart: the model's own count from 1, then come methods', then the head's. */
const firstMethodMask = 100_000;
const firstHeadMask = 1_000_000;

/** The values of an adapter folder that a contender starts from. */
export interface Start extends Pick<Contender, 'adapter'> {
  /** By tensor name; empty where there is no folder. */
  readonly start: ReadonlyMap<string, Float32Array>;
}

export interface TunedModelOptions {
  readonly model: Model;
  readonly task: Task;
  /** Storage of frozen matrices on the device; vectors are always f32. */
  readonly weights: 'f32' | 'f16';
  readonly contender?: (Pick<Contender, 'method' | 'settings'> & Partial<Start>) | undefined;
}

export interface ProgramOptions extends CompileOptions {
  readonly training: boolean;
  /** Hidden and attention dropout; without effect in a prediction. */
  readonly dropout?: number;
}

/** Traces with every place as it was pre-trained; what a contender changes comes on top. */
export class TraceScope implements Scope {
  readonly #trained: ReadonlyMap<string, readonly number[]>;
  #masks = 0;

  constructor(
    readonly graph: Graph,
    readonly tuned: Pick<TunedModelOptions, 'weights'>,
    trained: ReadonlyMap<string, readonly number[]>,
    readonly probability: number,
    readonly hooks: Hooks = {},
  ) {
    this.#trained = trained;
  }

  weight(name: string, shape: readonly number[]): Tensor {
    const tensor = this.#trained.has(name)
      ? this.graph.parameter(name, shape)
      : this.graph.weight(name, shape, shape.length > 1 ? this.tuned.weights : 'f32');
    return this.hooks.weight?.(name, tensor) ?? tensor;
  }

  headParameter(name: string, shape: readonly number[]): Tensor {
    return this.graph.parameter(name, shape);
  }

  linear(site: LinearSite, x: Tensor): Tensor {
    const weight = this.weight(`${site.name}.weight`, [site.outFeatures, site.inFeatures]);
    const bias = this.weight(`${site.name}.bias`, [site.outFeatures]);
    const plain = (input: Tensor) => linear(this.graph, { x: input, weight, bias });
    return this.hooks.linear?.({ site, x, weight, bias, plain }) ?? plain(x);
  }

  hidden(site: HiddenSite, x: Tensor): Tensor {
    return this.hooks.hidden?.(site, x) ?? x;
  }

  keysValues(layer: number, given: KeysValues): KeysValues {
    return this.hooks.keysValues?.(layer, given) ?? given;
  }

  embedded(x: Tensor): Tensor {
    return this.hooks.embedded?.(x) ?? x;
  }

  dropout(x: Tensor): Tensor {
    return dropout(this.graph, x, this.probability, ++this.#masks);
  }

  attentionDropout(): { probability: number; site: number } {
    return { probability: this.probability, site: ++this.#masks };
  }

  headDropout(x: Tensor, at: number): Tensor {
    return dropout(this.graph, x, this.probability, firstHeadMask + at);
  }

  inLayer<T>(layer: number, trace: () => T): T {
    return this.graph.inSegment(layer, trace);
  }
}

/** Lists what a trace asks for. */
class RecordingScope extends TraceScope {
  readonly tensors: ModelTensor[] = [];
  readonly linearLayers: LinearSite[] = [];
  readonly hiddenSites: HiddenSite[] = [];
  #layer = -1;

  constructor(readonly numHiddenLayers: number) {
    super(new Graph(), { weights: 'f32' }, new Map(), 0);
  }

  override weight(name: string, shape: readonly number[]): Tensor {
    if (!this.tensors.some((known) => known.name === name)) this.tensors.push({ name, shape, layer: this.#layer });
    return super.weight(name, shape);
  }

  override linear(site: LinearSite, x: Tensor): Tensor {
    this.linearLayers.push(site);
    return super.linear(site, x);
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

const sum = (graph: Graph, loss: Tensor, penalty: Tensor | undefined) => (penalty ? add(graph, loss, penalty) : loss);

export class TunedModel {
  readonly head: Head;
  /** The pre-trained model as methods see it. */
  readonly adapted: AdaptedModel;
  /** What the contender trains and freezes of its own; the head is not among it. */
  readonly own: MethodTensors;

  constructor(readonly options: TunedModelOptions) {
    const { model, task, contender } = options;
    this.head = task.head(model);
    const recorder = new RecordingScope(model.numHiddenLayers);
    const shape = { batchSize: 1, length: 4 };
    this.head.trace(recorder, model.trace(recorder, shape), shape);
    const { architecture, hiddenSize, numHiddenLayers, sites } = model;
    const { tensors, linearLayers, hiddenSites } = recorder;
    this.adapted = { architecture, hiddenSize, numHiddenLayers, sites, tensors, linearLayers, hiddenSites };
    this.own = contender?.method.tensors(this.adapted, contender.settings) ?? { trained: [] };
  }

  /**
   * What a frozen tensor of the method's own is called on the device: contenders share it where all that decides its values is the same,
   * which is the run's seed, its shape, and the adapter it comes from.
   */
  frozenName({ name, shape }: Pick<OwnTensor, 'name' | 'shape'>): string {
    const { start, adapter } = this.options.contender ?? {};
    return `${name} [${shape.join(', ')}]${start?.has(name) ? ` of ${adapter}` : ''}`;
  }

  /** Values of a frozen tensor of the method's own: the adapter's, or drawn from the seed. */
  frozenValues({ name, initial }: OwnTensor, seed: number): Float32Array {
    return this.options.contender?.start?.get(name) ?? initial(seed);
  }

  /** Places all trained tensors, the contender's first and then the head's. */
  layout(chunkBytes?: number): ParameterLayout {
    return ParameterLayout.of([...this.own.trained, ...this.head.trained], chunkBytes);
  }

  /** Compiles the forward pass (outputs `outputs`) or, with `training`, forward and backward (outputs `loss` and `outputs`). */
  program(shape: BatchShape, layout: ParameterLayout, options: ProgramOptions): Program {
    const { model, task, contender } = this.options;
    const { training, ...compileOptions } = options;
    const graph = new Graph();
    const trained = new Map(this.own.trained.map((tensor) => [tensor.name, tensor.shape]));
    const frozen = new Map(this.own.frozen?.map((tensor) => [tensor.name, tensor.shape]));
    const context: TraceContext<object> = {
      graph,
      settings: contender?.settings ?? {},
      model: this.adapted,
      training,
      own: (name) => {
        const shapeOf = trained.get(name) ?? frozen.get(name);
        if (!shapeOf) throw new Error(`the method lists no tensor ${name}`);
        return trained.has(name)
          ? graph.parameter(name, shapeOf)
          : graph.weight(this.frozenName({ name, shape: shapeOf }), shapeOf);
      },
      dropout: (x, probability, { layer, role }) =>
        training ? dropout(graph, x, probability, firstMethodMask + layer * 16 + (role ? roles.indexOf(role) : 0)) : x,
    };
    const hooks = contender?.method.hooks?.(context) ?? {};
    const probability = training ? (options.dropout ?? 0) : 0;
    const scope = new TraceScope(graph, this.options, trained, probability, hooks);
    const outputs = this.head.trace(scope, model.trace(scope, shape), shape);
    if (!training) return compile(graph, { outputs }, new Map(), layout, compileOptions);
    const penalty = contender?.method.penalty?.(context);
    const loss = sum(graph, task.loss(graph, outputs, shape), penalty);
    return compile(graph, { loss, outputs }, differentiate(graph, loss), layout, compileOptions);
  }
}
