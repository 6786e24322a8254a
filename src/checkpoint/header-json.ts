/**
 * What `JSON.parse` lets pass and a safetensors header must not have: duplicate keys, integers written as floats (`1.0`,
 * `1e3`, `-0`), and half surrogate pairs. Walks the tokens of a text that is already known to be valid JSON.
 */

export interface HeaderFlaw {
  kind: 'duplicate-key' | 'number' | 'surrogate';
  sentence: string;
}

/**
 * The first flaw, if any. Linear in the text, in time and memory.
 *
 * @param text valid JSON
 */
export function findHeaderFlaw(text: string): HeaderFlaw | undefined {
  /** The keys seen so far in every object that is open; `undefined` for an open array. */
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  let position = 0;
  while (position < text.length) {
    const start = position;
    const character = text[position++]!;
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      keyNext = character === '{';
    } else if (character === '}' || character === ']') {
      open.pop();
      keyNext = false;
    } else if (character === ',') {
      keyNext = open.at(-1) !== undefined;
    } else if (character === '"') {
      while (text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
      position++;
      const string = JSON.parse(text.slice(start, position)) as string;
      if (/\p{Surrogate}/u.test(string)) {
        return { kind: 'surrogate', sentence: 'the header holds text that is not valid Unicode.' };
      }
      if (!keyNext) continue;
      const keys = open.at(-1)!;
      if (keys.has(string)) {
        return { kind: 'duplicate-key', sentence: `the header has the key "${string.slice(0, 80)}" twice.` };
      }
      keys.add(string);
      keyNext = false;
    } else if (character === '-' || isDigit(character)) {
      while (/[\d.eE+-]/.test(text[position]!)) position++;
      const number = text.slice(start, position);
      if (!/^\d+$/.test(number)) {
        return { kind: 'number', sentence: `the header has ${number.slice(0, 40)} where a whole number must stand.` };
      }
    }
  }
  return undefined;
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}
