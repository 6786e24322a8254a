/**
 * What the engine knows of a pre-trained model: an architecture's file reads `config.json` and traces the layers; whatever else wants
 * to know them (methods, exports, counts) looks at that one trace.
 *
 * While it traces, a model asks a `Scope` for every weight and hands every place where a fine-tuning method may act to it, so that
 * no architecture knows a method and no method an architecture.
 */
import type { Graph } from '../../graph/graph';
import type { Tensor } from '../../graph/tensor';

/** What a linear layer of a block does; the paper's q, k, v, o and the feed-forward's two, and all of q, k, v where a model has them in one. */
export const roles = ['query', 'key', 'value', 'output', 'up', 'down', 'qkv'] as const;
export type Role = (typeof roles)[number];

export interface BatchShape {
  readonly batchSize: number;
  /** Tokens of a padded row. */
  readonly length: number;
}

/** One linear layer of the pre-trained model. */
export interface LinearSite {
  /** `transformers`' path of the module, e.g. `roberta.encoder.layer.0.attention.self.query`. */
  readonly name: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Undefined for a layer outside the blocks, such as BERT's pooler. */
  readonly role?: Role;
  /** Block from 0; `numHiddenLayers` for a layer above the blocks. */
  readonly layer: number;
  /** For a layer that is a part of another, such as the query in GPT-2's `c_attn`: its weight and bias are rows of that one's. */
  readonly partOf?: { readonly name: string; readonly from: number };
}

/** A hidden state of a block: about to be added to the residual stream, or (`block`) as it leaves the block. */
export interface HiddenSite {
  /** `transformers`' path of the module it comes out of. */
  readonly name: string;
  readonly layer: number;
  readonly after: 'attention' | 'feedForward' | 'block';
  readonly hiddenSize: number;
}

/** A tensor of the pre-trained model. */
export interface ModelTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Block from 0; -1 below the first (embeddings), `numHiddenLayers` above the last (a pooler). */
  readonly layer: number;
}

export interface KeysValues {
  /** `[batchSize · length, hiddenSize]`, heads side by side. */
  readonly keys: Tensor;
  readonly values: Tensor;
}

export interface Attention extends KeysValues {
  readonly query: Tensor;
  readonly heads: number;
  /** Whether a token sees only itself and those before it. */
  readonly causal: boolean;
}

/** What a model needs of its surroundings while it is traced. */
export interface Scope {
  readonly graph: Graph;
  /** A weight or bias of the pre-trained model: frozen, trained or rewritten, as the method has it. Matrices may be stored as f16. */
  weight(name: string, shape: readonly number[]): Tensor;
  /** A matrix that is read row by row, such as an embedding: in one piece, or in blocks of rows where the device binds no more. */
  table(name: string, shape: readonly [number, number]): readonly Tensor[];
  /** A tensor of the task's head, always trained. */
  headParameter(name: string, shape: readonly number[]): Tensor;
  /** A linear layer with its `<name>.weight [out, in]` and `<name>.bias [out]`, as the method rewrites it. */
  linear(site: LinearSite, x: Tensor): Tensor;
  /** A linear layer that is several of equal size side by side: what each of its parts gives. Methods act on the whole or on parts. */
  joined(whole: LinearSite, parts: readonly LinearSite[], x: Tensor): Tensor[];
  hidden(site: HiddenSite, x: Tensor): Tensor;
  /** Attention over what this run sees: the rows of the batch, or a cache. Its dropout is the trace's next mask. */
  attend(layer: number, given: Attention, shape: BatchShape): Tensor;
  /** Positions of the tokens `[batchSize · length]` u32, where they do not follow from the padded shape. */
  readonly positions?: Tensor;
  /** Looks tokens up, `[batchSize · length]` u32, which are the input `inputIds`; `words` are the table's blocks. */
  embed(words: readonly Tensor[], lookUp: (ids: Tensor) => Tensor, shape: BatchShape): Tensor;
  /** The embedded input, before the first block. */
  embedded(x: Tensor): Tensor;
  /** Hidden dropout; the n-th call of a trace has the n-th mask. */
  dropout(x: Tensor): Tensor;
  /** Dropout in the head, whose masks do not depend on the number of blocks. `at` tells the head's own apart. */
  headDropout(x: Tensor, at: number): Tensor;
  /** Runs `trace` with its nodes counted to block `layer`. */
  inLayer<T>(layer: number, trace: () => T): T;
}

/** A tensor that `transformers` would draw where the checkpoint lacks it. */
export interface HeadTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'normal' | 'zeros';
}

/** What a task puts on top of a model. */
export interface Head {
  /** The `transformers` class that has it, e.g. `RobertaForSequenceClassification`. */
  readonly className: string;
  /** Name of the module that holds it, as in PEFT's `modules_to_save`. */
  readonly module: string;
  readonly trained: readonly HeadTensor[];
  /** Pre-trained tensors between model and head that a bare checkpoint may lack (BERT's pooler), and the module that holds them. */
  readonly bridge?: { readonly module: string; readonly tensors: readonly HeadTensor[] };
  /** @param hidden `[batchSize · length, hiddenSize]` @returns the task's outputs */
  trace(scope: Scope, hidden: Tensor, shape: BatchShape): Tensor;
  /** The matrix `[vocabSize, hiddenSize]` whose products with a state score the next token; only a language model's head has it. */
  table?(scope: Scope): readonly Tensor[];
}

/** The head that predicts the next token. */
export type LanguageHead = Head & Required<Pick<Head, 'table'>>;

/** An opened `config.json`. */
export interface Model {
  /** `model_type`. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  /** Token types the model has embeddings for. */
  readonly typeVocabSize: number;
  /** Longest row the position table allows, special tokens included. */
  readonly longestInput: number;
  /** Standard deviation of newly drawn matrices. */
  readonly initializerRange: number;
  /** `config.json` as it was read, for exports. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Linear layers of the blocks in execution order. */
  readonly sites: readonly LinearSite[];
  /** Inputs: `inputIds`, `tokenTypeIds` `[batchSize · length]`, `lengths [batchSize]`, u32. @returns `[batchSize · length, hiddenSize]` */
  trace(scope: Scope, shape: BatchShape): Tensor;
  /** The head of `…ForSequenceClassification`. */
  sequenceHead(numLabels: number): Head;
  /** The head of `…ForQuestionAnswering`: `[batchSize · length, 2]`. Left out: the model does not point into a text. */
  spanHead?(): Head;
  /** The head of `…LMHeadModel`. Left out: the model does not predict a next token. */
  languageHead?(): LanguageHead;
  /** Names under which a checkpoint may keep a tensor, the usual one first. */
  storedNames(name: string): string[];
  /** Whether checkpoints store this matrix as `[in, out]`, and not `[out, in]` as it is traced. Left out: none is. */
  isTransposed?(name: string): boolean;
}

/** A family of checkpoints, by the `model_type` of their `config.json`. */
export interface Architecture {
  readonly modelType: string;
  /** @param label what messages call the checkpoint @throws UserError `model/config` */
  open(config: Readonly<Record<string, unknown>>, label: string): Model;
}

/** Two tensors of a dense layer as `transformers` draws them. */
export const dense = (name: string, outFeatures: number, inFeatures: number): HeadTensor[] => [
  { name: `${name}.weight`, shape: [outFeatures, inFeatures], initial: 'normal' },
  { name: `${name}.bias`, shape: [outFeatures], initial: 'zeros' },
];
