/**
 * A method keeps its colour everywhere: in every chart, table and run. The colour follows from the method's id alone.
 *
 * The hues are Okabe and Ito's, told apart with every common colour blindness, darkened or lightened until they stand out
 * from the page (3 : 1 or more) in both schemes. `styles.css` has the same values as `--method-0` … `--method-7`.
 */
import { methods } from '../peft/registry';

export const palette = {
  light: ['#0072b2', '#c44e00', '#007a5a', '#a8518a', '#7a6a00', '#3b7f9e', '#8a4b2a', '#5b5b6b'],
  dark: ['#4ba6e0', '#ff8a3c', '#2fc296', '#e39ac4', '#e0c82f', '#8ccdee', '#d39a78', '#a9a9b8'],
} as const;

/** The pre-trained model without any method. */
const baseColour = 7;

/** @param id a method's id in its run, e.g. `hut` or `lora-2`, or `base` */
export function methodSlot(id: string): number {
  if (id === 'base') return baseColour;
  const [, name = id, count = '1'] = /^(.*?)(?:-(\d+))?$/.exec(id)!;
  const index = Math.max(
    0,
    methods.findIndex((method) => method.id === name),
  );
  return (index + (Number(count) - 1) * methods.length) % baseColour;
}

/** As CSS, following the scheme: `var(--method-0)`. For `style`, `stroke` and `fill` alike. */
export const methodColour = (id: string) => `var(--method-${methodSlot(id)})`;

/** As a fixed value, e.g. for an image. */
export const methodColourValue = (id: string, scheme: 'light' | 'dark') => palette[scheme][methodSlot(id)]!;
