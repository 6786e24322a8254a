/**
 * A diverging scale from blue over the page's own ground to orange, which eyes without one of the three kinds of cones tell apart, too:
 * blue and orange differ in all of them, and both in lightness from the middle.
 */
export type Scheme = 'light' | 'dark';
type Rgb = readonly [number, number, number];

const stops: Readonly<Record<Scheme, { readonly low: Rgb; readonly middle: Rgb; readonly high: Rgb }>> = {
  light: { low: [5, 83, 152], middle: [250, 250, 250], high: [178, 74, 0] },
  dark: { low: [96, 178, 245], middle: [32, 33, 36], high: [255, 150, 66] },
};

/** @param share from -1 to 1; beyond, the end's colour */
export function colourOf(share: number, scheme: Scheme): Rgb {
  const { low, middle, high } = stops[scheme];
  const end = share < 0 ? low : high;
  const weight = Math.min(1, Math.abs(share));
  return [0, 1, 2].map((i) => Math.round(middle[i]! + weight * (end[i]! - middle[i]!))) as unknown as Rgb;
}

export const gradient = (scheme: Scheme) =>
  `linear-gradient(to right, ${[-1, -0.5, 0, 0.5, 1].map((share) => `rgb(${colourOf(share, scheme).join(' ')})`).join(', ')})`;

/** The largest distance from `neutral`, rounded up to a half, quarter, … of `unit`, so that colours do not flicker while values move. */
export function scaleOf(values: ArrayLike<number>, neutral: number, unit: number): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]! - neutral));
  return largest === 0 ? unit : unit * 2 ** Math.ceil(Math.log2(largest / unit));
}
