/**
 * Python's regular expressions, as far as whether one matches a whole module name (`re.fullmatch`, with Python's own reading of the
 * syntax: https://docs.python.org/3/library/re.html).
 *
 * They come from downloaded adapter folders, and a backtracking matcher, such as JavaScript's own, can be kept busy for ever by
 * `(.+)+x`. Here a pattern maps a start to the set of all its ends, computed once for each of its parts and each start, so the
 * time is polynomial in the lengths of pattern and name. Greedy and lazy repetition have the same set of ends, and what depends on
 * what a group matched (backreferences, conditions, atomic groups) is refused.
 */
import { UserError } from '../errors';

/** A part of a pattern. Texts hold no line breaks, so the flags `s` and `m` change nothing. */
type Part =
  | { kind: 'character'; accepts: (character: string) => boolean }
  | { kind: 'edge'; holds: (text: string, at: number) => boolean }
  | { kind: 'sequence'; parts: Part[] }
  | { kind: 'choice'; options: Part[] }
  | { kind: 'repeat'; body: Part; min: number; max: number }
  | { kind: 'look'; body: Part; behind: boolean; negative: boolean };

/** No `target_modules` anyone writes is as long, nor groups that deep. */
const longestPattern = 1000;
const deepestGroup = 50;

const isWord = (character: string | undefined) => character !== undefined && /\w/.test(character);
const atBoundary = (text: string, at: number) => isWord(text[at - 1]) !== isWord(text[at]);
const edges: Record<string, (text: string, at: number) => boolean> = {
  A: (_, at) => at === 0,
  Z: (text, at) => at === text.length,
  z: (text, at) => at === text.length,
  b: atBoundary,
  B: (text, at) => !atBoundary(text, at),
};
const classes: Record<string, RegExp> = { d: /\d/, D: /\D/, s: /\s/, S: /\S/, w: /\w/, W: /\W/ };
const controls: Record<string, string> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/**
 * The test whether `pattern` matches a whole text, a text without line breaks.
 *
 * @throws UserError `adapter/pattern` for what Python refuses too, and for what this matcher does not know
 */
export function fullMatcher(pattern: string): (text: string) => boolean {
  if (pattern.length > longestPattern)
    throw new UserError(
      'adapter/pattern',
      `The adapter selects modules by a pattern of ${pattern.length} characters, and this app reads up to ${longestPattern}; list the modules' names instead.`,
    );
  const part = new Parser(pattern).parse();
  return (text) => endsIn(text)(part, 0).has(text.length);
}

/** The ends of a part that begins at `start`, each part and start computed once. */
function endsIn(text: string): (part: Part, start: number) => ReadonlySet<number> {
  const known = new Map<Part, Map<number, ReadonlySet<number>>>();
  const ends = (part: Part, start: number): ReadonlySet<number> => {
    let ofPart = known.get(part);
    if (!ofPart) known.set(part, (ofPart = new Map()));
    let found = ofPart.get(start);
    if (!found) ofPart.set(start, (found = compute(part, start)));
    return found;
  };
  const after = (part: Part, starts: Iterable<number>) => {
    const all = new Set<number>();
    for (const start of starts) for (const end of ends(part, start)) all.add(end);
    return all;
  };
  const compute = (part: Part, start: number): ReadonlySet<number> => {
    switch (part.kind) {
      case 'character':
        return new Set(start < text.length && part.accepts(text[start]!) ? [start + 1] : []);
      case 'edge':
        return new Set(part.holds(text, start) ? [start] : []);
      case 'sequence':
        return part.parts.reduce<ReadonlySet<number>>((starts, next) => after(next, starts), new Set([start]));
      case 'choice':
        return new Set(part.options.flatMap((option) => [...ends(option, start)]));
      case 'look': {
        const { body, behind, negative } = part;
        const seen = behind
          ? Array.from({ length: start + 1 }, (_, from) => from).some((from) => ends(body, from).has(start))
          : ends(body, start).size > 0;
        return new Set(seen !== negative ? [start] : []);
      }
      case 'repeat':
        return repeated(part, start);
    }
  };
  const repeated = ({ body, min, max }: Extract<Part, { kind: 'repeat' }>, start: number) => {
    let latest: ReadonlySet<number> = new Set([start]);
    // More turns than characters hold an empty one, and any number of those can be added or left out.
    for (let turn = 0; turn < Math.min(min, text.length + 1); turn++) latest = after(body, latest);
    const all = new Set(latest);
    for (let turn = min; turn < max && latest.size > 0; turn++) {
      latest = new Set([...after(body, latest)].filter((end) => !all.has(end)));
      for (const end of latest) all.add(end);
    }
    return all;
  };
  return ends;
}

/** Reads a pattern; the methods follow CPython's `re/_parser.py`. */
class Parser {
  private at = 0;
  private depth = 0;
  private ignoreCase = false;

  constructor(private readonly pattern: string) {}

  parse(): Part {
    const flags = this.take(/\(\?([aimsux]+)\)/y);
    if (flags) this.setFlags(flags[1]!, true);
    const part = this.choice();
    if (this.at < this.pattern.length) this.refuse('has a ")" without its "("');
    return part;
  }

  private refuse(what: string): never {
    throw new UserError(
      'adapter/pattern',
      `The adapter selects modules by the pattern ${JSON.stringify(this.pattern)}, which ${what}; list the modules' names instead.`,
    );
  }

  /** What the sticky expression `next` finds here, if anything, and moves behind it. */
  private take(next: RegExp): RegExpExecArray | null {
    next.lastIndex = this.at;
    const found = next.exec(this.pattern);
    if (found) this.at += found[0].length;
    return found;
  }

  private takeCharacter(): string {
    return this.pattern[this.at++] ?? this.refuse('ends too early');
  }

  private setFlags(flags: string, on: boolean): void {
    if (flags.includes('x')) this.refuse('uses the flag x, which this app does not read');
    if (flags.includes('i')) this.ignoreCase = on;
  }

  private choice(): Part {
    const options = [this.sequence()];
    while (this.take(/\|/y)) options.push(this.sequence());
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  private sequence(): Part {
    const parts: Part[] = [];
    while (this.at < this.pattern.length && !/[|)]/.test(this.pattern[this.at]!)) {
      if (this.take(/\(\?#[^)]*\)/y)) continue;
      const part = this.single();
      parts.push(this.repetition(part));
    }
    return { kind: 'sequence', parts };
  }

  private repetition(body: Part): Part {
    const found = this.quantifier();
    if (!found) return body;
    if (body.kind === 'edge') this.refuse('repeats what matches no character');
    if (this.take(/\+/y)) this.refuse('uses possessive repetition, which this app does not read');
    this.take(/\?/y); // A lazy repetition has the same ends.
    if (this.quantifier()) this.refuse('repeats a repetition');
    if (found.min > found.max) this.refuse('has a repetition whose minimum exceeds its maximum');
    return { kind: 'repeat', body, ...found };
  }

  private quantifier(): { min: number; max: number } | undefined {
    if (this.take(/\*/y)) return { min: 0, max: Infinity };
    if (this.take(/\+/y)) return { min: 1, max: Infinity };
    if (this.take(/\?/y)) return { min: 0, max: 1 };
    // Any other brace is an ordinary character.
    const counts = this.take(/\{(?:(\d+)|(\d*),(\d*))\}/y);
    if (!counts) return undefined;
    if (counts[1]) return { min: Number(counts[1]), max: Number(counts[1]) };
    return { min: Number(counts[2] || 0), max: counts[3] ? Number(counts[3]) : Infinity };
  }

  private single(): Part {
    if (this.quantifier()) this.refuse('has a repetition of nothing');
    const character = this.takeCharacter();
    switch (character) {
      case '.':
        return { kind: 'character', accepts: (given) => given !== '\n' };
      case '^':
        return { kind: 'edge', holds: edges['A']! };
      case '$':
        return { kind: 'edge', holds: edges['Z']! };
      case '(':
        return this.group();
      case '[':
        return this.set();
      case '\\':
        return this.escape();
      default:
        return this.literal(character);
    }
  }

  private literal(wanted: string): Part {
    return this.character((given) => given === wanted);
  }

  private character(accepts: (given: string) => boolean, negative = false): Part {
    const ignoreCase = this.ignoreCase;
    const found = (given: string) =>
      accepts(given) || (ignoreCase && (accepts(given.toLowerCase()) || accepts(given.toUpperCase())));
    return { kind: 'character', accepts: (given) => found(given) !== negative };
  }

  private group(): Part {
    if (++this.depth > deepestGroup) this.refuse(`nests more than ${deepestGroup} groups`);
    const ignoreCase = this.ignoreCase;
    const look = this.take(/\?(<?)([=!])/y);
    if (!look && !this.take(/\?P<[A-Za-z_]\w*>/y)) {
      const flags = this.take(/\?([aimsux]*)(?:-([imsx]+))?:/y);
      if (flags) {
        this.setFlags(flags[1]!, true);
        this.setFlags(flags[2] ?? '', false);
      } else if (this.take(/\?/y)) this.refuse('has a kind of group that this app does not read');
    }
    const body = this.choice();
    if (!this.take(/\)/y)) this.refuse('has a "(" without its ")"');
    this.ignoreCase = ignoreCase;
    this.depth--;
    // A group of its own also where it holds an edge only: `(^)?` may be repeated.
    if (!look) return { kind: 'sequence', parts: [body] };
    return { kind: 'look', body, behind: look[1] === '<', negative: look[2] === '!' };
  }

  private escape(): Part {
    const letter = this.pattern[this.at];
    if (letter !== undefined && letter in edges) {
      this.at++;
      return { kind: 'edge', holds: edges[letter]! };
    }
    const { accepts } = this.escaped();
    return this.character(accepts);
  }

  /** What an escape accepts, the backslash read already; `code` where it is one character. */
  private escaped(): { accepts: (given: string) => boolean; code?: string } {
    const one = (code: string) => ({ accepts: (given: string) => given === code, code });
    const hex = this.take(/x([\da-f]{2})|u([\da-f]{4})|U0000([\da-f]{4})/iy);
    if (hex) return one(String.fromCharCode(parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16)));
    const letter = this.takeCharacter();
    if (letter in classes) return { accepts: (given) => classes[letter]!.test(given) };
    if (letter in controls) return one(controls[letter]!);
    if (/\d/.test(letter)) this.refuse(`refers back to a group (\\${letter}), which this app does not read`);
    if (/[A-Za-z]/.test(letter)) this.refuse(`has the escape \\${letter}, which this app does not read`);
    return one(letter);
  }

  /** `[…]`, its opening bracket read already. */
  private set(): Part {
    const negative = this.take(/\^/y) !== null;
    const members: ((given: string) => boolean)[] = [];
    // A bracket that stands first is an ordinary character.
    do {
      const low = this.member();
      if (!this.take(/-(?!\])/y)) {
        members.push(low.accepts);
        continue;
      }
      const high = this.member();
      const [from, to] = [low.code, high.code];
      if (from === undefined || to === undefined || from > to)
        return this.refuse('has a range of characters out of order');
      members.push((given) => given >= from && given <= to);
    } while (!this.take(/\]/y));
    return this.character((given) => members.some((accepts) => accepts(given)), negative);
  }

  private member(): { accepts: (given: string) => boolean; code?: string } {
    if (this.take(/\\b/y)) return { accepts: (given) => given === '\b', code: '\b' };
    if (this.take(/\\/y)) return this.escaped();
    const code = this.takeCharacter();
    return { accepts: (given) => given === code, code };
  }
}
