/**
 * VeRA, vector-based random matrix adaptation (Kopiczko et al. 2023, arXiv 2310.11454, Eq. 2), as PEFT trains it
 * (`tuners/vera/{model,layer}.py`):
 *
 *     h = x W0ᵀ + b + λ_b ⊙ ((λ_d ⊙ (dropout(x) Aᵀ)) Bᵀ)
 *
 * A `[rank, largest in]` and B `[largest out, rank]` are frozen, random, and shared by all layers, each of which takes as many of A's
 * columns and of B's rows as it has inputs and outputs. λ_d `[rank]` starts at `dInitial` and λ_b `[out]` at zero, so step 0 is the
 * pre-trained model. PEFT draws A and B from a key by PyTorch's generator, Kaiming-uniform; so do we, bit for bit, and where a folder
 * holds them, its own are taken.
 */
import { z } from 'zod';
import { add } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import { firstColumns } from '../graph/ops/select';
import { slice } from '../graph/ops/storage';
import type { LinearSite } from '../models/core/model';
import type { Drawing } from './core/drawing';
import { addedRow, changedRows, drawnFactors, drawnProduct } from './core/low-rank';
import type { AdaptedModel, Method, OwnTensor, OwnValues } from './core/method';
import { commonFields, fanInFanOut, refuseUnknownFields, wholesOf } from './core/peft-config';
import { mergeLayers, peftTargets, targetedNames, targetedSites, targetModules, targetsOf } from './core/targets';
import { torchUniform } from './core/torch-random';

const schema = z.strictObject({
  rank: z.number().int().min(1).max(4096).default(256),
  targetModules,
  dropout: z.number().min(0).max(0.9).default(0),
  dInitial: z.number().default(0.1),
  projectionPrngKey: z.number().int().min(0).max(0xffffffff).default(0),
});
type VeraSettings = z.output<typeof schema>;

/** What PEFT calls the shared projections, which lie beside the model. */
const names = { a: 'base_model.vera_A', b: 'base_model.vera_B' };
const suffix = { b: 'vera_lambda_b', d: 'vera_lambda_d' };

/** The shared projections, as large as the largest layers want them. */
function projections(
  model: AdaptedModel,
  { rank, targetModules: targets, projectionPrngKey: key }: VeraSettings,
): OwnTensor[] {
  const sites = targetedSites(model, targets);
  const inputs = Math.max(...sites.map(({ inFeatures }) => inFeatures));
  const outputs = Math.max(...sites.map(({ outFeatures }) => outFeatures));
  // Kaiming-uniform for a ReLU: U(-√(6 / fan in), √(6 / fan in)). B comes after A from one generator.
  const drawA = () => {
    const draw = torchUniform(key);
    return { draw, a: draw(rank * inputs, Math.sqrt(6 / inputs)) };
  };
  return [
    { name: names.a, shape: [rank, inputs], drawnFrom: key, initial: () => drawA().a },
    {
      name: names.b,
      shape: [outputs, rank],
      drawnFrom: `${key} after ${inputs}`,
      initial: () => drawA().draw(outputs * rank, Math.sqrt(6 / rank)),
    },
  ];
}

interface Vectors {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly lambdaB: Float32Array;
  readonly lambdaD: Float32Array;
}

/** A layer's own share of the projections with its vectors multiplied in: the factors of a product as LoRA's. */
function factorsOf({ inFeatures, outFeatures }: LinearSite, rank: number, { a, b, lambdaB, lambdaD }: Vectors) {
  const wide = a.length / rank;
  return {
    a: Float32Array.from({ length: rank * inFeatures }, (_, at) => {
      const k = Math.floor(at / inFeatures);
      return lambdaD[k]! * a[k * wide + (at % inFeatures)]!;
    }),
    b: Float32Array.from({ length: outFeatures * rank }, (_, at) => lambdaB[Math.floor(at / rank)]! * b[at]!),
    rank,
  };
}

const drawing: Drawing<VeraSettings> = {
  words: ({ model, settings, site }) =>
    targetedNames(model, settings.targetModules).has(site.name)
      ? `A product of rank ${settings.rank} is added to the weight. A and B are random and stay so; what trains is one number for each of their rows.`
      : 'This weight is none of those that VeRA was told to adapt, so it stays as it is.',
  factors({ model, settings, site, own, shared }) {
    if (!targetedNames(model, settings.targetModules).has(site.name)) return [];
    const vectors = { a: shared(names.a), b: shared(names.b), lambdaB: own(suffix.b), lambdaD: own(suffix.d) };
    const [a, b] = drawnFactors(factorsOf(site, settings.rank, vectors), 1);
    return [
      { ...a!, name: 'λ_d A' },
      { ...b!, name: 'λ_b B' },
    ];
  },
  weight(before, factors) {
    const product = drawnProduct(factors);
    return before.map((value, at) => value + product(at));
  },
};

export const method: Method<VeraSettings> = {
  id: 'vera',
  title: 'VeRA',
  family: 'lowRank',
  summary: 'Adds a product of random matrices, shared by all layers, of which each layer trains two scaling vectors.',
  citation: { title: 'VeRA: Vector-based Random Matrix Adaptation', url: 'https://arxiv.org/abs/2310.11454' },
  schema,
  words: {
    rank: {
      label: 'Rank',
      help: 'Rows of the shared random matrices; a layer trains one number for each, so it can be large.',
    },
    dInitial: { label: 'Initial λ_d', help: 'Where the vector between A and B starts.' },
    projectionPrngKey: { label: 'Key of the projections', help: 'The random matrices are PEFT’s for this key.' },
  },

  tensors: (model, settings) => ({
    trained: targetedSites(model, settings.targetModules).flatMap(({ name, outFeatures }) => [
      {
        ...{ name: `${name}.${suffix.b}`, shape: [outFeatures], decayTarget: 0 },
        initial: () => new Float32Array(outFeatures),
      },
      {
        ...{ name: `${name}.${suffix.d}`, shape: [settings.rank], decayTarget: 0 },
        initial: () => new Float32Array(settings.rank).fill(settings.dInitial),
      },
    ]),
    frozen: projections(model, settings),
  }),

  hooks({ graph, settings, model, own, dropout }) {
    const adapted = targetedNames(model, settings.targetModules);
    return {
      linear({ site, x, plain }) {
        if (!adapted.has(site.name)) return undefined;
        const a = firstColumns(graph, own(names.a), site.inFeatures);
        const b = slice(graph, own(names.b), 0, [site.outFeatures, settings.rank]);
        const part = (vector: string) => own(`${site.name}.${vector}`);
        const u = linear(graph, { x: dropout(x, settings.dropout, site), weight: a, columnScale: part(suffix.d) });
        return add(graph, plain(x), linear(graph, { x: u, weight: b, columnScale: part(suffix.b) }));
      },
    };
  },

  merge(context) {
    const [a, b] = [context.own(names.a), context.own(names.b)];
    return mergeLayers(context, (site, layer, own) => {
      const vectors = { a, b, lambdaB: own(suffix.b), lambdaD: own(suffix.d) };
      return { weight: changedRows(layer.weight, factorsOf(site, context.settings.rank, vectors), addedRow(1)) };
    });
  },

  drawing,

  adapter: {
    peftType: 'VERA',
    inPeft: true,
    config: ({ rank, targetModules: targets, dropout, dInitial, projectionPrngKey }, model) => ({
      r: rank,
      vera_dropout: dropout,
      d_initial: dInitial,
      projection_prng_key: projectionPrngKey,
      save_projection: true,
      target_modules: peftTargets(model, targetedSites(model, targets)),
      fan_in_fan_out: fanInFanOut(model, targetedSites(model, targets)),
      bias: 'none',
      init_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
    }),
    settings(contents) {
      const { config, tensors, model, refuse } = contents;
      const read = ['r', 'vera_dropout', 'd_initial', 'projection_prng_key', 'save_projection', 'bias', 'init_weights'];
      refuseUnknownFields(contents, new Set([...commonFields, ...read]));
      if ((config['bias'] ?? 'none') !== 'none')
        return refuse(`trains biases (bias "${String(config['bias'])}"), which this app does not support with VeRA`);
      const told = schema.safeParse({
        rank: config['r'],
        dropout: config['vera_dropout'],
        dInitial: config['d_initial'],
        projectionPrngKey: config['projection_prng_key'],
      });
      if (!told.success)
        return refuse('has no usable r, vera_dropout, d_initial or projection_prng_key in its adapter_config.json');
      const adapted = model.linearLayers.filter(({ name }) => tensors.has(`${name}.${suffix.d}`));
      if (adapted.length === 0) return refuse('holds no VeRA vectors for a linear layer of this model');
      if (config['save_projection'] === true && !(tensors.has(names.a) && tensors.has(names.b)))
        return refuse('says that it holds its projections, but does not; save it again with save_projection=True');
      return { ...told.data, targetModules: targetsOf(model, adapted) };
    },
    portable: onWholeLayers,
  },
};

/**
 * The same update on whole layers: the rank grows by a block for each part there is, in which B lies in that part's rows, and whole
 * layers keep a block of their own. A layer's λ_d is zero in the blocks that are not its.
 */
function onWholeLayers(settings: VeraSettings, model: AdaptedModel, given: ReadonlyMap<string, OwnValues>) {
  const wholes = wholesOf(model, settings.targetModules);
  if (wholes.length === 0) return { settings, tensors: given };
  const { rank } = settings;
  const sites = targetedSites(model, settings.targetModules).filter(({ partOf }) => !partOf);
  const layers = [...wholes.map(({ whole }) => whole), ...sites];
  const starts = [...new Set(wholes.flatMap(({ parts }) => parts.map(({ partOf }) => partOf!.from)))];
  const total = rank * (starts.length + 1);
  const [a, b] = [given.get(names.a)!, given.get(names.b)!];
  const outputs = Math.max(...layers.map(({ outFeatures }) => outFeatures));
  const wideA = new Float32Array(total * a.shape[1]!);
  for (let block = 0; block <= starts.length; block++) wideA.set(a.data, block * a.data.length);
  const wideB = new Float32Array(outputs * total);
  const height = wholes[0]!.parts[0]!.outFeatures;
  for (const [block, from] of [...starts, 0].entries())
    for (let o = 0; o < (block < starts.length ? height : b.shape[0]!); o++)
      wideB.set(b.data.subarray(o * rank, (o + 1) * rank), (from + o) * total + block * rank);
  const tensors = new Map(given);
  tensors.set(names.a, { shape: [total, a.shape[1]!], data: wideA });
  tensors.set(names.b, { shape: [outputs, total], data: wideB });
  const place = (
    layer: LinearSite,
    shares: { readonly site: LinearSite; readonly block: number; readonly from: number }[],
  ) => {
    const [lambdaB, lambdaD] = [new Float32Array(layer.outFeatures), new Float32Array(total)];
    for (const { site, block, from } of shares) {
      lambdaB.set(given.get(`${site.name}.${suffix.b}`)!.data, from);
      lambdaD.set(given.get(`${site.name}.${suffix.d}`)!.data, block * rank);
      for (const vector of Object.values(suffix)) tensors.delete(`${site.name}.${vector}`);
    }
    tensors.set(`${layer.name}.${suffix.b}`, { shape: [layer.outFeatures], data: lambdaB });
    tensors.set(`${layer.name}.${suffix.d}`, { shape: [total], data: lambdaD });
  };
  for (const site of sites) place(site, [{ site, block: starts.length, from: 0 }]);
  for (const { whole, parts } of wholes)
    place(
      whole,
      parts.map((site) => ({ site, block: starts.indexOf(site.partOf!.from), from: site.partOf!.from })),
    );
  return { settings: { ...settings, rank: total, targetModules: targetsOf(model, layers) }, tensors };
}
