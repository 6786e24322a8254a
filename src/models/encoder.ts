/**
 * The RoBERTa and BERT encoder with its classification head, traced for one batch shape: exactly the modules, in the order, of
 * `RobertaForSequenceClassification` and `BertForSequenceClassification` in Hugging Face `transformers`.
 *
 * Every linear layer inside the encoder is handed to `applyLinear`, where a fine-tuning method may rewrite it.
 */
import type { Graph } from '../graph/graph';
import { attention } from '../graph/ops/attention';
import { activation, add, dropout } from '../graph/ops/elementwise';
import { embedding } from '../graph/ops/embedding';
import { layerNorm } from '../graph/ops/layer-norm';
import { linear } from '../graph/ops/linear';
import { selectRows } from '../graph/ops/select';
import type { Tensor } from '../graph/tensor';
import type { EncoderConfig } from './config';

export const targetModules = ['query', 'key', 'value', 'output', 'up', 'down'] as const;
/** A linear layer of a block: attention's `query`, `key`, `value`, `output`, the feed-forward `up` and `down`. */
export type TargetModule = (typeof targetModules)[number];

/** `transformers`' path of each target inside a block. */
export const modulePaths: Readonly<Record<TargetModule, string>> = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  up: 'intermediate.dense',
  down: 'output.dense',
};

/** One linear layer of the encoder. */
export interface LinearSite {
  readonly target: TargetModule;
  readonly layer: number;
  /** E.g. `roberta.encoder.layer.0.attention.self.query`. */
  readonly name: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** All linear layers of the encoder's blocks, in execution order. */
export function linearSites(config: EncoderConfig): LinearSite[] {
  const { hiddenSize: d, intermediateSize: f } = config;
  return Array.from({ length: config.numHiddenLayers }, (_, layer) =>
    targetModules.map((target) => ({
      target,
      layer,
      name: `${config.architecture}.encoder.layer.${layer}.${modulePaths[target]}`,
      inFeatures: target === 'down' ? f : d,
      outFeatures: target === 'up' ? f : d,
    })),
  ).flat();
}

export type ApplyLinear = (site: LinearSite, x: Tensor, weight: Tensor, bias: Tensor) => Tensor;

export interface EncoderInputs {
  readonly config: EncoderConfig;
  /** Rows of the batch and tokens of a padded row. */
  readonly batchSize: number;
  readonly length: number;
  /** Storage of frozen matrices; vectors are always f32. */
  readonly weights: 'f32' | 'f16';
  /** Hidden and attention dropout probability; 0 when evaluating. */
  readonly dropout: number;
  readonly applyLinear: ApplyLinear;
}

/** Traces embeddings and blocks. Inputs: `inputIds`, `tokenTypeIds` `[batchSize · length]`, `lengths [batchSize]`, u32. @returns `[batchSize · length, hiddenSize]` */
export function traceEncoder(graph: Graph, inputs: EncoderInputs): Tensor {
  const { config, batchSize, length, applyLinear } = inputs;
  const { architecture, hiddenSize, numAttentionHeads: heads, padTokenId: paddingIndex } = config;
  const tokens = batchSize * length;
  const matrix = (name: string, shape: readonly number[]) => graph.weight(name, shape, inputs.weights);
  let site = 0;
  const drop = (x: Tensor) => dropout(graph, x, inputs.dropout, ++site);
  const norm = (x: Tensor, name: string) =>
    layerNorm(
      graph,
      x,
      graph.weight(`${name}.weight`, [hiddenSize]),
      graph.weight(`${name}.bias`, [hiddenSize]),
      config.layerNormEps,
    );

  const lengths = graph.input('lengths', [batchSize], 'u32');
  const embeddings = `${architecture}.embeddings`;
  let x = embedding(
    graph,
    {
      ids: graph.input('inputIds', [tokens], 'u32'),
      types: graph.input('tokenTypeIds', [tokens], 'u32'),
      lengths,
      word: matrix(`${embeddings}.word_embeddings.weight`, [config.vocabSize, hiddenSize]),
      position: matrix(`${embeddings}.position_embeddings.weight`, [config.maxPositionEmbeddings, hiddenSize]),
      typeTable: matrix(`${embeddings}.token_type_embeddings.weight`, [config.typeVocabSize, hiddenSize]),
    },
    architecture === 'roberta'
      ? { length, paddingIndex, positionOffset: paddingIndex + 1, padPosition: paddingIndex }
      : { length, paddingIndex, positionOffset: 0 },
  );
  x = drop(norm(x, `${embeddings}.LayerNorm`));

  const sites = linearSites(config);
  const traceLayer = (layer: number) => {
    const block = `${architecture}.encoder.layer.${layer}`;
    const apply = (target: TargetModule, input: Tensor) => {
      const at = sites[layer * targetModules.length + targetModules.indexOf(target)]!;
      return applyLinear(
        at,
        input,
        matrix(`${at.name}.weight`, [at.outFeatures, at.inFeatures]),
        graph.weight(`${at.name}.bias`, [at.outFeatures]),
      );
    };
    const [q, k, v] = [apply('query', x), apply('key', x), apply('value', x)];
    const context = attention(
      graph,
      { q, k, v, lengths },
      { heads, length, probability: inputs.dropout, site: ++site },
    );
    x = norm(add(graph, drop(apply('output', context)), x), `${block}.attention.output.LayerNorm`);
    const hidden = activation(graph, apply('up', x), config.hiddenActivation);
    x = norm(add(graph, drop(apply('down', hidden)), x), `${block}.output.LayerNorm`);
  };
  // A layer is what may be recomputed as a whole.
  for (let layer = 0; layer < config.numHiddenLayers; layer++) graph.inSegment(layer, () => traceLayer(layer));
  return x;
}

/** A tensor of the classification head and how `transformers` initialises it. */
export interface HeadTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'normal' | 'zeros';
}

const dense = (name: string, outFeatures: number, inFeatures: number): HeadTensor[] => [
  { name: `${name}.weight`, shape: [outFeatures, inFeatures], initial: 'normal' },
  { name: `${name}.bias`, shape: [outFeatures], initial: 'zeros' },
];

/** The head's trainable tensors. BERT's pooler is pre-trained and stays frozen, as with PEFT. */
export function headTensors(config: EncoderConfig, numLabels: number): HeadTensor[] {
  const d = config.hiddenSize;
  return config.architecture === 'roberta'
    ? [...dense('classifier.dense', d, d), ...dense('classifier.out_proj', numLabels, d)]
    : dense('classifier', numLabels, d);
}

/** BERT's pooler, which a checkpoint without a head still has. */
export function poolerTensors(config: EncoderConfig): HeadTensor[] {
  return config.architecture === 'bert' ? dense('bert.pooler.dense', config.hiddenSize, config.hiddenSize) : [];
}

/** Traces the head on the first token of each row. @returns logits `[batchSize, numLabels]` */
export function traceHead(
  graph: Graph,
  hidden: Tensor,
  { config, length, dropout: probability }: EncoderInputs,
  numLabels: number,
): Tensor {
  const trained = new Map(
    headTensors(config, numLabels).map(({ name, shape }) => [name, graph.parameter(name, shape)]),
  );
  // Sites far from the encoder's, so that adding a block moves no mask of the head.
  const drop = (x: Tensor, at: number) => dropout(graph, x, probability, 1_000_000 + at);
  const apply = (name: string, x: Tensor) =>
    linear(graph, { x, weight: trained.get(`${name}.weight`)!, bias: trained.get(`${name}.bias`) });
  const first = selectRows(graph, hidden, length);
  if (config.architecture === 'roberta')
    return apply('classifier.out_proj', drop(activation(graph, apply('classifier.dense', drop(first, 1)), 'tanh'), 2));
  const d = config.hiddenSize;
  const pooled = activation(
    graph,
    linear(graph, {
      x: first,
      weight: graph.weight('bert.pooler.dense.weight', [d, d]),
      bias: graph.weight('bert.pooler.dense.bias', [d]),
    }),
    'tanh',
  );
  return apply('classifier', drop(pooled, 1));
}
