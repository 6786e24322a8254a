/**
 * What the methods share that add a product of two thin matrices to a weight, as PEFT's LoRA does (`tuners/lora/layer.py`): the
 * settings, the factors A `[rank, in]` and B `[out, rank]` of every layer, their product, and how it is drawn.
 *
 * A starts Kaiming-uniform with a = √5, that is U(-1/√in, 1/√in); B starts at zero, so step 0 is the pre-trained model. `bias` trains
 * pre-trained biases along, as PEFT's `mark_only_lora_as_trainable` chooses them, and `modulesToSave` whole modules.
 */
import { z } from 'zod';
import { patternValue } from '../../checkpoint/peft-targets';
import type { LinearSite } from '../../models/core/model';
import { uniformValues } from '../../random';
import { inPlace, insideModule } from './base-tensors';
import { biasFactor, cellsFactor, type DrawnLayer, type Factor } from './drawing';
import type { AdaptedModel, TrainedTensor } from './method';
import { targetedNames, targetModules } from './targets';

export const rank = z.number().int().min(1).max(256);
const alpha = z.number().positive();
export const loraSchema = z.strictObject({
  rank: rank.default(8),
  alpha: alpha.default(16),
  dropout: z.number().min(0).max(0.9).default(0),
  targetModules,
  useRslora: z.boolean().default(false),
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
  /** Ranks and alphas of single layers, by name or pattern, as PEFT's `rank_pattern` and `alpha_pattern`. */
  rankPattern: z.record(z.string(), rank).optional(),
  alphaPattern: z.record(z.string(), alpha).optional(),
  /** Pre-trained modules that train in full, e.g. `pooler`; the task's head does anyway. */
  modulesToSave: z.array(z.string().min(1)).optional(),
});
export type LoraSettings = z.output<typeof loraSchema>;

/** Rank and scale of one layer. */
export function factorsOf({ name }: Pick<LinearSite, 'name'>, settings: LoraSettings) {
  const ownRank = patternValue(settings.rankPattern ?? {}, name, settings.rank);
  const ownAlpha = patternValue(settings.alphaPattern ?? {}, name, settings.alpha);
  return { rank: ownRank, scale: ownAlpha / (settings.useRslora ? Math.sqrt(ownRank) : ownRank) };
}

/** The pre-trained tensors that train along: biases and whole modules. */
export function along(
  model: AdaptedModel,
  { bias, modulesToSave = [], targetModules: targets }: LoraSettings,
): TrainedTensor[] {
  const adapted = targetedNames(model, targets);
  return inPlace(
    model.tensors.filter(
      ({ name }) =>
        (bias === 'all' && name.endsWith('.bias')) ||
        (bias === 'lora_only' && name.endsWith('.bias') && adapted.has(name.slice(0, -'.bias'.length))) ||
        modulesToSave.some((module) => insideModule(name, module)),
    ),
  );
}

/** A and B of one layer. @param suffixes of their names */
export function factorTensors(
  { name, inFeatures, outFeatures }: LinearSite,
  ownRank: number,
  [suffixA, suffixB]: readonly [string, string] = ['lora_A.weight', 'lora_B.weight'],
): TrainedTensor[] {
  const a = `${name}.${suffixA}`;
  return [
    {
      name: a,
      shape: [ownRank, inFeatures],
      decayTarget: 0,
      initial: (seed) => uniformValues(ownRank * inFeatures, 1 / Math.sqrt(inFeatures), seed, a),
    },
    {
      name: `${name}.${suffixB}`,
      shape: [outFeatures, ownRank],
      decayTarget: 0,
      initial: () => new Float32Array(outFeatures * ownRank),
    },
  ];
}

/** Row `o` of `B A`, in float64. */
export function productRow(a: Float32Array, b: Float32Array, ownRank: number, o: number): Float64Array {
  const inputs = a.length / ownRank;
  const row = new Float64Array(inputs);
  for (let k = 0; k < ownRank; k++)
    for (let i = 0; i < inputs; i++) row[i]! += b[o * ownRank + k]! * a[k * inputs + i]!;
  return row;
}

/** The weight that `change` makes of each row of an old one and the same row of `B A`. */
export function changedRows(
  weight: Float32Array,
  { a, b, rank: ownRank }: { readonly a: Float32Array; readonly b: Float32Array; readonly rank: number },
  change: (old: Float32Array, product: Float64Array, o: number) => ArrayLike<number>,
): Float32Array {
  const inputs = a.length / ownRank;
  const result = new Float32Array(weight.length);
  for (let o = 0; o < weight.length / inputs; o++)
    result.set(change(weight.subarray(o * inputs, (o + 1) * inputs), productRow(a, b, ownRank, o), o), o * inputs);
  return result;
}

/** `W + s B A`, a row of it. */
export const addedRow = (scale: number) => (old: Float32Array, product: Float64Array) =>
  product.map((value, i) => old[i]! + scale * value);

/** A and sB as they are drawn, B's values at an output below each other. */
export function drawnFactors(
  { a, b, rank: lines }: { readonly a: Float32Array; readonly b: Float32Array; readonly rank: number },
  scale: number,
  name = 'sB',
): Factor[] {
  const outputs = b.length / lines;
  return [
    { name: 'A', along: 'inputs', of: 'weight', lines, values: a, neutral: 0 },
    {
      ...({ name, along: 'outputs', of: 'weight', lines, neutral: 0 } as const),
      values: Float32Array.from(b, (_, at) => scale * b[(at % outputs) * lines + Math.floor(at / outputs)]!),
    },
  ];
}

/** The product of `drawnFactors` at a cell of the weight. */
export function drawnProduct([a, b]: readonly Factor[]): (at: number) => number {
  const [inputs, outputs] = [a!.values.length / a!.lines, b!.values.length / b!.lines];
  return (at) => {
    const [o, i] = [Math.floor(at / inputs), at % inputs];
    let product = 0;
    for (let k = 0; k < a!.lines; k++) product += b!.values[k * outputs + o]! * a!.values[k * inputs + i]!;
    return product;
  };
}

/** What trains along of a layer, as it is drawn. */
export function alongFactors(layer: DrawnLayer<LoraSettings>): Factor[] {
  const { model, settings, site } = layer;
  const trained = new Set(along(model, settings).map(({ name }) => name));
  return [
    ...(trained.has(`${site.name}.weight`) ? [cellsFactor(layer)] : []),
    ...(trained.has(`${site.name}.bias`) ? [biasFactor(layer)] : []),
  ];
}

/** Words for the settings that their names do not explain. */
export const loraWords = {
  rank: { label: 'Rank', help: 'Width of A and B: the rank of what is added to each weight.' },
  alpha: { label: 'Alpha', help: 'The added product is scaled by alpha / rank.' },
  useRslora: { label: 'Rank-stabilised', help: 'rsLoRA: the product is scaled by alpha / √rank instead.' },
  bias: { label: 'Biases', help: 'Pre-trained biases that train along: none, all, or those of the adapted layers.' },
};
