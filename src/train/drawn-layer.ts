/**
 * A layer of the pre-trained model beside what a contender has made of it, on the host: for pictures of a weight, and for how far every
 * weight has moved. The pre-trained values are read from the checkpoint when they are needed, and not kept.
 */
import type { WeightReader } from '../checkpoint/weights';
import { elements, type Tensor } from '../graph/tensor';
import { drawnWeight, relativeChange, type DrawnLayer } from '../methods/core/drawing';
import { readWeight } from '../models/core/load';
import type { LinearSite, Model } from '../models/core/model';
import type { WeightChange } from './events';
import type { TunedModel } from './tuned-model';

/** A contender and its values. */
export interface DrawnContender {
  readonly tuned: TunedModel;
  /** Values of a tensor that the contender trains or freezes of its own; undefined for one of the model that it leaves alone. */
  value(name: string): Float32Array | undefined;
}

/** @param trained values of what trains, by name */
export const drawnContender = (
  tuned: TunedModel,
  seed: number,
  trained: (name: string) => Float32Array | undefined,
): DrawnContender => ({
  tuned,
  value(name) {
    const frozen = tuned.own.frozen?.find((tensor) => tensor.name === name);
    return frozen ? tuned.frozenValues(frozen, seed) : trained(name);
  },
});

/** The tensors of a layer, or, of a layer that is a part of another, the rows of that one's. */
function layerTensors({ name, inFeatures, outFeatures, partOf }: LinearSite, sites: readonly LinearSite[]) {
  const tensor = (suffix: string, width: number[]): Pick<Tensor, 'name' | 'shape' | 'dataType' | 'part'> => {
    const whole = partOf && sites.find((site) => site.name === partOf.name)!;
    return {
      ...{ name: `${name}.${suffix}`, shape: [outFeatures, ...width], dataType: 'f32' },
      ...(partOf && {
        part: { of: `${partOf.name}.${suffix}`, shape: [whole!.outFeatures, ...width], from: partOf.from },
      }),
    };
  };
  return { weight: tensor('weight', [inFeatures]), bias: tensor('bias', []) };
}

/** A layer as the checkpoint has it. @param sites all linear layers of the model @throws UserError as `readWeight` */
export async function readLayer(
  reader: WeightReader,
  model: Model,
  site: LinearSite,
  sites: readonly LinearSite[],
  label: string,
): Promise<DrawnLayer<object>['before']> {
  const { weight, bias } = layerTensors(site, sites);
  const read = async (tensor: typeof weight) => (await readWeight(reader, model, tensor, label)) as Float32Array;
  return { weight: await read(weight), bias: await read(bias) };
}

/** What a layer was, and what the contender's training in place has made of it. */
export function drawnLayer(
  { tuned, value }: DrawnContender,
  site: LinearSite,
  before: DrawnLayer<object>['before'],
): DrawnLayer<object> {
  const { weight, bias } = layerTensors(site, tuned.adapted.linearLayers);
  const now = ({ name, shape, part }: typeof weight, old: Float32Array) => {
    const trained = value(part?.of ?? name);
    if (!trained) return old;
    const start = part ? part.from * elements(shape.slice(1)) : 0;
    return trained.subarray(start, start + elements(shape));
  };
  return {
    settings: tuned.options.contender!.settings,
    model: tuned.adapted,
    site,
    before,
    now: { weight: now(weight, before.weight), bias: now(bias, before.bias) },
    shared: (name) => value(name)!,
    own(suffix) {
      const name = `${site.name}.${suffix}`;
      const first = () => tuned.own.trained.find((tensor) => tensor.name === name)!.fromLayer!.values(before);
      return value(name) ?? first();
    },
  };
}

/** Values a contender trains of one layer. */
export function trainedOf({ tuned }: Pick<DrawnContender, 'tuned'>, { name, partOf, outFeatures }: LinearSite): number {
  let count = 0;
  for (const tensor of tuned.own.trained) {
    if (tensor.name.startsWith(`${name}.`)) count += elements(tensor.shape);
    else if (partOf && (tensor.name === `${partOf.name}.weight` || tensor.name === `${partOf.name}.bias`))
      count += (elements(tensor.shape) / tensor.shape[0]!) * outFeatures;
  }
  return count;
}

/** Layers of the blocks whose weight the contender may change; of a layer with parts, the parts where these are what changes. */
function changedSites({ tuned }: DrawnContender): LinearSite[] {
  const { linearLayers } = tuned.adapted;
  const biases = (site: LinearSite) => tuned.own.trained.some(({ name }) => name === `${site.name}.bias`);
  const touched = linearLayers.filter(
    (site) => site.role !== undefined && trainedOf({ tuned }, site) > (biases(site) ? site.outFeatures : 0),
  );
  return touched.filter(({ name }) => !touched.some(({ partOf }) => partOf?.name === name));
}

/**
 * How far a contender has moved every weight that it changes, whatever its method; empty where it cannot be merged.
 *
 * @throws UserError as `readWeight`
 */
export async function weightChanges(
  reader: WeightReader,
  model: Model,
  contender: DrawnContender,
  label: string,
): Promise<WeightChange[]> {
  const { merge, drawing } = contender.tuned.options.contender!.method;
  if (!merge || !drawing) return [];
  const changes: WeightChange[] = [];
  for (const site of changedSites(contender)) {
    const before = await readLayer(reader, model, site, contender.tuned.adapted.linearLayers, label);
    const factors = drawing.factors(drawnLayer(contender, site, before));
    if (!factors.some(({ of }) => of === 'weight')) continue;
    const change = relativeChange(drawnWeight(drawing, before.weight, factors), before.weight);
    changes.push({ role: site.role!, layer: site.layer, change });
  }
  return changes;
}
