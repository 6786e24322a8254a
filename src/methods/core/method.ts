/**
 * What a fine-tuning method is: one file that tells its settings, which tensors it trains, how it acts while the model is traced, how it
 * merges, how its adapter folder looks, what it costs by its paper, and its words.
 *
 * A method acts through hooks at the places where methods differ. It sees a model only as a list of layers and tensors, so that it
 * works on every architecture, and knows nothing of tasks.
 */
import type { z } from 'zod';
import type { Graph } from '../../graph/graph';
import type { Tensor } from '../../graph/tensor';
import type { HiddenSite, KeysValues, LinearSite, Model, ModelTensor } from '../../models/core/model';
import type { Drawing, LayerTensors } from './drawing';

/** A model as a method sees it. */
export interface AdaptedModel extends Pick<
  Model,
  'architecture' | 'hiddenSize' | 'numHiddenLayers' | 'sites' | 'isTransposed'
> {
  /** Every tensor of the pre-trained model, in the order of the forward pass. The task's head is not among them: it trains anyway. */
  readonly tensors: readonly ModelTensor[];
  /**
   * Every linear layer of the pre-trained model: those of the blocks, and above them such as BERT's pooler. Where several are parts of
   * one, the whole comes before its parts.
   */
  readonly linearLayers: readonly LinearSite[];
  /** Every hidden state of the blocks that `Hooks.hidden` is called with, in the order of the forward pass. */
  readonly hiddenSites: readonly HiddenSite[];
}

/** A tensor of the method's own. */
export interface OwnTensor {
  /** As in PEFT's state dict without `base_model.model.`, e.g. `….attention.self.query.lora_A.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  initial(seed: number): Float32Array;
  /** What the first values follow from, where it is not the run's seed: contenders share the tensor only where this is the same. */
  readonly drawnFrom?: string | number;
}

/** A trained tensor: the method's own, or (without first values) one of the pre-trained model, which starts as the checkpoint has it. */
export interface TrainedTensor extends Pick<OwnTensor, 'name' | 'shape'> {
  /** Weight decay pulls towards this value: 0 for additive tensors, 1 for multiplicative ones. */
  readonly decayTarget: number;
  initial?(seed: number): Float32Array;
  /** Where the first values follow from a pre-trained layer: that layer, and what they are. Takes the place of `initial`. */
  readonly fromLayer?: { readonly site: LinearSite; values(layer: LayerTensors): Float32Array };
}

export interface MethodTensors {
  readonly trained: readonly TrainedTensor[];
  /**
   * Frozen tensors of the method's own, e.g. shared random projections: uploaded once for all methods that name them. An adapter folder
   * holds them beside what was trained, and whoever starts from it has the folder's values.
   */
  readonly frozen?: readonly OwnTensor[];
}

/** One linear layer on its way into the graph. */
export interface LinearCall {
  readonly site: LinearSite;
  /** `[tokens, inFeatures]` */
  readonly x: Tensor;
  /** `[outFeatures, inFeatures]`, frozen or trained. */
  readonly weight: Tensor;
  /** `[outFeatures]` */
  readonly bias: Tensor;
  /** The pre-trained layer on any input. */
  plain(x: Tensor): Tensor;
}

/** Where a method may act; what is left out stays as it was pre-trained. */
export interface Hooks {
  /** Replaces a weight or bias of the pre-trained model, by its name. */
  weight?(name: string, tensor: Tensor): Tensor;
  /** Undefined leaves the layer as it was. */
  linear?(call: LinearCall): Tensor | undefined;
  /** A hidden state after attention or after the feed-forward layers, before it joins the residual stream, or as it leaves the block. */
  hidden?(site: HiddenSite, x: Tensor): Tensor;
  keysValues?(layer: number, given: KeysValues): KeysValues;
  /** The embedded input, before the first block. */
  embedded?(x: Tensor): Tensor;
}

export interface TraceContext<Settings> {
  readonly graph: Graph;
  readonly settings: Settings;
  readonly model: AdaptedModel;
  readonly training: boolean;
  /** A tensor that `tensors` listed, trained or frozen. */
  own(name: string): Tensor;
  /** Dropout of the method's own, only in training. A site has one mask; it does not move when another layer is adapted. */
  dropout(x: Tensor, probability: number, site: Pick<LinearSite, 'layer' | 'role'>): Tensor;
}

/** What a method may do between two updates, on the host: it waits for the device, so only methods that need it have it. */
export interface UpdateContext<Settings> {
  readonly settings: Settings;
  readonly model: AdaptedModel;
  /** Updates done so far, at least 1. */
  readonly step: number;
  readonly totalSteps: number;
  /** What the method keeps from one update of this contender to the next, e.g. running averages. Empty at first. */
  readonly kept: Map<string, Float32Array>;
  /** Values of a trained tensor. */
  read(name: string): Promise<Float32Array>;
  /** The last update's gradient of a trained tensor: the mean over its micro-batches, before clipping. */
  gradient(name: string): Promise<Float32Array>;
  write(name: string, values: Float32Array): void;
}

export interface MergeContext<Settings> {
  readonly settings: Settings;
  readonly model: AdaptedModel;
  /** Values of a tensor that `tensors` listed. */
  own(name: string): Float32Array;
  /** Values of a tensor of the pre-trained model, or of a layer that is a part of another (`partOf`); trained ones as they are now. */
  base(name: string): Float32Array;
}

/** What an adapter folder says: its `adapter_config.json`, and which tensors it holds, named as we do. */
export interface AdapterContents {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  readonly model: AdaptedModel;
  /** Throws `adapter/unsupported` with a sentence that begins with the folder's name. */
  refuse(problem: string): never;
}

/** Values of a tensor, row-major. */
export interface OwnValues {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Settings and tensors as a folder tells them. */
export interface Portable<Settings> {
  readonly settings: Settings;
  readonly tensors: ReadonlyMap<string, OwnValues>;
}

/** A method's adapter folder: PEFT's own format where PEFT has the method, and one of the same shape where it has not. */
export interface AdapterFormat<Settings> {
  /** `peft_type` of `adapter_config.json`. */
  readonly peftType: string;
  /** Whether `peft` itself opens the folder. */
  readonly inPeft: boolean;
  /** The method's own fields of `adapter_config.json`. */
  config(settings: Settings, model: AdaptedModel): Record<string, unknown>;
  /** The settings a folder has; the fields it does not tell are left out. Refuses what would be computed wrongly. */
  settings(contents: AdapterContents): Partial<Settings>;
  /**
   * What computes the same and fits the folder's format, where that does not know all that the settings can say: PEFT adapts layers,
   * but no parts of them.
   *
   * @param tensors all of the method's own, trained ones of the base model and the head among them
   * @param layer reads a layer as it was pre-trained
   */
  portable?(
    settings: Settings,
    model: AdaptedModel,
    tensors: ReadonlyMap<string, OwnValues>,
    layer: (site: LinearSite) => Promise<LayerTensors>,
  ): Portable<Settings> | Promise<Portable<Settings>>;
  /** What the folder calls one of our tensors, where that differs. */
  folderName?(name: string, settings: Settings, model: AdaptedModel): string;
  /** What we call one of the folder's, where that differs. */
  ownName?(name: string): string;
}

/** How an exported adapter goes on in Python, where `peft` does not know the method. */
export interface PythonModule {
  /** Functions and classes, with one `load_adapter(model, file)` that returns the adapted model, only the trained tensors of which train. */
  readonly code: string;
  /** What else it imports. */
  readonly imports: readonly string[];
}

/** Kinds of methods, in the order in which they are listed. */
export const families = {
  scaling: 'Scaling of pre-trained weights',
  lowRank: 'Low-rank updates',
  adapter: 'Adapters',
  prompt: 'Prompts and prefixes',
  subset: 'Part of the model, or all of it',
  baseline: 'Baselines',
} as const;

export interface Method<Settings extends object = object> {
  readonly id: string;
  readonly title: string;
  readonly family: keyof typeof families;
  /** One sentence for its card. */
  readonly summary: string;
  readonly citation: { readonly title: string; readonly url?: string };
  /** Settings as they stand in a recipe, defaults filled in. */
  readonly schema: z.ZodType<Settings>;
  /** What settings are called and do, where their names do not say it. */
  readonly words?: Readonly<Record<string, { readonly label: string; readonly help?: string }>>;
  /** @throws UserError where the settings do not fit the model */
  tensors(model: AdaptedModel, settings: Settings): MethodTensors;
  /** Left out: the model is traced as it is, with the listed tensors trained. */
  hooks?(context: TraceContext<Settings>): Hooks;
  /** A scalar `[1]` that is added to the loss. */
  penalty?(context: TraceContext<Settings>): Tensor;
  afterUpdate?(context: UpdateContext<Settings>): Promise<void>;
  /**
   * The pre-trained tensors (or those of a part of a layer) that compute the same without the method, by name; those trained in place
   * need not be told. Float64 inside.
   * Left out: the method cannot be merged.
   */
  merge?(context: MergeContext<Settings>): Iterable<readonly [name: string, values: Float32Array]>;
  /** Left out: what was trained travels as a merged model only. */
  readonly adapter?: AdapterFormat<Settings>;
  /** Where `peft` does not open the adapter. */
  readonly python?: PythonModule;
  /** What it does to one weight, as a picture. */
  readonly drawing?: Drawing<Settings>;
  /** FLOPs that a forward pass gains by the method's paper, which do not depend on tokens. Left out: the paper has no formula. */
  paperFlops?(model: AdaptedModel, settings: Settings): number;
}
