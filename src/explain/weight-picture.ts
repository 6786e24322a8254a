/**
 * One weight of a model and what each contender makes of it, small enough to be drawn: the methods' factors and new weights are computed
 * at full size and then averaged over blocks, so that every cell of the picture is the mean of the cells it stands for.
 */
import type { WeightReader } from '../checkpoint/weights';
import { UserError } from '../errors';
import { drawnWeight, relativeChange, type Factor } from '../methods/core/drawing';
import type { Model, Role } from '../models/core/model';
import { drawnLayer, readLayer, trainedOf, type DrawnContender } from '../train/drawn-layer';
import type { TunedModel } from '../train/tuned-model';

/** A picture has at most so many cells a side. */
export const mostCells = 64;

export interface MethodPicture {
  /** The contender's id in the recipe. */
  readonly id: string;
  readonly words: string;
  /** Trained values that belong to this layer: to its weight or its bias. */
  readonly trained: number;
  /** Averaged over the blocks. */
  readonly factors: readonly Factor[];
  /** The new weight, averaged, `[columns, rows]`. */
  readonly after: Float32Array;
  /** ‖W_new − W0‖ / ‖W0‖ of the whole weight, Frobenius norms. */
  readonly change: number;
}

/** Rows are the layer's inputs and columns its outputs, as in x·W. */
export interface WeightPicture {
  /** `transformers`' path of the layer. */
  readonly name: string;
  readonly role: Role;
  readonly layer: number;
  /** Choices there are. */
  readonly roles: readonly Role[];
  readonly layers: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly rows: number;
  readonly columns: number;
  /** W0, averaged, `[columns, rows]`. */
  readonly before: Float32Array;
  readonly methods: readonly MethodPicture[];
}

/** Which weight of a model; by default the first query there is. */
export interface WeightPlace {
  readonly role?: Role;
  readonly layer?: number;
}

/** Means over blocks as equal as can be. @param values `[height, width]` @returns `[newHeight, newWidth]` */
export function averaged(
  values: Float32Array,
  [height, width]: readonly [number, number],
  [newHeight, newWidth]: readonly [number, number],
): Float32Array {
  const result = new Float32Array(newHeight * newWidth);
  const edge = (cell: number, size: number, cells: number) => Math.floor((cell * size) / cells);
  for (let row = 0; row < newHeight; row++)
    for (let column = 0; column < newWidth; column++) {
      const [top, bottom] = [edge(row, height, newHeight), edge(row + 1, height, newHeight)];
      const [left, right] = [edge(column, width, newWidth), edge(column + 1, width, newWidth)];
      let sum = 0;
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) sum += values[i * width + j]!;
      result[row * newWidth + column] = sum / ((bottom - top) * (right - left));
    }
  return result;
}

function siteOf({ linearLayers }: TunedModel['adapted'], { role, layer = 0 }: WeightPlace, roles: readonly Role[]) {
  const wanted = role && roles.includes(role) ? role : roles.includes('query') ? 'query' : roles[0]!;
  const sites = linearLayers.filter((site) => site.role === wanted);
  return sites.find((site) => site.layer === layer) ?? sites[0]!;
}

/**
 * Draws one weight of a checkpoint as every contender has it now. Only that weight and its bias are read.
 *
 * @param contenders at least one
 * @throws UserError those of `readWeight`
 */
export async function weightPicture(
  reader: WeightReader,
  model: Model,
  contenders: readonly (DrawnContender & { readonly id: string })[],
  place: WeightPlace,
  label: string,
): Promise<WeightPicture> {
  const { adapted } = contenders[0]!.tuned;
  const roles = [...new Set(adapted.linearLayers.flatMap(({ role }) => role ?? []))];
  if (roles.length === 0) throw new UserError('model/config', `${label} has no block whose weights could be drawn.`);
  const site = siteOf(adapted, place, roles);
  const { inFeatures, outFeatures } = site;
  const before = await readLayer(reader, model, site, adapted.linearLayers, label);
  const [rows, columns] = [Math.min(mostCells, inFeatures), Math.min(mostCells, outFeatures)];
  const smaller = (weight: Float32Array) => averaged(weight, [outFeatures, inFeatures], [columns, rows]);
  const smallerFactor = (factor: Factor): Factor => {
    const { along, lines, values } = factor;
    if (along === 'cells') return { ...factor, values: smaller(values) };
    const [size, cells] = along === 'inputs' ? [inFeatures, rows] : [outFeatures, columns];
    return { ...factor, values: averaged(values, [lines, size], [lines, cells]) };
  };
  const pictured = contenders.map((contender): MethodPicture => {
    const { drawing, title } = contender.tuned.options.contender!.method;
    const layer = drawnLayer(contender, site, before);
    const factors = drawing?.factors(layer) ?? [];
    const after = drawing ? drawnWeight(drawing, before.weight, factors) : before.weight;
    return {
      id: contender.id,
      words: drawing?.words(layer) ?? `${title} has no drawing.`,
      trained: trainedOf(contender, site),
      factors: factors.map(smallerFactor),
      after: smaller(after),
      change: relativeChange(after, before.weight),
    };
  });
  return {
    ...{ name: site.name, role: site.role!, layer: site.layer, roles, layers: model.numHiddenLayers },
    ...{ inFeatures, outFeatures, rows, columns },
    before: smaller(before.weight),
    methods: pictured,
  };
}
