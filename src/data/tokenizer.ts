/**
 * Text to token ids, exactly as Hugging Face transformers does it, from the files of a checkpoint folder.
 *
 * The tokenisation itself is `@huggingface/tokenizers`, the core of transformers.js without its models and ONNX runtime
 * (12 KB compressed; imported when the first tokenizer is loaded). It neither truncates pairs nor agrees with the reference
 * on RoBERTa's segment ids, so special tokens, truncation and segment ids are done here.
 */
import type { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import type { FileSource } from '../checkpoint/source';
import { UserError } from '../errors';
import { legacyTokenizer } from './legacy-tokenizer';
import { decodeUtf8 } from './text';
import { placesOf, type TokenPlaces } from './token-places';
import { tokenizerJsonSchema, type TokenizerJson } from './tokenizer-json';

export interface Encoding {
  /** With special tokens, at most `maxLength`. */
  inputIds: number[];
  /** 0 for the first text and its special tokens, 1 for the second (BERT); always 0 for RoBERTa. */
  tokenTypeIds: number[];
  /** Whether text was cut to fit. */
  truncated: boolean;
}

/** Two texts with the special tokens around them. */
export interface Assembled extends Omit<Encoding, 'truncated'> {
  /** Where the first text's tokens begin, and the second's. */
  readonly firstAt: number;
  readonly secondAt: number;
}

export interface TextTokenizer {
  /**
   * @param pair second text; `undefined` for a single text (an empty second text is still a second text)
   * @param maxLength longest result in tokens; pairs are cut longest first
   * @throws UserError `data/max-length` where not even the special tokens fit
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  readonly padTokenId: number;
  /** The end of a text, as GPT-2 has it; undefined where the tokenizer names none. */
  readonly eosTokenId: number | undefined;
  /** Tokens of a text without any special ones. */
  ids(text: string): number[];
  /** Tokens of a text without any special ones, and where each stands in it. @throws UserError `data/tokenizer-places` */
  located(text: string): { readonly ids: number[]; readonly places: TokenPlaces };
  /** Tokens of two texts, without special ones, as the tokenizer puts them together. */
  assemble(first: readonly number[], second: readonly number[]): Assembled;
  /** Special tokens that a pair of texts gains. */
  readonly addedToPair: number;
  /** What stands for a token that is hidden, as encoders have it; undefined where the tokenizer names none. */
  readonly maskTokenId: number | undefined;
  /** Ids run from 0 to one less than this. */
  readonly vocabSize: number;
  readonly specialTokenIds: ReadonlySet<number>;
  /** Tokens as the vocabulary spells them, e.g. `Ġthe` or `##ing`. */
  tokens(ids: ArrayLike<number>): string[];
  /**
   * Tokens as a person reads them, with the space before a new word: `" the"`, `"ing"`. One for each id; where
   * several ids spell one character, the first has it and the rest are empty.
   */
  pieces(ids: ArrayLike<number>): string[];
  /** Back to text, without special tokens. */
  decode(ids: ArrayLike<number>): string;
  /** The files that make this tokenizer, by name, for an exported folder. */
  files(): Map<string, Uint8Array>;
}

const special = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);
const configSchema = z.looseObject({
  tokenizer_class: z.string().nullish(),
  pad_token: special.nullish(),
  eos_token: special.nullish(),
  mask_token: special.nullish(),
});

/**
 * Loads the tokenizer of a checkpoint folder: `tokenizer.json`, or what older folders have instead (`vocab.json` and
 * `merges.txt`, or `vocab.txt`).
 *
 * @throws UserError `data/tokenizer-missing`, `data/tokenizer-invalid`
 */
export async function loadTokenizer(source: FileSource): Promise<TextTokenizer> {
  const files = new Map<string, Uint8Array>();
  const read = async (name: string) => {
    if (!(await source.exists(name))) return undefined;
    const bytes = await source.read(name);
    files.set(name, bytes);
    return decodeUtf8(bytes, `${name} of ${source.label}`);
  };
  const readJson = async <Schema extends z.ZodType>(name: string, schema: Schema) => {
    const text = await read(name);
    return text === undefined ? undefined : parseJson(text, schema, `${name} of ${source.label}`);
  };

  let config = (await readJson('tokenizer_config.json', configSchema)) ?? {};
  let json = await readJson('tokenizer.json', tokenizerJsonSchema);
  if (!json) {
    // Folders of that age name their special tokens in a file of its own.
    config = { ...(await readJson('special_tokens_map.json', configSchema)), ...config };
    json = await legacyTokenizer(read, config, source.label);
  }
  const tokenizerClass = config.tokenizer_class;
  if (!tokenizerClass || tokenizerClass === 'TokenizersBackend') {
    // transformers 5 writes "TokenizersBackend", which 4 and others refuse: name the class all of them know.
    const named = JSON.stringify({ ...config, tokenizer_class: knownClass(json) }, null, 2);
    files.set('tokenizer_config.json', new TextEncoder().encode(`${named}\n`));
  }
  const { Tokenizer } = await import('@huggingface/tokenizers');
  try {
    return wrap(new Tokenizer(json, config), json, config, files);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw invalid(`The tokenizer of ${source.label}`, cause);
  }
}

function wrap(
  tokenizer: Tokenizer,
  json: TokenizerJson,
  config: z.output<typeof configSchema>,
  files: Map<string, Uint8Array>,
): TextTokenizer {
  const single = template(tokenizer, json, false);
  const paired = template(tokenizer, json, true);
  const wordPiece = json.model.type === 'WordPiece' || (json.decoder as { type?: string } | null)?.type === 'WordPiece';
  const padToken = [config.pad_token, '<pad>', '[PAD]', config.eos_token].find(
    (token) => token && tokenizer.token_to_id(token) !== undefined,
  );
  if (!padToken) throw new Error('it has no padding token');
  const specialTokenIds = new Set(json.added_tokens.filter((token) => token['special']).map(({ id }) => id));
  const spell = (id: number) => tokenizer.id_to_token(id) ?? `[${id}]`;
  const read = (ids: number[]) => tokenizer.decode(ids, { clean_up_tokenization_spaces: false });
  // Bytes that no vocabulary entry covers have no id; the reference leaves them out too.
  const ids = (text: string) =>
    tokenizer.encode(text, { add_special_tokens: false }).ids.filter((id) => id !== undefined);

  const put = (layout: Template, first: readonly number[], second: readonly number[]): Assembled => {
    const inputIds: number[] = [];
    const tokenTypeIds: number[] = [];
    let [firstAt, secondAt] = [0, 0];
    for (const slot of layout.slots) {
      if (slot.part === 'A') firstAt = inputIds.length;
      if (slot.part === 'B') secondAt = inputIds.length;
      const part = slot.part === 'A' ? first : slot.part === 'B' ? second : [slot.part];
      for (const id of part) {
        inputIds.push(id);
        tokenTypeIds.push(slot.typeId);
      }
    }
    return { inputIds, tokenTypeIds, firstAt, secondAt };
  };
  const places = placesOf(json);
  const maskToken = [config.mask_token, '<mask>', '[MASK]'].find(
    (token) => token && tokenizer.token_to_id(token) !== undefined,
  );

  return {
    padTokenId: tokenizer.token_to_id(padToken)!,
    maskTokenId: maskToken ? tokenizer.token_to_id(maskToken) : undefined,
    addedToPair: paired.added,
    assemble: (first, second) => put(paired, first, second),
    located(text) {
      if (!places)
        throw new UserError(
          'data/tokenizer-places',
          'This tokenizer does not tell where its tokens stand in a text; take a checkpoint with a byte-level BPE or WordPiece tokenizer.',
        );
      const found = ids(text);
      return { ids: found, places: places(text, found.map(spell)) };
    },
    eosTokenId: tokenizer.token_to_id(config.eos_token ?? '<|endoftext|>'),
    ids,
    vocabSize: tokenizer.get_vocab().size,
    specialTokenIds,
    encode(text, pair, maxLength) {
      const first = ids(text);
      const second = pair === undefined ? [] : ids(pair);
      const layout = pair === undefined ? single : paired;
      const room = maxLength - layout.added;
      if (!(room >= 0)) {
        throw new UserError(
          'data/max-length',
          `maxLength ${maxLength} leaves no room: this tokenizer adds ${layout.added} special tokens; raise it.`,
        );
      }
      const [firstLength, secondLength] = truncatedLengths(first.length, second.length, room);
      const truncated = firstLength < first.length || secondLength < second.length;
      first.length = firstLength;
      second.length = secondLength;
      const { inputIds, tokenTypeIds } = put(layout, first, second);
      return { inputIds, tokenTypeIds, truncated };
    },
    tokens: (list) => Array.from(list, spell),
    pieces(list) {
      const all = Array.from(list);
      const pieces: string[] = [];
      while (pieces.length < all.length) {
        const start = pieces.length;
        const token = spell(all[start]!);
        if (specialTokenIds.has(all[start]!)) pieces.push(token);
        else if (wordPiece) pieces.push(token.startsWith('##') ? token.slice(2) : ` ${token}`);
        else {
          // A character outside the Latin alphabet may be spread over up to four byte-level tokens.
          const whole = [1, 2, 3, 4].find((n) => !read(all.slice(start, start + n)).includes('\uFFFD')) ?? 1;
          pieces.push(read(all.slice(start, start + whole)), ...new Array<string>(whole - 1).fill(''));
        }
      }
      return pieces.slice(0, all.length);
    },
    decode: (list) => {
      const kept = Array.from(list).filter((id) => !specialTokenIds.has(id));
      return kept.length ? read(kept).trim() : '';
    },
    files: () => new Map(files),
  };
}

/**
 * How many tokens of each text stay, as `longest_first` of the reference (`tokenizers`, truncate_encodings): only the longer
 * one is cut while that is enough, else both are cut to half of the room. An odd token then goes to the longer text, or to
 * the second where each alone would overflow the room.
 */
export function truncatedLengths(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const smaller = Math.min(first, second, Math.floor(room / 2));
  const larger = room - smaller;
  return first > second && second < room ? [larger, smaller] : [smaller, larger];
}

/** Where the texts and the special tokens stand in a result, and which segment each belongs to. */
interface Template {
  /** In order: the first text, the second, or the id of a special token. */
  slots: { part: 'A' | 'B' | number; typeId: number }[];
  /** Special tokens in it. */
  added: number;
}

/** Reads the layout off the post-processor once, by passing it two marks instead of tokens. */
function template(tokenizer: Tokenizer, json: TokenizerJson, paired: boolean): Template {
  const [a, b] = ['\u0000A', '\u0000B'];
  const { tokens, token_type_ids } = tokenizer.post_processor?.([a], paired ? [b] : null, true) ?? { tokens: [a] };
  if (paired && !tokens.includes(b)) tokens.push(b);
  // The reference's RobertaProcessing gives both texts segment 0; the JavaScript one gives the second segment 1, which a
  // RoBERTa with its one segment embedding would read out of bounds.
  const segments = postProcessorTypes(json.post_processor).includes('RobertaProcessing') ? undefined : token_type_ids;
  const slots = tokens.map((token: string, i: number): Template['slots'][number] => {
    const typeId = segments?.[i] ?? 0;
    if (token === a || token === b) return { part: token === a ? 'A' : 'B', typeId };
    const id = tokenizer.token_to_id(token);
    if (id === undefined) throw new Error(`its vocabulary lacks the special token ${token}`);
    return { part: id, typeId };
  });
  return { slots, added: slots.length - (paired ? 2 : 1) };
}

function postProcessorTypes(processor: TokenizerJson['post_processor']): string[] {
  if (!processor) return [];
  const inner = Array.isArray(processor['processors']) ? (processor['processors'] as { type: string }[]) : [];
  return [processor.type, ...inner.map(({ type }) => type)];
}

function knownClass(json: TokenizerJson): string {
  if (json.model.type === 'WordPiece') return 'BertTokenizer';
  return json.added_tokens.some(({ content }) => content === '<mask>') ? 'RobertaTokenizer' : 'GPT2Tokenizer';
}

/** @throws UserError `data/tokenizer-invalid` */
function parseJson<Schema extends z.ZodType>(text: string, schema: Schema, label: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw invalid(label, cause);
  }
}

function invalid(what: string, cause: unknown): UserError {
  const reason =
    cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll(/\s+/g, ' ') : (cause as Error).message;
  return new UserError('data/tokenizer-invalid', `${what} cannot be used: ${reason}; fetch the checkpoint again.`, {
    cause,
  });
}
