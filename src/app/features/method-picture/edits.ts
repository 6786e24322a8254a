/** What a visitor has changed of a method's factors, and the weight that comes of it. */
import { drawnWeight, type Drawing, type Factor } from '../../../methods/core/drawing';
import type { MethodPicture, WeightPicture } from '../../../explain/weight-picture';

/** One value of a factor. */
export interface Handle {
  readonly factor: number;
  readonly line: number;
  /** Place along the inputs or outputs; of a cell, `output · rows + input`. */
  readonly place: number;
}

export const placesOf = ({ values, lines }: Factor) => values.length / lines;
export const indexOf = ({ line, place }: Handle, factor: Factor) => line * placesOf(factor) + place;

/** How far a value can be moved from the neutral one, or from zero where it is not there. */
export function reachOf({ values, neutral, along }: Factor, largestWeight: number): number {
  if (along === 'cells') return 2 * largestWeight;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value - neutral)), 0);
  return neutral === 1 || largest === 0 ? Math.max(2, 2 * largest) : 4 * largest;
}

/** The handle, or the first there is where the factors have become others. */
export function validHandle(handle: Handle, factors: readonly Factor[]): Handle {
  const factor = factors[handle.factor];
  const fits = factor && handle.line < factor.lines && handle.place < placesOf(factor);
  return fits ? handle : { factor: 0, line: 0, place: 0 };
}

/** The factors with one value changed. */
export function withValue(factors: readonly Factor[], handle: Handle, value: number): Factor[] {
  const factor = factors[handle.factor]!;
  return factors.with(handle.factor, { ...factor, values: factor.values.with(indexOf(handle, factor), value) });
}

/** The new weight in the picture: of the run's own values as it was sent, of changed ones computed on the picture's cells. */
export function weightOf(
  { before, methods }: WeightPicture,
  method: MethodPicture,
  drawing: Drawing<never> | undefined,
  factors: readonly Factor[],
): Float32Array {
  const sent = methods.find(({ id }) => id === method.id)!;
  if (!drawing || factors === sent.factors) return sent.after;
  // What the change adds to the cells; the rest stays exact where averages and products do not commute.
  const [changed, unchanged] = [drawnWeight(drawing, before, factors), drawnWeight(drawing, before, sent.factors)];
  return sent.after.map((value, i) => value + changed[i]! - unchanged[i]!);
}
