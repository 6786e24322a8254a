/** Values of words as colours, and the figure of a highlighted text as SVG. */
import type { HighlightedWord } from '../../../worker/protocol';

/** Two ends of a scale: what speaks for the answer, and what speaks against it. Both pairs are told apart by the colour-blind. */
export const scales = {
  red: { title: 'Red, as in the paper', positive: [214, 39, 40], negative: [0, 114, 178] },
  orange: { title: 'Orange and blue', positive: [230, 130, 0], negative: [0, 114, 178] },
} as const;
export type ScaleName = keyof typeof scales;

/** Text stays readable on the strongest shade, in the light as in the dark. */
const strongest = 0.5;

/** @param share of the scale's end, -1 to 1 */
export function shade(name: ScaleName, share: number): string {
  const { positive, negative } = scales[name];
  const [r, g, b] = share < 0 ? negative : positive;
  return `rgba(${r}, ${g}, ${b}, ${(strongest * Math.min(1, Math.abs(share))).toFixed(3)})`;
}

/** The largest size of a value among the words that a person wrote. */
export const largestOf = (words: readonly HighlightedWord[], values: readonly number[]): number =>
  values.reduce((most, value, i) => (words[i]!.special ? most : Math.max(most, Math.abs(value))), 0);

/** Text that can be read, whatever the order of magnitude. */
export const valueText = (value: number): string =>
  value === 0 || Math.abs(value) >= 0.001 ? value.toFixed(3) : value.toExponential(1);

/** One text of a figure: who answers what, and its shaded words. */
export interface Panel {
  readonly title: string;
  readonly words: readonly HighlightedWord[];
  readonly values: readonly number[];
}

const [width, padding, line, size] = [760, 16, 26, 15];
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The panels below each other with a caption, on white. @param measure width of a text in pixels at 15 px */
export function figureSvg(
  panels: readonly Panel[],
  caption: string,
  scale: ScaleName,
  most: number,
  measure: (text: string) => number,
): string {
  const parts: string[] = [];
  let y = padding;
  const text = (x: number, at: number, content: string, style = '') =>
    parts.push(
      `<text x="${x.toFixed(1)}" y="${at.toFixed(1)}" ${style} xml:space="preserve">${escaped(content)}</text>`,
    );
  for (const { title, words, values } of panels) {
    text(padding, y + size, title, 'font-weight="600"');
    y += line;
    let x = padding;
    words.forEach((word, i) => {
      if (word.special) return;
      const shown = word.text.trim();
      const wide = measure(shown) + 6;
      if (x + wide > width - padding || (i > 0 && word.part !== words[i - 1]!.part && x > padding)) {
        x = padding;
        y += line;
      }
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${line - 5}" rx="3" fill="${shade(scale, most > 0 ? values[i]! / most : 0)}"${word.marked ? ' stroke="#111" stroke-width="1.5"' : ''}/>`,
      );
      text(x + 3, y + size, shown);
      x += wide + 2;
    });
    y += line + padding;
  }
  const perLine = Math.floor((width - 2 * padding) / 7);
  const lines = caption.match(new RegExp(`.{1,${perLine}}(?:\\s|$)`, 'g')) ?? [caption];
  for (const part of lines) {
    text(padding, y + 12, part.trim(), 'font-size="12" fill="#444"');
    y += 18;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + padding}" font-family="system-ui, sans-serif" font-size="${size}" fill="#111"><rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>`;
}
