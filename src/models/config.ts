/** `config.json` of RoBERTa and BERT, as Hugging Face `transformers` writes it, checked and in our words. */
import { z } from 'zod';
import { UserError } from '../errors';
import type { Activation } from '../graph/ops/elementwise';

export interface EncoderConfig {
  readonly architecture: 'roberta' | 'bert';
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenActivation: Activation;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
  readonly initializerRange: number;
  /** The file as it was read, for exports. */
  readonly json: Readonly<Record<string, unknown>>;
}

const size = z.number().int().positive();

const schema = z.looseObject({
  model_type: z.string(),
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

const activationNames: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
};

/**
 * @param label what messages call the checkpoint
 * @throws UserError `model/architecture`, `model/config`
 */
export function parseConfig(json: unknown, label: string): EncoderConfig {
  const type = (json as { model_type?: unknown } | null)?.model_type;
  if (type !== 'roberta' && type !== 'bert')
    throw new UserError(
      'model/architecture',
      `${label} is of model_type ${JSON.stringify(type) ?? 'unknown'}; this version trains roberta and bert.`,
    );
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError('model/config', `config.json of ${label}: ${issue.path.join('.')}: ${issue.message}.`);
  }
  const config = parsed.data;
  const fail = (problem: string) => {
    throw new UserError('model/config', `config.json of ${label}: ${problem}.`);
  };
  const hiddenActivation = activationNames[config.hidden_act];
  if (!hiddenActivation)
    return fail(`hidden_act "${config.hidden_act}" is not supported; ${Object.keys(activationNames).join(', ')} are`);
  if (config.position_embedding_type !== 'absolute')
    fail(`position_embedding_type "${config.position_embedding_type}" is not supported; absolute is`);
  if (config.hidden_size % config.num_attention_heads)
    fail(`hidden_size ${config.hidden_size} is not a multiple of num_attention_heads ${config.num_attention_heads}`);
  if ((config.hidden_size / config.num_attention_heads) % 4)
    fail(
      `a head size of ${config.hidden_size / config.num_attention_heads} is not supported; it must be a multiple of 4`,
    );
  return {
    architecture: type,
    vocabSize: config.vocab_size,
    hiddenSize: config.hidden_size,
    numHiddenLayers: config.num_hidden_layers,
    numAttentionHeads: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
    hiddenActivation,
    maxPositionEmbeddings: config.max_position_embeddings,
    typeVocabSize: config.type_vocab_size,
    layerNormEps: config.layer_norm_eps,
    padTokenId: config.pad_token_id ?? (type === 'roberta' ? 1 : 0),
    initializerRange: config.initializer_range,
    json: json as Record<string, unknown>,
  };
}

/** Longest row the position table allows, special tokens included. RoBERTa's first `padTokenId + 1` positions are not used. */
export function longestInput(config: EncoderConfig): number {
  return config.maxPositionEmbeddings - (config.architecture === 'roberta' ? config.padTokenId + 1 : 0);
}
