/**
 * RoBERTa and BERT: exactly the modules, in the order, of `RobertaModel` and `BertModel` in Hugging Face `transformers`, with the
 * heads of their `…ForSequenceClassification` and `…ForQuestionAnswering`.
 */
import { z } from 'zod';
import { activation, add, type Activation } from '../graph/ops/elementwise';
import { embedding } from '../graph/ops/embedding';
import { linear } from '../graph/ops/linear';
import { selectRows } from '../graph/ops/select';
import type { Tensor } from '../graph/tensor';
import { activationOf, checkConfig, checkHeads, refuseIn } from './core/config';
import { tracedNorm } from './core/layers';
import {
  dense,
  type Architecture,
  type BatchShape,
  type Head,
  type HiddenSite,
  type LinearSite,
  type Model,
  type Role,
  type Scope,
} from './core/model';

/** What differs between the two. */
type Family = 'roberta' | 'bert';

const size = z.number().int().positive();
const schema = z.looseObject({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  hidden_act: z.string().default('gelu'),
  max_position_embeddings: size,
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  pad_token_id: z.number().int().nonnegative().nullish(),
  initializer_range: z.number().positive().default(0.02),
  position_embedding_type: z.string().default('absolute'),
});

/** `transformers`' path of each linear layer inside a block. */
const paths = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  up: 'intermediate.dense',
  down: 'output.dense',
} as const satisfies Partial<Record<Role, string>>;
type Place = keyof typeof paths;
const places = Object.keys(paths) as Place[];

interface Sizes {
  readonly family: Family;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly hiddenActivation: Activation;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
}

/** The six layers of every block, by block. */
const sitesOf = ({ family, hiddenSize: d, intermediateSize: f, numHiddenLayers }: Sizes) =>
  Array.from({ length: numHiddenLayers }, (_, layer) =>
    Object.fromEntries(
      places.map((role): [Place, LinearSite] => [
        role,
        {
          role,
          layer,
          name: `${family}.encoder.layer.${layer}.${paths[role]}`,
          inFeatures: role === 'down' ? f : d,
          outFeatures: role === 'up' ? f : d,
        },
      ]),
    ),
  ) as Record<Place, LinearSite>[];

function traceBlocks(
  scope: Scope,
  shape: BatchShape,
  sizes: Sizes,
  sites: readonly Record<Place, LinearSite>[],
): Tensor {
  const { batchSize, length } = shape;
  const { family, hiddenSize, heads, padTokenId } = sizes;
  const { graph } = scope;
  const tokens = batchSize * length;
  const norm = (x: Tensor, name: string) => tracedNorm(scope, x, name, sizes.layerNormEps);

  const lengths = graph.input('lengths', [batchSize], 'u32');
  const embeddings = `${family}.embeddings`;
  const word = scope.table(`${embeddings}.word_embeddings.weight`, [sizes.vocabSize, hiddenSize]);
  const tables = {
    types: graph.input('tokenTypeIds', [tokens], 'u32'),
    lengths,
    word,
    position: scope.weight(`${embeddings}.position_embeddings.weight`, [sizes.maxPositionEmbeddings, hiddenSize]),
    typeTable: scope.weight(`${embeddings}.token_type_embeddings.weight`, [sizes.typeVocabSize, hiddenSize]),
  };
  const places =
    family === 'roberta'
      ? { length, paddingIndex: padTokenId, positionOffset: padTokenId + 1, padPosition: padTokenId }
      : { length, paddingIndex: padTokenId, positionOffset: 0 };
  const embedded = scope.embed(word, (ids) => embedding(graph, { ids, ...tables }, places), shape);
  let x = scope.embedded(scope.dropout(norm(embedded, `${embeddings}.LayerNorm`)));

  for (const [layer, at] of sites.entries())
    x = scope.inLayer(layer, () => {
      const block = `${family}.encoder.layer.${layer}`;
      const names = { attention: `${block}.attention.output`, feedForward: `${block}.output`, block };
      const hidden = (after: HiddenSite['after'], y: Tensor) =>
        scope.hidden({ name: names[after], layer, after, hiddenSize }, y);
      const query = scope.linear(at.query, x);
      const keys = scope.linear(at.key, x);
      const values = scope.linear(at.value, x);
      const context = scope.attend(layer, { query, keys, values, heads, causal: false }, shape);
      const attended = norm(
        add(graph, hidden('attention', scope.dropout(scope.linear(at.output, context))), x),
        `${block}.attention.output.LayerNorm`,
      );
      const inner = activation(graph, scope.linear(at.up, attended), sizes.hiddenActivation);
      return hidden(
        'block',
        norm(
          add(graph, hidden('feedForward', scope.dropout(scope.linear(at.down, inner))), attended),
          `${block}.output.LayerNorm`,
        ),
      );
    });
  return x;
}

/** RoBERTa trains a dense layer and the outputs; BERT's dense layer is its pre-trained pooler, which stays frozen, as with PEFT. */
function sequenceHead({ family, hiddenSize: d, numHiddenLayers }: Sizes, numLabels: number): Head {
  const output = family === 'roberta' ? 'classifier.out_proj' : 'classifier';
  const trained = [...(family === 'roberta' ? dense('classifier.dense', d, d) : []), ...dense(output, numLabels, d)];
  const shapes = new Map(trained.map(({ name, shape }) => [name, shape]));
  const apply = (scope: Scope, name: string, x: Tensor) => {
    const [weight, bias] = [`${name}.weight`, `${name}.bias`].map((full) =>
      scope.headParameter(full, shapes.get(full)!),
    ) as [Tensor, Tensor];
    return linear(scope.graph, { x, weight, bias });
  };
  const pooler: LinearSite = { name: 'bert.pooler.dense', layer: numHiddenLayers, inFeatures: d, outFeatures: d };
  return {
    className: family === 'roberta' ? 'RobertaForSequenceClassification' : 'BertForSequenceClassification',
    module: 'classifier',
    trained,
    ...(family === 'bert' && { bridge: { module: 'pooler', tensors: dense(pooler.name, d, d) } }),
    trace(scope, hidden, { length }) {
      const first = selectRows(scope.graph, hidden, length);
      const tanh = (x: Tensor) => activation(scope.graph, x, 'tanh');
      if (family === 'bert') return apply(scope, output, scope.headDropout(tanh(scope.linear(pooler, first)), 1));
      const inner = tanh(apply(scope, 'classifier.dense', scope.headDropout(first, 1)));
      return apply(scope, output, scope.headDropout(inner, 2));
    },
  };
}

/** Scores of every token as the first of an answer and as its last. */
function spanHead({ family, hiddenSize }: Sizes): Head {
  const name = 'qa_outputs';
  const trained = dense(name, 2, hiddenSize);
  return {
    className: family === 'roberta' ? 'RobertaForQuestionAnswering' : 'BertForQuestionAnswering',
    module: name,
    trained,
    trace(scope, hidden) {
      const [weight, bias] = trained.map((tensor) => scope.headParameter(tensor.name, tensor.shape)) as [
        Tensor,
        Tensor,
      ];
      return linear(scope.graph, { x: hidden, weight, bias });
    },
  };
}

function open(family: Family, json: Readonly<Record<string, unknown>>, label: string): Model {
  const refuse = refuseIn(label);
  const config = checkConfig(schema, json, label);
  if (config.position_embedding_type !== 'absolute')
    refuse(`position_embedding_type "${config.position_embedding_type}" is not supported; absolute is`);
  checkHeads(config.hidden_size, config.num_attention_heads, refuse);
  const padTokenId = config.pad_token_id ?? (family === 'roberta' ? 1 : 0);
  const sizes: Sizes = {
    family,
    vocabSize: config.vocab_size,
    hiddenSize: config.hidden_size,
    numHiddenLayers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
    hiddenActivation: activationOf(config.hidden_act, refuse),
    maxPositionEmbeddings: config.max_position_embeddings,
    typeVocabSize: config.type_vocab_size,
    layerNormEps: config.layer_norm_eps,
    padTokenId,
  };
  const sites = sitesOf(sizes);
  const prefix = `${family}.`;
  return {
    architecture: family,
    vocabSize: sizes.vocabSize,
    hiddenSize: sizes.hiddenSize,
    numHiddenLayers: sizes.numHiddenLayers,
    typeVocabSize: sizes.typeVocabSize,
    // RoBERTa's first `padTokenId + 1` positions are not used.
    longestInput: sizes.maxPositionEmbeddings - (family === 'roberta' ? padTokenId + 1 : 0),
    initializerRange: config.initializer_range,
    config: json,
    sites: sites.flatMap((block) => places.map((role) => block[role])),
    trace: (scope, shape) => traceBlocks(scope, shape, sizes, sites),
    sequenceHead: (numLabels) => sequenceHead(sizes, numLabels),
    spanHead: () => spanHead(sizes),
    storedNames(name) {
      // A bare encoder has no prefix, and old checkpoints call LayerNorm's tensors gamma and beta.
      const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
      const old = (text: string) =>
        text.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta');
      return [name, bare, old(name), old(bare)];
    },
  };
}

export const architectures: readonly Architecture[] = (['roberta', 'bert'] as const).map((family) => ({
  modelType: family,
  open: (config, label) => open(family, config, label),
}));
