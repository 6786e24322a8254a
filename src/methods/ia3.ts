/**
 * (IA)³ (Liu et al. 2022, arXiv 2205.05638, section 3.3), as PEFT trains it (`tuners/ia3/layer.py`): a trained vector l multiplies the
 * output of each chosen layer, bias included, or, of the modules named in `feedforwardModules`, its input:
 *
 *     h = l ⊙ (x W0ᵀ + b),   h = (l ⊙ x) W0ᵀ + b
 *
 * The default is the paper's: keys, values, and what goes into the feed-forward's second layer. l is `[out, 1]`, or `[1, in]` for an
 * input, as PEFT keeps it; it starts at one, so step 0 is the pre-trained model, and weight decay pulls it there.
 */
import { z } from 'zod';
import { UserError } from '../errors';
import { linear } from '../graph/ops/linear';
import { multiply } from '../graph/ops/multiply';
import { view } from '../graph/ops/storage';
import type { LinearSite } from '../models/core/model';
import type { Drawing } from './core/drawing';
import type { AdaptedModel, Method, OwnValues } from './core/method';
import { commonFields, fanInFanOut, refuseUnknownFields, wholesOf } from './core/peft-config';
import { mergeLayers, peftTargets, targetedNames, targetedSites, targetModules, targetsOf } from './core/targets';

const schema = z.strictObject({
  targetModules: targetModules.default(['key', 'value', 'down']),
  feedforwardModules: z.array(z.string().min(1).max(256)).max(4096).default(['down']),
});
type Ia3Settings = z.output<typeof schema>;

const suffix = 'ia3_l';
const ones = (count: number) => new Float32Array(count).fill(1);

/** Adapted layers, and names of those whose input is scaled. @throws UserError `recipe/target` */
function adaptedSites(
  model: AdaptedModel,
  settings: Ia3Settings,
): { sites: LinearSite[]; inputs: ReadonlySet<string> } {
  const sites = targetedSites(model, settings.targetModules);
  const named = targetedNames(model, settings.feedforwardModules);
  const inputs = sites.filter(({ name }) => named.has(name));
  const part = inputs.find(({ partOf }) => partOf);
  if (part)
    throw new UserError(
      'recipe/target',
      `feedforwardModules: ${part.name} is a part of ${part.partOf!.name}, whose parts have one input; name the whole, or scale its output.`,
    );
  return { sites, inputs: new Set(inputs.map(({ name }) => name)) };
}

const shapeOf = ({ inFeatures, outFeatures }: LinearSite, input: boolean) =>
  input ? [1, inFeatures] : [outFeatures, 1];

const drawing: Drawing<Ia3Settings> = {
  words({ model, settings, site }) {
    const { sites, inputs } = adaptedSites(model, settings);
    if (!sites.some(({ name }) => name === site.name))
      return 'This weight is none of those that (IA)³ was told to scale, so it stays as it is.';
    return inputs.has(site.name)
      ? 'Every row of the weight, which is an input of the layer, is multiplied by its l.'
      : 'Every column of the weight, which is an output of the layer, is multiplied by its l, and so is the bias.';
  },
  factors({ model, settings, site, own, before }) {
    const { sites, inputs } = adaptedSites(model, settings);
    if (!sites.some(({ name }) => name === site.name)) return [];
    const values = own(suffix);
    const scale = { name: 'l', of: 'weight', lines: 1, values, neutral: 1 } as const;
    if (inputs.has(site.name)) return [{ ...scale, along: 'inputs' }];
    const change = before.bias.map((bias, o) => bias * (values[o]! - 1));
    return [
      { ...scale, along: 'outputs' },
      { name: 'Δb', along: 'outputs', of: 'bias', lines: 1, values: change, neutral: 0 },
    ];
  },
  weight(before, [factor]) {
    const { values, along } = factor!;
    const inputs = along === 'inputs' ? values.length : before.length / values.length;
    return before.map((value, at) => value * values[along === 'inputs' ? at % inputs : Math.floor(at / inputs)]!);
  },
};

export const method: Method<Ia3Settings> = {
  id: 'ia3',
  title: '(IA)³',
  family: 'scaling',
  summary: 'Multiplies keys, values and the feed-forward’s inner state by one trained vector each.',
  citation: {
    title: 'Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning',
    url: 'https://arxiv.org/abs/2205.05638',
  },
  schema,
  words: {
    feedforwardModules: {
      label: 'Scaled at the input',
      help: 'Of those target modules that are named here too, the input is scaled; of all others the output.',
    },
  },

  tensors(model, settings) {
    const { sites, inputs } = adaptedSites(model, settings);
    return {
      trained: sites.map((site) => {
        const shape = shapeOf(site, inputs.has(site.name));
        return { name: `${site.name}.${suffix}`, shape, decayTarget: 1, initial: () => ones(shape[0]! * shape[1]!) };
      }),
    };
  },

  hooks({ graph, settings, model, own }) {
    const { sites, inputs } = adaptedSites(model, settings);
    const adapted = new Set(sites.map(({ name }) => name));
    return {
      linear({ site, x, weight, bias }) {
        if (!adapted.has(site.name)) return undefined;
        const vector = (size: number) => view(graph, own(`${site.name}.${suffix}`), 0, [size]);
        if (inputs.has(site.name)) return linear(graph, { x, weight, bias, rowScale: vector(site.inFeatures) });
        const columnScale = vector(site.outFeatures);
        return linear(graph, { x, weight, columnScale, bias: multiply(graph, columnScale, bias) });
      },
    };
  },

  merge(context) {
    const { inputs } = adaptedSites(context.model, context.settings);
    return mergeLayers(context, ({ name, inFeatures }, layer, own) => {
      const l = own(suffix);
      if (inputs.has(name)) return { weight: layer.weight.map((value, at) => value * l[at % inFeatures]!) };
      return {
        weight: layer.weight.map((value, at) => value * l[Math.floor(at / inFeatures)]!),
        bias: layer.bias.map((value, o) => value * l[o]!),
      };
    });
  },

  drawing,

  adapter: {
    peftType: 'IA3',
    inPeft: true,
    config(settings, model) {
      const { sites, inputs } = adaptedSites(model, settings);
      const names = (chosen: LinearSite[]) => peftTargets(model, chosen);
      // PEFT wants the one list to be a part of the other, name by name.
      const feedforward = names(sites.filter(({ name }) => inputs.has(name)));
      return {
        target_modules: [...feedforward, ...names(sites.filter(({ name }) => !inputs.has(name)))],
        feedforward_modules: feedforward,
        fan_in_fan_out: fanInFanOut(model, sites),
        init_ia3_weights: true,
      };
    },
    settings(contents) {
      const { tensors, model, refuse } = contents;
      refuseUnknownFields(contents, new Set([...commonFields, 'feedforward_modules', 'init_ia3_weights']));
      const adapted = model.linearLayers.filter(({ name }) => tensors.has(`${name}.${suffix}`));
      if (adapted.length === 0) return refuse('holds no (IA)³ vectors for a linear layer of this model');
      const inputs = adapted.filter(({ name }) => tensors.get(`${name}.${suffix}`)!.shape[0] === 1);
      return { targetModules: targetsOf(model, adapted), feedforwardModules: targetsOf(model, inputs) };
    },
    /** Outputs that no part scales are multiplied by one. */
    portable(settings, model, given) {
      const tensors = new Map(given);
      const wholes = wholesOf(model, settings.targetModules);
      for (const { whole, parts } of wholes) {
        const data = ones(whole.outFeatures) as OwnValues['data'];
        for (const { name, partOf } of parts) {
          data.set(given.get(`${name}.${suffix}`)!.data, partOf!.from);
          tensors.delete(`${name}.${suffix}`);
        }
        tensors.set(`${whole.name}.${suffix}`, { shape: [whole.outFeatures, 1], data });
      }
      const sites = targetedSites(model, settings.targetModules).filter(({ partOf }) => !partOf);
      const targets = targetsOf(model, [...wholes.map(({ whole }) => whole), ...sites]);
      return { settings: { ...settings, targetModules: targets }, tensors };
    },
  },
};
