import { describe, expect, it } from 'vitest';
import { elements } from '../graph/tensor';
import { drawnWeight, relativeChange } from '../methods/core/drawing';
import { methodById, methods } from '../methods/core/registry';
import { readWeight } from '../models/core/load';
import type { Role } from '../models/core/model';
import { uniformValues } from '../random';
import { weightChanges, type DrawnContender } from '../train/drawn-layer';
import { openCheckpoint, taskOf } from '../train/fixtures.node';
import { TunedModel } from '../train/tuned-model';
import { averaged, mostCells, weightPicture } from './weight-picture';

/** Every method's picture of a weight is what its merge makes of it, and what is dragged is the same arithmetic on averages. */

/** A contender that trained something: its values are drawn, of its own and of the model. */
async function trained(checkpoint: string, id: string, given: object = {}) {
  const { reader, model } = await openCheckpoint(checkpoint);
  const method = methodById(id)!;
  const contender = { method, settings: method.schema.parse(given) };
  const tuned = new TunedModel({ model, task: taskOf(2), weights: 'f32', contender });
  const values = new Map(
    tuned.own.trained.map(({ name, shape }) => [name, uniformValues(elements(shape), 0.5, 7, name)]),
  );
  for (const frozen of tuned.own.frozen ?? []) values.set(frozen.name, tuned.frozenValues(frozen, 7));
  const read = async (name: string, shape: readonly number[]) =>
    (await readWeight(reader, model, { name, shape, dataType: 'f32' }, checkpoint)) as Float32Array;
  const base = new Map<string, Float32Array>();
  for (const { name, shape } of tuned.adapted.tensors) base.set(name, values.get(name) ?? (await read(name, shape)));
  const pictured: DrawnContender & { id: string } = { id, tuned, value: (name) => values.get(name) };
  return { reader, model, method, contender, tuned, values, base, pictured, read };
}
type Trained = Awaited<ReturnType<typeof trained>>;

/** A layer's weight, which may be rows of another's. */
function merged({ method, contender, tuned, values, base }: Trained, name: string): Float32Array {
  const site = tuned.adapted.linearLayers.find((layer) => layer.name === name)!;
  const ofBase = (tensor: string) => {
    const layer = tuned.adapted.linearLayers.find(
      (candidate) => tensor.startsWith(`${candidate.name}.`) && candidate.partOf,
    );
    if (!layer?.partOf || base.has(tensor)) return base.get(tensor)!;
    const width = tensor.endsWith('.weight') ? layer.inFeatures : 1;
    const whole = base.get(tensor.replace(layer.name, layer.partOf.name))!;
    return whole.subarray(layer.partOf.from * width, (layer.partOf.from + layer.outFeatures) * width);
  };
  const weights = new Map(
    method.merge!({
      ...{ settings: contender.settings, model: tuned.adapted },
      own: (tensor) => values.get(tensor)!,
      base: ofBase,
    }),
  );
  return weights.get(`${site.name}.weight`) ?? ofBase(`${site.name}.weight`);
}

const targets = ['query', 'up', 'down'] as const satisfies readonly Role[];
const cases = methods
  .filter(({ drawing }) => drawing)
  .flatMap(({ id }) =>
    ['tiny-roberta-random', 'gpt2-odd'].flatMap((checkpoint) => targets.map((role) => ({ id, checkpoint, role }))),
  );

describe.each(cases)('$id on $checkpoint, $role', ({ id, checkpoint, role }) => {
  it('draws the weight that merging gives', async () => {
    const adapts = 'targetModules' in methodById(id)!.schema.parse({});
    const given = adapts ? { targetModules: targets } : id === 'top-layers' ? { layers: 1 } : {};
    const all = await trained(checkpoint, id, given);
    const picture = await weightPicture(all.reader, all.model, [all.pictured], { role, layer: 1 }, checkpoint);
    const expected = merged(all, picture.name);
    const { inFeatures, outFeatures, rows, columns } = picture;
    const old = await weightBefore(all, picture.name, outFeatures, inFeatures);
    const [method] = picture.methods;
    const small = averaged(expected, [outFeatures, inFeatures], [columns, rows]);
    expect(relativeChange(method!.after, small)).toBeLessThan(1e-5);
    expect(method!.change).toBeCloseTo(relativeChange(expected, old), 4);
    expect(method!.change > 0).toBe(!['bitfit', 'head'].includes(id));
    // The strip's value is the merged weight's.
    const strip = await weightChanges(all.reader, all.model, all.pictured, checkpoint);
    const cell = strip.find((one) => one.role === role && one.layer === 1);
    expect((cell?.change ?? 0) / (relativeChange(expected, old) || 1)).toBeCloseTo(method!.change > 0 ? 1 : 0, 4);
    // Where no cells are averaged, the page computes the same from what it is sent.
    if (inFeatures <= mostCells && outFeatures <= mostCells) {
      const drawn = drawnWeight(all.method.drawing!, picture.before, method!.factors);
      expect(relativeChange(drawn, small)).toBeLessThan(1e-5);
    }
  });
});

/** The weight as the checkpoint has it. */
async function weightBefore({ tuned, read }: Trained, name: string, outFeatures: number, inFeatures: number) {
  const { partOf } = tuned.adapted.linearLayers.find((layer) => layer.name === name)!;
  if (!partOf) return read(`${name}.weight`, [outFeatures, inFeatures]);
  const whole = tuned.adapted.linearLayers.find((layer) => layer.name === partOf.name)!;
  const rows = await read(`${partOf.name}.weight`, [whole.outFeatures, inFeatures]);
  return rows.subarray(partOf.from * inFeatures, (partOf.from + outFeatures) * inFeatures);
}

it('has a drawing of every method', () => {
  expect(methods.filter(({ drawing }) => !drawing).map(({ id }) => id)).toEqual([]);
});

it('counts what is trained of the weight, and averages blocks', async () => {
  const all = await trained('gpt2-odd', 'lora', { rank: 3, targetModules: ['query'] });
  const {
    methods: drawn,
    inFeatures,
    outFeatures,
  } = await weightPicture(all.reader, all.model, [all.pictured], {}, '');
  expect(drawn[0]!.trained).toBe(3 * (inFeatures + outFeatures));
  expect([...averaged(Float32Array.of(1, 2, 3, 4, 5, 9), [2, 3], [1, 2])]).toEqual([2.5, 4.75]);
});
