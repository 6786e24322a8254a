/**
 * A model with a task's head on it and a contender in it (or none: the base model): which tensors train, where they lie, and the
 * programs that one step and one prediction are.
 *
 * This is the one place where a model's trace, a method's hooks and a task's head meet.
 */
import { differentiate } from '../graph/differentiate';
import { Graph } from '../graph/graph';
import { add, dropout } from '../graph/ops/elementwise';
import { ParameterLayout } from '../graph/parameter-layout';
import { compile, type CompileOptions, type Program } from '../graph/plan';
import type { Tensor } from '../graph/tensor';
import type { AdaptedModel, MethodTensors, OwnTensor, TraceContext } from '../methods/core/method';
import { roles, type BatchShape, type Head, type Model } from '../models/core/model';
import type { Task } from '../tasks/core/task';
import type { Contender } from './recipe';
import { firstMethodMask, RecordingScope, TraceScope, type TraceOptions } from './trace-scope';

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
    const { architecture, hiddenSize, numHiddenLayers, sites, isTransposed } = model;
    const { tensors, linearLayers, hiddenSites } = recorder;
    this.adapted = {
      ...{ architecture, hiddenSize, numHiddenLayers, sites, tensors, linearLayers, hiddenSites },
      ...(isTransposed && { isTransposed }),
    };
    this.own = contender?.method.tensors(this.adapted, contender.settings) ?? { trained: [] };
  }

  /**
   * What a frozen tensor of the method's own is called on the device: contenders share it where all that decides its values is the same,
   * which is the run's seed or what it is drawn from, its shape, and the adapter it comes from.
   */
  frozenName({ name, shape, drawnFrom }: Pick<OwnTensor, 'name' | 'shape' | 'drawnFrom'>): string {
    const { start, adapter } = this.options.contender ?? {};
    const origin = start?.has(name) ? ` of ${adapter}` : drawnFrom === undefined ? '' : ` from ${drawnFrom}`;
    return `${name} [${shape.join(', ')}]${origin}`;
  }

  /** Values of a frozen tensor of the method's own: the adapter's, or drawn from the seed. */
  frozenValues({ name, initial }: OwnTensor, seed: number): Float32Array {
    return this.options.contender?.start?.get(name) ?? initial(seed);
  }

  /** Places all trained tensors, the contender's first and then the head's. */
  layout(chunkBytes?: number): ParameterLayout {
    return ParameterLayout.of([...this.own.trained, ...this.head.trained], chunkBytes);
  }

  /** A trace's surroundings with the contender's hooks in them. */
  surroundings(options: ProgramOptions): { readonly scope: TraceOptions; readonly context: TraceContext<object> } {
    const { contender, weights } = this.options;
    const { training, chunkBytes } = options;
    const graph = new Graph();
    const trained = new Map(this.own.trained.map((tensor) => [tensor.name, tensor.shape]));
    const frozen = new Map(this.own.frozen?.map((tensor) => [tensor.name, tensor]));
    const context: TraceContext<object> = {
      graph,
      settings: contender?.settings ?? {},
      model: this.adapted,
      training,
      own: (name) => {
        const [trainedShape, drawn] = [trained.get(name), frozen.get(name)];
        if (trainedShape) return graph.parameter(name, trainedShape);
        if (!drawn) throw new Error(`the method lists no tensor ${name}`);
        return graph.weight(this.frozenName(drawn), drawn.shape);
      },
      dropout: (x, probability, { layer, role }) =>
        training ? dropout(graph, x, probability, firstMethodMask + layer * 16 + (role ? roles.indexOf(role) : 0)) : x,
    };
    const hooks = contender?.method.hooks?.(context) ?? {};
    const probability = training ? (options.dropout ?? 0) : 0;
    return { scope: { graph, weights, trained, hooks, chunkBytes, dropout: probability }, context };
  }

  /** Compiles the forward pass (outputs `outputs`) or, with `training`, forward and backward (outputs `loss` and `outputs`). */
  program(shape: BatchShape, layout: ParameterLayout, options: ProgramOptions): Program {
    const { model, task, contender } = this.options;
    const { training, ...compileOptions } = options;
    const { scope: surroundings, context } = this.surroundings(options);
    const { graph } = context;
    const scope = new TraceScope(surroundings);
    const outputs = this.head.trace(scope, model.trace(scope, shape), shape);
    if (!training) {
      const read = task.readout?.(scope, outputs, shape, this.head) ?? outputs;
      return compile(graph, { outputs: read }, new Map(), layout, compileOptions);
    }
    const penalty = contender?.method.penalty?.(context);
    const loss = sum(graph, task.loss(scope, outputs, shape, this.head), penalty);
    return compile(graph, { loss, outputs }, differentiate(graph, loss), layout, compileOptions);
  }
}
