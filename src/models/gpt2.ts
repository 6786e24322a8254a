/**
 * GPT-2: exactly the modules, in the order, of `GPT2Model` in Hugging Face `transformers`, with the heads of `GPT2LMHeadModel` (tied to
 * the word embedding) and `GPT2ForSequenceClassification` (the last token's state decides).
 *
 * Its checkpoints keep the linear layers of the blocks as `Conv1D`, `[in, out]`; here they are traced as `[out, in]` like all others.
 * Query, key and value lie side by side in `c_attn`, so each is a third of its rows.
 */
import { z } from 'zod';
import { activation, add, type Activation } from '../graph/ops/elementwise';
import { embedding } from '../graph/ops/embedding';
import { linear } from '../graph/ops/linear';
import { selectLast } from '../graph/ops/select';
import type { Tensor } from '../graph/tensor';
import { activationOf, checkConfig, checkHeads, refuseIn } from './core/config';
import { tracedNorm } from './core/layers';
import type { Architecture, BatchShape, Head, HiddenSite, LanguageHead, LinearSite, Model, Scope } from './core/model';

const size = z.number().int().positive();
const schema = z.looseObject({
  vocab_size: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_inner: size.nullish(),
  n_positions: size,
  activation_function: z.string().default('gelu_new'),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  initializer_range: z.number().positive().default(0.02),
});

/** Variants that compute something else, by the value under which they are what is traced here. */
const plainVariants = {
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  reorder_and_upcast_attn: false,
  add_cross_attention: false,
  tie_word_embeddings: true,
};

interface Sizes {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly heads: number;
  readonly innerSize: number;
  readonly positions: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
}

const wordTable = 'transformer.wte.weight';

/** The linear layers of a block. */
function sitesOf({ hiddenSize: d, innerSize }: Sizes, layer: number) {
  const block = `transformer.h.${layer}`;
  const joined: LinearSite = {
    name: `${block}.attn.c_attn`,
    role: 'qkv',
    layer,
    inFeatures: d,
    outFeatures: 3 * d,
  };
  const parts = (['query', 'key', 'value'] as const).map((role, i): LinearSite => {
    const partOf = { name: joined.name, from: i * d };
    return { name: `${joined.name}.${role}`, role, layer, inFeatures: d, outFeatures: d, partOf };
  });
  const output: LinearSite = { name: `${block}.attn.c_proj`, role: 'output', layer, inFeatures: d, outFeatures: d };
  const up: LinearSite = { name: `${block}.mlp.c_fc`, role: 'up', layer, inFeatures: d, outFeatures: innerSize };
  const down: LinearSite = { name: `${block}.mlp.c_proj`, role: 'down', layer, inFeatures: innerSize, outFeatures: d };
  return { block, joined, parts, output, up, down };
}

function traceBlocks(scope: Scope, shape: BatchShape, sizes: Sizes): Tensor {
  const { hiddenSize, heads, vocabSize, positions } = sizes;
  const { graph } = scope;
  const { batchSize, length } = shape;
  const norm = (x: Tensor, name: string) => tracedNorm(scope, x, name, sizes.layerNormEps);

  const word = scope.table(wordTable, [vocabSize, hiddenSize]);
  const tables = {
    lengths: graph.input('lengths', [batchSize], 'u32'),
    word,
    position: scope.weight('transformer.wpe.weight', [positions, hiddenSize]),
    ...(scope.positions && { positions: scope.positions }),
  };
  const lookUp = (ids: Tensor) => embedding(graph, { ids, ...tables }, { length, positionOffset: 0 });
  let x = scope.embedded(scope.dropout(scope.embed(word, lookUp, shape)));

  for (let layer = 0; layer < sizes.numHiddenLayers; layer++)
    x = scope.inLayer(layer, () => {
      const { block, joined, parts, output, up, down } = sitesOf(sizes, layer);
      const hidden = (after: HiddenSite['after'], name: string, y: Tensor) =>
        scope.hidden({ name, layer, after, hiddenSize }, y);
      const [query, keys, values] = scope.joined(joined, parts, norm(x, `${block}.ln_1`)) as [Tensor, Tensor, Tensor];
      const context = scope.attend(layer, { query, keys, values, heads, causal: true }, shape);
      const attended = add(
        graph,
        hidden('attention', `${block}.attn`, scope.dropout(scope.linear(output, context))),
        x,
      );
      const inner = activation(graph, scope.linear(up, norm(attended, `${block}.ln_2`)), sizes.activation);
      const forward = hidden('feedForward', `${block}.mlp`, scope.dropout(scope.linear(down, inner)));
      return hidden('block', block, add(graph, forward, attended));
    });
  return norm(x, 'transformer.ln_f');
}

/** The next token's scores are products with the embedding of each word. */
const languageHead = ({ vocabSize, hiddenSize }: Sizes): LanguageHead => ({
  className: 'GPT2LMHeadModel',
  module: 'lm_head',
  trained: [],
  trace: (_scope, hidden) => hidden,
  table: (scope) => scope.table(wordTable, [vocabSize, hiddenSize]),
});

function sequenceHead({ hiddenSize }: Sizes, numLabels: number): Head {
  const shape = [numLabels, hiddenSize];
  return {
    className: 'GPT2ForSequenceClassification',
    module: 'score',
    trained: [{ name: 'score.weight', shape, initial: 'normal' }],
    trace(scope, hidden, { batchSize, length }) {
      const { graph } = scope;
      const last = selectLast(graph, hidden, graph.input('lengths', [batchSize], 'u32'), length);
      return linear(graph, { x: last, weight: scope.headParameter('score.weight', shape) });
    },
  };
}

function open(json: Readonly<Record<string, unknown>>, label: string): Model {
  const refuse = refuseIn(label);
  const config = checkConfig(schema, json, label);
  for (const [field, plain] of Object.entries(plainVariants))
    if ((json[field] ?? plain) !== plain)
      refuse(`${field} ${JSON.stringify(json[field])} is not supported; a GPT-2 with ${String(plain)} is`);
  checkHeads(config.n_embd, config.n_head, refuse, ['n_embd', 'n_head']);
  const sizes: Sizes = {
    vocabSize: config.vocab_size,
    hiddenSize: config.n_embd,
    numHiddenLayers: config.n_layer,
    heads: config.n_head,
    innerSize: config.n_inner ?? 4 * config.n_embd,
    positions: config.n_positions,
    activation: activationOf(config.activation_function, refuse, 'activation_function'),
    layerNormEps: config.layer_norm_epsilon,
  };
  const blocks = Array.from({ length: sizes.numHiddenLayers }, (_, layer) => sitesOf(sizes, layer));
  const prefix = 'transformer.';
  return {
    architecture: 'gpt2',
    vocabSize: sizes.vocabSize,
    hiddenSize: sizes.hiddenSize,
    numHiddenLayers: sizes.numHiddenLayers,
    typeVocabSize: 1,
    longestInput: sizes.positions,
    initializerRange: config.initializer_range,
    config: json,
    sites: blocks.flatMap(({ parts, output, up, down }) => [...parts, output, up, down]),
    trace: (scope, shape) => traceBlocks(scope, shape, sizes),
    sequenceHead: (numLabels) => sequenceHead(sizes, numLabels),
    languageHead: () => languageHead(sizes),
    // The hub's own checkpoints hold a bare GPT2Model, without the prefix.
    storedNames: (name) => [name, name.startsWith(prefix) ? name.slice(prefix.length) : name],
    isTransposed: (name) => /\.(c_attn|c_proj|c_fc)\.weight$/.test(name),
  };
}

export const architectures: readonly Architecture[] = [{ modelType: 'gpt2', open }];
