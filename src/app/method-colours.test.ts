/** Colours and styles: distinct for every list of methods, kept from list to list, and seen on the page by every eye. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seriesOf } from './chart/runs';
import { looksOf, palette, type Look } from './method-colours';
import { newRun } from './run-record';

const copies = (method: string, count: number) =>
  Array.from({ length: count }, (_, i) => (i === 0 ? method : `${method}-${i + 1}`));
const coloursAndDashes = (looks: readonly Look[]) => looks.map(({ colour, dash }) => `${colour} ${dash}`);
const coloursAndMarkers = (looks: readonly Look[]) => looks.map(({ colour, marker }) => `${colour} ${marker}`);

/** Ids as recipes have them: names that nobody knows yet, some more than once. */
const name = fc.stringMatching(/^[a-z][a-z-]{0,11}[a-z]$/);
const recipeIds = fc
  .array(fc.oneof(fc.constantFrom('hut', 'lora'), name), { minLength: 1, maxLength: 16 })
  .map((methods) => {
    const counts = new Map<string, number>();
    return methods.map((method) => {
      const count = (counts.get(method) ?? 0) + 1;
      counts.set(method, count);
      return count === 1 ? method : `${method}-${count}`;
    });
  });

describe('looks', () => {
  it.each([
    ['lora, 16 times', copies('lora', 16)],
    ['hut, 16 times', copies('hut', 16)],
    ['a method of which nobody knows, 16 times', copies('another', 16)],
    ['mixed', [...copies('hut', 4), ...copies('vera', 6), 'full', 'bitfit', 'head', ...copies('lora', 3)]],
  ])('differ pairwise: %s', (_, ids) => {
    const looks = looksOf(ids);
    expect(new Set(coloursAndDashes(looks)).size).toBe(16);
    expect(new Set(coloursAndMarkers(looks)).size).toBe(16);
  });
  it('differ pairwise in any recipe, and two runs of it', () => {
    fc.assert(
      fc.property(recipeIds, (ids) => {
        const looks = looksOf([...ids, ...ids]);
        expect(new Set(coloursAndDashes(looks)).size).toBe(2 * ids.length);
        expect(new Set(coloursAndMarkers(looks)).size).toBe(2 * ids.length);
        // The same method has the same colour in both.
        expect(looks.slice(ids.length).map(({ colour }) => colour)).toEqual(
          looks.slice(0, ids.length).map(({ colour }) => colour),
        );
      }),
    );
  });
  it('differ in style alone up to eight, and in colour alone up to seven with HUT and LoRA', () => {
    const looks = looksOf(['hut', 'lora', 'vera', 'full', 'bitfit', 'head', 'adalora']);
    expect(new Set(looks.map(({ colour }) => colour)).size).toBe(7);
    expect(new Set(looksOf(copies('full', 8)).map(({ dash }) => dash)).size).toBe(8);
  });
  it('stay, whatever is added', () => {
    fc.assert(
      fc.property(recipeIds, recipeIds, (ids, added) => {
        expect(looksOf([...ids, ...added]).slice(0, ids.length)).toEqual(looksOf(ids));
      }),
    );
  });
  it('keep HUT’s, LoRA’s and the untrained model’s colour in any company', () => {
    fc.assert(
      fc.property(recipeIds, (ids) => {
        const all = [...new Set([...ids, 'hut', 'lora', 'base'])];
        const colours = new Map(looksOf(all).map(({ colour }, i) => [all[i]!, colour]));
        expect([colours.get('hut'), colours.get('lora')]).toEqual(['var(--method-0)', 'var(--method-1)']);
        expect([...colours].filter(([, colour]) => colour === 'var(--method-7)')).toEqual([
          ['base', 'var(--method-7)'],
        ]);
      }),
    );
  });
  it('are those of a run’s lines beside other runs', () => {
    const run = (...ids: string[]) =>
      newRun(
        { task: 'sample' },
        ids.map((id) => ({ id, title: id })),
      );
    const [one, two] = [run('vera', 'hut', 'lora'), run('hut', 'vera')];
    expect(seriesOf([one, two]).slice(0, 3)).toMatchObject(looksOf(['vera', 'hut', 'lora']));
    const [vera, hut, , hutAgain, veraAgain] = seriesOf([one, two]);
    expect([hutAgain!.colour, veraAgain!.colour]).toEqual([hut!.colour, vera!.colour]);
  });
});

const channels = (hex: string) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
/** sRGB to linear light. */
const linear = (hex: string) => channels(hex).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
/** WCAG 2's relative luminance and contrast. */
const luminance = (hex: string) => dot([0.2126, 0.7152, 0.0722], linear(hex));
const contrast = (a: string, b: string) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
};
/** CIELAB under D65. */
function lab(rgb: readonly number[]): number[] {
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const [x, y, z] = [
    f(dot([0.4124, 0.3576, 0.1805], rgb) / 0.9505),
    f(dot([0.2126, 0.7152, 0.0722], rgb)),
    f(dot([0.0193, 0.1192, 0.9505], rgb) / 1.089),
  ] as const;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
/** What eyes without one kind of cones see, in linear light: Machado, Oliveira and Fernandes (2009), severity 1. */
const eyes = {
  'all cones': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
} as const;

describe.each(['light', 'dark'] as const)('colours, %s', (scheme) => {
  const css = readFileSync(new URL('styles.css', import.meta.url), 'utf8');
  const [, light, dark] = /:root \{(.*?)\}.*?dark'\] \{(.*?)\}/s.exec(css)!;
  const block = (scheme === 'light' ? light : dark)!;
  const colours: readonly string[] = palette[scheme];

  it('are the style sheet’s', () => {
    expect([...block.matchAll(/--method-\d: (#\w+)/g)].map(([, value]) => value)).toEqual(colours);
  });
  it('stand out from the page and its panels, 3 : 1 or more', () => {
    // Mantine's body, and our panels.
    const grounds = [scheme === 'light' ? '#ffffff' : '#242424', /--panel: (#\w+)/.exec(block)![1]!];
    for (const colour of colours)
      for (const ground of grounds) expect(contrast(colour, ground), `${colour} on ${ground}`).toBeGreaterThan(3);
  });
  it.each(Object.entries(eyes))('differ pairwise: %s', (_, matrix) => {
    const seen = colours.map((hex) => lab(matrix.map((row) => Math.min(1, Math.max(0, dot(row, linear(hex)))))));
    seen.forEach((a, i) =>
      seen.slice(0, i).forEach((b, j) => {
        const distance = Math.hypot(...a.map((value, k) => value - b[k]!));
        expect(distance, `${colours[i]} and ${colours[j]}`).toBeGreaterThan(18);
      }),
    );
  });
});
