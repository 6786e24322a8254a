/**
 * Penn Treebank tokens as coco-caption takes them from Stanford's `PTBTokenizer` (CoreNLP 3.4.1, options
 * `-preserveLines -lowerCase`): lower-cased, brackets written out, pounds as "#", without the commonest punctuation.
 *
 * That tokeniser is a longest-match lexer: at each place every rule is tried, and what it needs to see behind the token
 * counts in the comparison; of equally long ones the first in the list wins. The rules here are those that English
 * sentences meet, after `PTBLexer.flex`. Left out are markup, addresses and names of the web, telephone numbers,
 * smileys, rare abbreviations, and the few rules that look beyond a blank, so that each stretch between blanks stands
 * alone.
 */

interface Rule {
  /** Sticky; group 1, or else the match, is the token; what follows group 1 is only looked at. */
  readonly pattern: RegExp;
  /** What the token becomes; itself if absent. */
  readonly write?: (token: string) => string;
}

/** Case counts in some of the rules ("B&B", "Miss."), so a pattern ignores it only with the flag `i`. */
const rule = (source: string, flags = '', write?: Rule['write']): Rule => ({
  pattern: new RegExp(source, `yu${flags}`),
  ...(write && { write }),
});

const letter = '[\\p{L}\\p{M}\u00AD]';
const letterOrDigit = '[\\p{L}\\p{M}\\p{Nd}\u00AD]';
const apostrophe = "['\u0092\u2019\u00B4]";
const innerApostrophe = "['\u0092\u2019\u00B4`\u0091\u2018\u201B]";
const word = `${letter}${letterOrDigit}*(?:[.!?]${letter}${letterOrDigit}*)*`;
const reduced = `${apostrophe}(?:re|ve|ll|[msd])`;
const reducedNot = `n${innerApostrophe}t`;
const decimal = '\\d*(?:[.,]\\d+)+';
const wholeNumber = '\\d+(?:[.:,]\\d+)*';
const thingPart = `(?:[dDoOlL]${innerApostrophe}[\\p{L}\\p{Nd}])?`;
const thing = (first: string) =>
  `${thingPart}(?:[\\p{L}\\p{Nd}]+|${first})(?:[-_\u058A\u2010\u2011]${thingPart}(?:[\\p{L}\\p{Nd}]+|${decimal}|${wholeNumber}))*`;
const hyphenated = '[A-Za-z0-9][A-Za-z0-9.,]*(?:-(?:[A-Za-z](?:\\.[A-Za-z])+\\.|[A-Za-z0-9]+))+';
const capitals = '[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+';
const slashPart = '[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}';

/** Common abbreviations that keep their full stop, in any case, and any letters with a full stop behind each. */
const abbreviations = [
  'jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thurs?|fri',
  'mr|mrs|ms|drs?|profs?|rev|gen|capt|col|lt|sgt|gov|sen|jr|ste?|ave|bldg|mt|ft|dept|univ',
  'inc|ltd|cos?|corp|plc|bros|assn|intl|est|tel|sq|etc|vs|cf|al',
  '[a-z](?:\\.[a-z])*',
].join('|');

const brackets: Readonly<Record<string, string>> = {
  '(': '-LRB-',
  ')': '-RRB-',
  '[': '-LSB-',
  ']': '-RSB-',
  '{': '-LCB-',
  '}': '-RCB-',
};
const fractions: Readonly<Record<string, string>> = { '¼': '1/4', '½': '1/2', '¾': '3/4', '⅓': '1/3', '⅔': '2/3' };
const withoutSoftHyphens = (token: string) => token.replaceAll('\u00AD', '');
const plainApostrophes = (token: string) => token.replace(/[\u0092\u2019\u00B4`\u0091\u2018\u201B]/g, "'");

const rules: readonly Rule[] = [
  rule('(can)not', 'i'),
  rule(`(${apostrophe}t)is`, 'i', plainApostrophes),
  rule('(gon|wan)na', 'i'),
  rule('(got)ta', 'i'),
  rule('(lem|gim)me', 'i'),
  rule('[\u0096\u0097\u2013\u2014\u2015]', '', () => '--'),
  rule('&amp;', '', () => '&'),
  rule(`(${word})${reduced}`, 'i', withoutSoftHyphens),
  rule(`([\\p{L}\u00AD]*[A-MO-Za-mo-z]\u00AD*)${reducedNot}`, '', withoutSoftHyphens),
  rule(word, '', withoutSoftHyphens),
  rule(`${apostrophe}(?:n${apostrophe}?|em|till?|cause|twas|[2-9]0s)|[ldj]${apostrophe}`, 'i', plainApostrophes),
  rule(`[A-HJ-XZn]${innerApostrophe}\\p{L}{2,}`, '', plainApostrophes),
  rule(`\\p{L}+(?<=[aeiouyAEIOUY])${innerApostrophe}[aeiouA-Z]\\p{L}*`, '', plainApostrophes),
  rule(`(y${apostrophe})\\p{L}`, 'i'),
  rule(`(${reduced})[^A-Za-z]`, 'i', plainApostrophes),
  rule(`(${reducedNot})[^A-Za-z]`, 'i', plainApostrophes),
  rule('\\d{1,2}[-/]\\d{1,2}[-/]\\d{2,4}'),
  rule(`[-+]?${decimal}`),
  rule(`[-+]?${wholeNumber}`),
  rule('(?:\\d{1,4}-)?\\d{1,4}(?:\\\\?/|\u2044)\\d{1,4}'),
  rule('[\u00BC-\u00BE\u2153-\u215E]', '', (token) => fractions[token] ?? token),
  rule(`${slashPart}(?:\\\\?/${slashPart}){1,2}`),
  rule('[A-Z]*\\$|#'),
  rule('\u00A2', '', () => 'cents'),
  rule('\u00A3', '', () => '#'),
  rule('[\u00A4\u0080\u20A0\u20AC]', '', () => '$'),
  rule('[\u00A5\u20AA\u20B9\u20A4]'),
  rule(`(?:${abbreviations})\\.`, 'i'),
  rule(`(${apostrophe}\\d\\d) `),
  rule(`(${word}\\.)[,;:]`, '', withoutSoftHyphens),
  rule("&quot;|\"|[`'\u2018\u2019]'", '', () => "''"),
  rule('&lt;|<', '', () => '<'),
  rule('&gt;|>', '', () => '>'),
  rule('[()[\\]{}]', '', (token) => brackets[token]!),
  rule('-+', '', (token) => (token.length === 3 || token.length === 4 ? '--' : token)),
  rule('\\.{3,}|\u2026', '', () => '...'),
  rule('@+|#+|_+|\\*+'),
  rule('[?!]+'),
  rule('[,;:.\u3001\u00A1\u00BF\u3002]|=+|/'),
  rule(hyphenated),
  rule(`(${hyphenated}\\.)[,;:]`),
  rule(thing(`[-+]?(?:${decimal}|${wholeNumber})`), '', plainApostrophes),
  rule(capitals, '', (token) => token.replaceAll('&amp;', '&')),
  rule("['`\u0091\u0092\u2018-\u201F\u2039\u203A\u00AB\u00BB\u00B4]", '', () => "'"),
  rule('[+%&~^|\\\\\u00A6-\u00A9\u00AC\u00AE-\u00B3\u00B5-\u00BA\u00D7\u00F7\u2016-\u2044\u2070-\u209C\u2100-\u2BFF]'),
  rule('\\p{Extended_Pictographic}\\p{M}?'),
];

/** What coco-caption takes out; it compares before it knows that `-lowerCase` made "-lrb-" of "-LRB-", so brackets stay. */
const punctuation = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);

/** Stretches between blanks recur, and their tokens with them. */
const known = new Map<string, readonly string[]>();
const mostKnown = 20_000;

/** The tokens of one line, lower-cased, without `punctuation`. None of them is empty or holds a blank. */
export function ptbTokens(text: string): string[] {
  const tokens: string[] = [];
  for (const stretch of text.split(/\s+/)) {
    let found = known.get(stretch);
    if (!found) {
      found = lex(stretch).filter((token) => !punctuation.has(token));
      if (known.size >= mostKnown) known.clear();
      known.set(stretch, found);
    }
    tokens.push(...found);
  }
  return tokens;
}

/** @param stretch without blanks */
function lex(stretch: string): string[] {
  const text = `${stretch} `;
  const tokens: string[] = [];
  let place = 0;
  while (place < stretch.length) {
    let seen = 0;
    let token = '';
    let write: Rule['write'];
    for (const candidate of rules) {
      candidate.pattern.lastIndex = place;
      const match = candidate.pattern.exec(text);
      if (!match || match[0].length <= seen) continue;
      seen = match[0].length;
      token = match[1] ?? match[0];
      write = candidate.write;
    }
    if (token === '') {
      // No rule knows the character: it is dropped, as there.
      place += text.codePointAt(place)! > 0xffff ? 2 : 1;
      continue;
    }
    const written = (write?.(token) ?? token).toLowerCase();
    if (written !== '') tokens.push(written);
    place += token.length;
  }
  return tokens;
}
