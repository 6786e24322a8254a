/**
 * A sequence classifier with a fine-tuning method in it: which tensors train, where they lie, and the program of one step.
 *
 * `method: undefined` is the pre-trained model itself with its head: the baseline.
 */
import { differentiate } from '../graph/differentiate';
import { Graph } from '../graph/graph';
import { linear } from '../graph/ops/linear';
import { loss, type LossKind } from '../graph/ops/loss';
import { ParameterLayout } from '../graph/parameter-layout';
import { compile, type CompileOptions, type Program } from '../graph/plan';
import type { EncoderConfig } from '../models/config';
import {
  headTensors,
  linearSites,
  targetModules,
  traceEncoder,
  traceHead,
  type ApplyLinear,
  type LinearSite,
} from '../models/encoder';
import type { MethodSettings, MethodTensor, PeftMethod } from './method';

/** A method with its settings. */
export interface Adaptation {
  readonly method: PeftMethod;
  readonly settings: MethodSettings;
}

export interface Classifier {
  readonly config: EncoderConfig;
  readonly numLabels: number;
  readonly lossKind: LossKind;
  /** Storage of frozen matrices on the device. */
  readonly weights: 'f32' | 'f16';
  readonly adaptation?: Adaptation | undefined;
}

/** A trained tensor of the method at one linear layer. */
export interface AdapterTensor extends MethodTensor {
  readonly name: string;
  readonly site: LinearSite;
}

export const adaptedSites = ({ config, adaptation }: Classifier): LinearSite[] =>
  adaptation ? linearSites(config).filter((site) => adaptation.settings.targetModules.includes(site.target)) : [];

export function adapterTensors(classifier: Classifier): AdapterTensor[] {
  const { adaptation } = classifier;
  if (!adaptation) return [];
  return adaptedSites(classifier).flatMap((site) =>
    adaptation.method
      .tensors(site, adaptation.settings)
      .map((tensor) => ({ ...tensor, site, name: `${site.name}.${tensor.suffix}` })),
  );
}

/** Places all trained tensors, the adapter's first and then the head's, in chunks of `chunkBytes` at most. */
export function parameterLayout(classifier: Classifier, chunkBytes?: number): ParameterLayout {
  const head = headTensors(classifier.config, classifier.numLabels);
  return ParameterLayout.of([...adapterTensors(classifier), ...head], chunkBytes);
}

export interface BatchShape {
  readonly batchSize: number;
  /** Tokens of a padded row. */
  readonly length: number;
}

/** Compiles the forward pass (outputs `logits`) or, with `training`, forward and backward (outputs `loss` and `logits`). */
export function classifierProgram(
  classifier: Classifier,
  shape: BatchShape,
  layout: ParameterLayout,
  options: CompileOptions & { training: boolean; dropout?: number },
): Program {
  const { config, adaptation, numLabels } = classifier;
  const { training } = options;
  const graph = new Graph();
  const adapted = new Set(adaptedSites(classifier).map((site) => site.name));
  const inputs = {
    config,
    ...shape,
    weights: classifier.weights,
    dropout: training ? (options.dropout ?? 0) : 0,
    applyLinear: ((site, x, weight, bias) => {
      const { method, settings } = adapted.has(site.name) ? adaptation! : plain;
      const shapes = new Map(method?.tensors(site, settings).map((tensor) => [tensor.suffix, tensor.shape]));
      const parameter = (suffix: string) => graph.parameter(`${site.name}.${suffix}`, shapes.get(suffix)!);
      if (!method) return linear(graph, { x, weight, bias });
      // Sites of adapters lie between the encoder's and the head's.
      const dropoutSite = 100_000 + site.layer * 16 + targetModules.indexOf(site.target);
      return method.apply(graph, { x, weight, bias }, { settings, parameter, training, dropoutSite });
    }) satisfies ApplyLinear,
  };
  const logits = traceHead(graph, traceEncoder(graph, inputs), inputs, numLabels);
  if (!training) return compile(graph, { logits }, new Map(), layout, options);
  const scalar = loss(graph, classifier.lossKind, logits, graph.input('labels', [shape.batchSize]));
  return compile(graph, { loss: scalar, logits }, differentiate(graph, scalar), layout, options);
}

const plain: { method: undefined; settings: MethodSettings } = { method: undefined, settings: { targetModules: [] } };
