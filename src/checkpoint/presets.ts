/**
 * Checkpoints of the hub that are offered by name, with as much of their `config.json` as a cost estimate needs, so that the page
 * tells what a run would take before anything is downloaded. A run reads the checkpoint's own file.
 */
export interface CheckpointPreset {
  readonly repository: string;
  readonly title: string;
  /** Size of `model.safetensors`, in millions of bytes. */
  readonly megabytes: number;
  readonly config: Readonly<Record<string, number | string>>;
}

const roberta = {
  model_type: 'roberta',
  vocab_size: 50265,
  max_position_embeddings: 514,
  type_vocab_size: 1,
  pad_token_id: 1,
};
const bert = {
  model_type: 'bert',
  vocab_size: 30522,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  pad_token_id: 0,
};
const size = (hidden: number, layers: number, heads: number) => ({
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  intermediate_size: 4 * hidden,
});

const gpt2 = { model_type: 'gpt2', vocab_size: 50257, n_positions: 1024 };

export const checkpointPresets: readonly CheckpointPreset[] = [
  {
    repository: 'FacebookAI/roberta-base',
    title: 'RoBERTa base',
    megabytes: 499,
    config: { ...roberta, ...size(768, 12, 12) },
  },
  {
    repository: 'FacebookAI/roberta-large',
    title: 'RoBERTa large',
    megabytes: 1422,
    config: { ...roberta, ...size(1024, 24, 16) },
  },
  {
    repository: 'distilbert/distilroberta-base',
    title: 'DistilRoBERTa base',
    megabytes: 331,
    config: { ...roberta, ...size(768, 6, 12) },
  },
  {
    repository: 'sentence-transformers/all-MiniLM-L6-v2',
    title: 'MiniLM L6',
    megabytes: 91,
    config: { ...bert, ...size(384, 6, 12) },
  },
  {
    repository: 'google-bert/bert-base-uncased',
    title: 'BERT base, uncased',
    megabytes: 440,
    config: { ...bert, ...size(768, 12, 12) },
  },
  {
    repository: 'distilbert/distilgpt2',
    title: 'DistilGPT-2',
    megabytes: 353,
    config: { ...gpt2, n_embd: 768, n_layer: 6, n_head: 12 },
  },
  {
    repository: 'openai-community/gpt2',
    title: 'GPT-2',
    megabytes: 548,
    config: { ...gpt2, n_embd: 768, n_layer: 12, n_head: 12 },
  },
  {
    repository: 'openai-community/gpt2-medium',
    title: 'GPT-2 medium',
    megabytes: 1520,
    config: { ...gpt2, n_embd: 1024, n_layer: 24, n_head: 16 },
  },
];
