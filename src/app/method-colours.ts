/**
 * How methods are told apart: a colour and a style, that is the dash of a line and the marker of a point.
 *
 * They follow from the ids shown and their order, and from nothing else. Every id prefers a colour, so a method keeps its colour in every
 * chart, table and run; only where more methods stand together than there are colours, or two of them prefer the same one, the later
 * one takes the next of the colours that are used least. No two lines are alike in both colour and style, up to eight of a colour: a
 * recipe has at most 16 methods and uses a colour three times at most. What is added to a list changes nothing before it.
 *
 * The colours stand out from the page (contrast 3 : 1 or more) in both schemes, and any two of them differ, also to eyes without one of
 * the three kinds of cones (a distance of 18 or more in CIELAB). `styles.css` has the same values as `--method-0` … `--method-7`.
 */
import { markers } from './chart/markers';

export const palette = {
  light: ['#0072b2', '#c44e00', '#77977d', '#65236f', '#b78551', '#1639b0', '#81242e', '#5b5b6b'],
  dark: ['#4ba6e0', '#ff8a3c', '#52ffb1', '#7070ee', '#f3ff6a', '#bafcfe', '#e5485f', '#a9a9b8'],
} as const;

/** The pre-trained model without any method: the last colour, which no method has. */
const baseId = 'base';
const baseColour = palette.light.length - 1;

/** The two that the paper is about: colours that no other id prefers. */
const reserved: Readonly<Record<string, number>> = { hut: 0, lora: 1 };
const reservedCount = Object.keys(reserved).length;

/** SVG dash patterns; undefined is solid. As many as there are markers. */
const dashes = [undefined, '7 3', '2 3', '9 3 2 3', '12 4', '5 2 1 2 1 2', '3 7', '14 3 3 3'] as const;

export interface Look {
  /** CSS, following the scheme, for `style`, `stroke` and `fill` alike: `var(--method-0)`. */
  readonly colour: string;
  /** SVG dash pattern; undefined is solid. */
  readonly dash: string | undefined;
  /** SVG path of a marker around the origin. */
  readonly marker: string;
}

/** FNV-1a, 32 bits, over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}

/** Colours by number, for every id once. */
function coloursOf(ids: readonly string[]): Map<string, number> {
  const colours = new Map<string, number>();
  // The reserved ones count as used, whether their methods are there or not: so these change no other's colour.
  const uses = Array.from({ length: baseColour }, (_, colour) => (colour < reservedCount ? 1 : 0));
  for (const id of new Set(ids)) {
    const own = id === baseId ? baseColour : reserved[id];
    if (own !== undefined) {
      colours.set(id, own);
      continue;
    }
    const least = Math.min(...uses);
    let colour = reservedCount + (hash(id) % (baseColour - reservedCount));
    while (uses[colour] !== least) colour = (colour + 1) % baseColour;
    uses[colour]!++;
    colours.set(id, colour);
  }
  return colours;
}

/**
 * Looks of lines or points that are shown together, in their order.
 *
 * @param ids of methods in their run, such as `hut` or `lora-2`, or `base`; the same one more than once where runs are compared
 */
export function looksOf(ids: readonly string[]): Look[] {
  const colours = coloursOf(ids);
  const taken = new Map<number, Set<number>>();
  let lines = 0;
  return ids.map((id) => {
    const colour = colours.get(id)!;
    const styles = taken.get(colour) ?? new Set();
    taken.set(colour, styles);
    // Lines differ in style, too, as far as there are styles.
    let style = (id === baseId ? 0 : lines++) % dashes.length;
    if (styles.size < dashes.length) while (styles.has(style)) style = (style + 1) % dashes.length;
    styles.add(style);
    return { colour: `var(--method-${colour})`, dash: dashes[style], marker: markers[style]! };
  });
}
