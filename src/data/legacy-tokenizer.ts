/**
 * Tokenizers of older checkpoint folders, which have no `tokenizer.json`: byte-level BPE from `vocab.json` and `merges.txt`
 * (RoBERTa, GPT-2) and WordPiece from `vocab.txt` (BERT). Builds the `tokenizer.json` that transformers' converter
 * (`convert_slow_tokenizer.py`) would write for them.
 */
import { UserError } from '../errors';
import type { TokenizerJson } from './tokenizer-json';

/** Reads a text file of the folder; undefined where it is not there. */
type ReadText = (name: string) => Promise<string | undefined>;

/**
 * @param label the folder's name, for errors
 * @throws UserError `data/tokenizer-missing`, `data/tokenizer-invalid`
 */
export async function legacyTokenizer(
  read: ReadText,
  config: Record<string, unknown>,
  label: string,
): Promise<TokenizerJson> {
  const wordPiece = await read('vocab.txt');
  if (wordPiece !== undefined) return bertTokenizer(wordPiece, config);
  const vocab = await read('vocab.json');
  const merges = vocab === undefined ? undefined : await read('merges.txt');
  if (vocab !== undefined && merges !== undefined) return byteLevelTokenizer(parseVocab(vocab, label), merges, config);
  throw new UserError(
    'data/tokenizer-missing',
    `${label} has no tokenizer: add tokenizer.json (or vocab.json and merges.txt, or vocab.txt) to the folder.`,
  );
}

function parseVocab(text: string, label: string): Record<string, number> {
  let vocab: unknown;
  try {
    vocab = JSON.parse(text);
  } catch {
    // Reported below, with what else it may be.
  }
  const isVocab =
    vocab !== null && typeof vocab === 'object' && Object.values(vocab).every((id) => Number.isInteger(id));
  if (isVocab) return vocab as Record<string, number>;
  throw new UserError(
    'data/tokenizer-invalid',
    `vocab.json of ${label} is not a JSON object of token ids; fetch the checkpoint again.`,
  );
}

function byteLevelTokenizer(
  vocab: Record<string, number>,
  merges: string,
  config: Record<string, unknown>,
): TokenizerJson {
  const roberta = '<s>' in vocab && '</s>' in vocab;
  const prefix = config['add_prefix_space'] === true;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true, use_regex: true };
  const sep = ['</s>', vocab['</s>']];
  const cls = ['<s>', vocab['<s>']];
  return {
    // RoBERTa's <mask> swallows the space before it, as in its slow tokenizer.
    added_tokens: specialTokens(vocab, ['<s>', '<pad>', '</s>', '<unk>', '<mask>', '<|endoftext|>'], ['<mask>']),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: roberta
      ? { type: 'RobertaProcessing', sep, cls, trim_offsets: true, add_prefix_space: prefix }
      : { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      vocab,
      merges: lines(merges).filter((line, i) => line && !(i === 0 && line.startsWith('#version'))),
    },
  };
}

function bertTokenizer(text: string, config: Record<string, unknown>): TokenizerJson {
  const vocab = Object.fromEntries(lines(text).map((token, id) => [token, id]));
  delete vocab[''];
  const slot = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
  const sequence = (id: string, typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const single = [slot('[CLS]', 0), sequence('A', 0), slot('[SEP]', 0)];
  return {
    added_tokens: specialTokens(vocab, ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config['tokenize_chinese_chars'] ?? true,
      strip_accents: config['strip_accents'] ?? null,
      lowercase: config['do_lower_case'] ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'TemplateProcessing', single, pair: [...single, sequence('B', 1), slot('[SEP]', 1)] },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

const lines = (text: string) => text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));

function specialTokens(vocab: Record<string, number>, names: string[], lstrip: string[] = []) {
  return names
    .filter((content) => content in vocab)
    .map((content) => ({
      id: vocab[content]!,
      content,
      single_word: false,
      lstrip: lstrip.includes(content),
      rstrip: false,
      normalized: false,
      special: true,
    }));
}
