/**
 * The same update on whole layers as on parts of them, of methods with factors A and B. Parts of ranks r, s, … become one pair of rank
 * r + s + …: their A below each other, their B on the diagonal, each in its part's rows.
 */
import type { LinearSite } from '../../models/core/model';
import type { AdaptedModel, OwnValues } from './method';
import { wholesOf } from './peft-config';
import { targetedSites, targetsOf } from './targets';

interface Stacked {
  readonly tensors: ReadonlyMap<string, OwnValues>;
  /** Ranks of the wholes, by name, and the scales that their B is made for: that of the first part. */
  readonly ranks: Readonly<Record<string, number>>;
  readonly scales: Readonly<Record<string, number>>;
  /** What is adapted then. */
  readonly targets: string[];
}

/** @param given all tensors @param format the names of A and B, and rank and scale of a layer */
export function stackedParts(
  model: AdaptedModel,
  targets: readonly string[],
  given: ReadonlyMap<string, OwnValues>,
  format: {
    readonly suffixes: readonly [string, string];
    factorsOf(site: LinearSite): { readonly rank: number; readonly scale: number };
  },
): Stacked {
  const [suffixA, suffixB] = format.suffixes;
  const tensors = new Map(given);
  const ranks: Record<string, number> = {};
  const scales: Record<string, number> = {};
  const wholes = wholesOf(model, targets);
  for (const { whole, parts } of wholes) {
    const { name: target, inFeatures, outFeatures } = whole;
    const factors = parts.map((site) => format.factorsOf(site));
    const total = factors.reduce((sum, { rank }) => sum + rank, 0);
    const { scale } = factors[0]!;
    const [a, b] = [new Float32Array(total * inFeatures), new Float32Array(outFeatures * total)];
    let at = 0;
    for (const [i, { name, outFeatures: rows, partOf }] of parts.entries()) {
      const { rank, scale: ownScale } = factors[i]!;
      a.set(given.get(`${name}.${suffixA}`)!.data, at * inFeatures);
      const values = given.get(`${name}.${suffixB}`)!.data;
      for (let row = 0; row < rows; row++)
        for (let k = 0; k < rank; k++)
          b[(partOf!.from + row) * total + at + k] = (values[row * rank + k]! * ownScale) / scale;
      at += rank;
      for (const suffix of format.suffixes) tensors.delete(`${name}.${suffix}`);
    }
    tensors.set(`${target}.${suffixA}`, { shape: [total, inFeatures], data: a });
    tensors.set(`${target}.${suffixB}`, { shape: [outFeatures, total], data: b });
    ranks[target] = total;
    scales[target] = scale;
  }
  const others = targetedSites(model, targets).filter(({ partOf }) => !partOf);
  return { tensors, ranks, scales, targets: targetsOf(model, [...wholes.map(({ whole }) => whole), ...others]) };
}
