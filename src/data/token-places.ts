/**
 * Where each token stands in its text, as the fast tokenizers of Hugging Face tell it (`return_offsets_mapping`): the JavaScript
 * tokenizer gives ids only, so places are found again by walking through text and tokens side by side.
 *
 * A byte-level token spells bytes of the text, a WordPiece token characters of the text as BERT's normalizer leaves it.
 */
import type { TokenizerJson } from './tokenizer-json';

/** `[2 · tokens]`: where each token starts and ends, in UTF-16 units of its text. */
export type TokenPlaces = Int32Array;

/** @param tokens as the vocabulary spells them @returns places in `text`, which the tokens are all of, without special ones */
export type FindPlaces = (text: string, tokens: readonly string[]) => TokenPlaces;

/** The way of this tokenizer; undefined where it is of a kind whose tokens are not followed. */
export function placesOf(json: TokenizerJson): FindPlaces | undefined {
  if (json.model.type === 'WordPiece') return wordPiecePlaces(json);
  if (json.model.type === 'BPE' && steps(json.pre_tokenizer).some(({ type }) => type === 'ByteLevel'))
    return byteLevelPlaces(json);
  return undefined;
}

interface Step {
  readonly type?: string;
  readonly [setting: string]: unknown;
}

/** The parts of a normalizer, pre-tokenizer or post-processor that may be a sequence of them. */
function steps(part: unknown): Step[] {
  if (typeof part !== 'object' || part === null) return [];
  const inner = ['pretokenizers', 'processors', 'normalizers'].flatMap((name) => {
    const list = (part as Step)[name];
    return Array.isArray(list) ? (list as Step[]) : [];
  });
  return [part as Step, ...inner];
}

/** GPT-2's alphabet: bytes without a printable character of their own are spelled from U+0100 on. */
const byteCharacters = (() => {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();
const spelledSpace = byteCharacters[0x20]!;

/** UTF-8 bytes of a code point. */
const byteCount = (code: number) => (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);

function byteLevelPlaces(json: TokenizerJson): FindPlaces {
  const trimming = steps(json.post_processor).find(
    ({ type, trim_offsets }) => (type === 'RobertaProcessing' || type === 'ByteLevel') && trim_offsets !== false,
  );
  const prefixed = trimming?.['add_prefix_space'] !== false;
  const addsSpace = steps(json.pre_tokenizer).some(
    ({ type, add_prefix_space }) => type === 'ByteLevel' && add_prefix_space === true,
  );
  return (text, tokens) => {
    // The character each byte belongs to; a space that the tokenizer put before the text belongs to its first.
    const starts: number[] = [];
    const ends: number[] = [];
    if (addsSpace && text !== '' && !/^\s/.test(text)) {
      starts.push(0);
      ends.push(0);
    }
    for (let at = 0; at < text.length;) {
      const code = text.codePointAt(at)!;
      const end = at + (code > 0xffff ? 2 : 1);
      for (let byte = 0; byte < byteCount(code); byte++) {
        starts.push(at);
        ends.push(end);
      }
      at = end;
    }
    const places = new Int32Array(2 * tokens.length);
    let byte = 0;
    tokens.forEach((token, i) => {
      let [start, end] = [starts[byte] ?? text.length, ends[byte + token.length - 1] ?? text.length];
      if (trimming) {
        const spaces = (characters: Iterable<string>) => {
          let count = 0;
          for (const character of characters) {
            if (character !== spelledSpace && !/\s/.test(character)) break;
            count++;
          }
          return count;
        };
        let leading = spaces(token);
        const trailing = spaces([...token].reverse());
        if (leading > 0 && prefixed && (i === 0 || start === 0)) leading--;
        start = Math.min(start + leading, end);
        if (trailing > 0 && end >= trailing) end = Math.max(end - trailing, start);
      }
      places.set([start, end], 2 * i);
      byte += token.length;
    });
    return places;
  };
}

const isChinese = (code: number) =>
  (code >= 0x4e00 && code <= 0x9fff) ||
  (code >= 0x3400 && code <= 0x4dbf) ||
  (code >= 0x20000 && code <= 0x2a6df) ||
  (code >= 0x2a700 && code <= 0x2b73f) ||
  (code >= 0x2b740 && code <= 0x2b81f) ||
  (code >= 0x2b920 && code <= 0x2ceaf) ||
  (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0x2f800 && code <= 0x2fa1f);
const isControl = (character: string) =>
  character !== '\t' && character !== '\n' && character !== '\r' && /\p{C}/u.test(character);
const isPunctuation = (character: string) => /[!-/:-@[-`{-~]|\p{P}/u.test(character);

/** What BERT's normalizer makes of one character; empty where it takes it out. */
function bertCharacter(character: string, settings: Step): string {
  const code = character.codePointAt(0)!;
  if (settings['clean_text'] !== false) {
    if (code === 0 || code === 0xfffd || isControl(character)) return '';
    if (/\s/u.test(character)) return ' ';
  }
  const lowercase = settings['lowercase'] !== false;
  let result = character;
  if ((settings['strip_accents'] ?? lowercase) !== false) result = result.normalize('NFD').replaceAll(/\p{Mn}/gu, '');
  return lowercase ? result.toLowerCase() : result;
}

function wordPiecePlaces(json: TokenizerJson): FindPlaces {
  const settings = steps(json.normalizer).find(({ type }) => type === 'BertNormalizer') ?? {};
  const { continuing_subword_prefix: continuing = '##', unk_token: unknown = '[UNK]' } = json.model as {
    continuing_subword_prefix?: string;
    unk_token?: string;
  };
  return (text, tokens) => {
    // Normalised characters, each with the character of the text it comes from; `alone` are those that are a word of their own.
    const characters: { value: string; start: number; end: number; alone: boolean }[] = [];
    for (let at = 0; at < text.length;) {
      const character = String.fromCodePoint(text.codePointAt(at)!);
      const end = at + character.length;
      const chinese = settings['handle_chinese_chars'] !== false && isChinese(character.codePointAt(0)!);
      for (const value of bertCharacter(character, settings))
        characters.push({ value, start: at, end, alone: chinese || isPunctuation(value) });
      at = end;
    }
    const places = new Int32Array(2 * tokens.length);
    let next = 0;
    tokens.forEach((token, i) => {
      const isSpace = () => next < characters.length && /\s/u.test(characters[next]!.value);
      while (isSpace()) next++;
      const first = next;
      if (token === unknown) {
        // A word that the vocabulary cannot spell is one token, whatever its length.
        next++;
        while (next < characters.length && !characters[first]!.alone && !characters[next]!.alone && !isSpace()) next++;
      } else next += [...(token.startsWith(continuing) ? token.slice(continuing.length) : token)].length;
      places.set([characters[first]?.start ?? text.length, characters[next - 1]?.end ?? text.length], 2 * i);
    });
    return places;
  };
}
