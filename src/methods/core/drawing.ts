/**
 * What a method does to one weight, as a picture: the factors that it trains, beside the pre-trained weight, and the weight that
 * comes of them. A method's file tells both, so that a page draws and changes them without knowing any method.
 *
 * All of it also works on averages over blocks of a weight, which is how a large one is drawn.
 */
import type { LinearSite } from '../../models/core/model';
import type { AdaptedModel } from './method';

/** Trained values that belong to the inputs of a layer, to its outputs, or to single cells of its weight. */
export interface Factor {
  /** As the method's paper writes it. */
  readonly name: string;
  readonly along: 'inputs' | 'outputs' | 'cells';
  /** Whether it changes the weight or the bias. */
  readonly of: 'weight' | 'bias';
  /** Values at one place: the rank, where a factor is a matrix. */
  readonly lines: number;
  /** `[lines, inputs]`, `[lines, outputs]` or `[outputs, inputs]`. */
  readonly values: Float32Array;
  /** The value that changes nothing. */
  readonly neutral: number;
}

/** A layer of the model, or a part of one. */
export interface LayerTensors {
  /** `[outFeatures, inFeatures]` */
  readonly weight: Float32Array;
  /** `[outFeatures]` */
  readonly bias: Float32Array;
}

/** Which layer is drawn. */
export interface DrawnSite<Settings> {
  readonly settings: Settings;
  readonly model: AdaptedModel;
  readonly site: LinearSite;
}

/** A layer with its values. */
export interface DrawnLayer<Settings> extends DrawnSite<Settings> {
  readonly before: LayerTensors;
  /** What trains in place as it is now; the rest as before. */
  readonly now: LayerTensors;
  /** Values of a tensor of the method's own, `<site>.<suffix>`. */
  own(suffix: string): Float32Array;
  /** Values of a tensor of the method's own that belongs to no single layer. */
  shared(name: string): Float32Array;
}

export interface Drawing<Settings> {
  /** What is seen, in one sentence. */
  words(drawn: DrawnSite<Settings>): string;
  /** Empty where the method leaves the layer as it was. */
  factors(layer: DrawnLayer<Settings>): Factor[];
  /** The new weight of an old one, both `[outputs, inputs]`, by factors of that size; those of single cells are in it already. */
  weight?(before: Float32Array, factors: readonly Factor[]): Float32Array;
}

const difference = (now: Float32Array, before: Float32Array) => now.map((value, i) => value - before[i]!);

/** A pre-trained weight that trains: every cell by itself. */
export const cellsFactor = ({ before, now }: Pick<DrawnLayer<unknown>, 'before' | 'now'>): Factor => ({
  ...({ name: 'ΔW', along: 'cells', of: 'weight', lines: 1, neutral: 0 } as const),
  values: difference(now.weight, before.weight),
});

/** A pre-trained bias that trains. */
export const biasFactor = ({ before, now }: Pick<DrawnLayer<unknown>, 'before' | 'now'>): Factor => ({
  ...({ name: 'Δb', along: 'outputs', of: 'bias', lines: 1, neutral: 0 } as const),
  values: difference(now.bias, before.bias),
});

/** The weight that a drawing makes of another one. */
export function drawnWeight(
  { weight }: Pick<Drawing<never>, 'weight'>,
  before: Float32Array,
  factors: readonly Factor[],
): Float32Array {
  const cells = factors.find(({ along }) => along === 'cells');
  const trained = cells ? before.map((value, i) => value + cells.values[i]!) : before;
  const others = factors.filter(({ along, of }) => along !== 'cells' && of === 'weight');
  return weight && others.length > 0 ? weight(trained, others) : trained;
}

/** ‖after − before‖ / ‖before‖; 0 where `before` is all zeros and nothing changed. */
export function relativeChange(after: Float32Array, before: Float32Array): number {
  let [changed, whole] = [0, 0];
  for (let i = 0; i < before.length; i++) {
    changed += (after[i]! - before[i]!) ** 2;
    whole += before[i]! ** 2;
  }
  return changed === 0 ? 0 : Math.sqrt(changed / whole);
}
