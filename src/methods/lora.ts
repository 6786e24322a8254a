/**
 * LoRA (Hu et al. 2021, arXiv 2106.09685), as PEFT trains it: `h = x W0ᵀ + b + scale · (dropout(x) Aᵀ) Bᵀ`, with `scale = alpha / rank`, or
 * `alpha / √rank` for rsLoRA (Kalajdzievski 2023, arXiv 2312.03732).
 *
 * A `[rank, in]` starts Kaiming-uniform with a = √5, that is U(-1/√in, 1/√in); B `[out, rank]` starts at zero, so step 0 is the
 * pre-trained model. `bias` trains pre-trained biases along, as PEFT's `mark_only_lora_as_trainable` chooses them, and
 * `modulesToSave` whole modules.
 */
import { z } from 'zod';
import { patternValue, targetedModules } from '../checkpoint/peft-targets';
import { UserError } from '../errors';
import { add } from '../graph/ops/elementwise';
import { linear } from '../graph/ops/linear';
import type { LinearSite } from '../models/core/model';
import { uniformValues } from '../random';
import { inPlace, insideModule } from './core/base-tensors';
import { biasFactor, cellsFactor, type Drawing } from './core/drawing';
import type { AdaptedModel, AdapterContents, Method, OwnValues, TrainedTensor } from './core/method';
import { mergeLayers, peftTargets, targetedNames, targetedSites, targetModules, targetsOf } from './core/targets';

const rank = z.number().int().min(1).max(256);
const alpha = z.number().positive();
const schema = z.strictObject({
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
export type LoraSettings = z.output<typeof schema>;

/** Rank and scale of one layer. */
function factorsOf({ name }: Pick<LinearSite, 'name'>, settings: LoraSettings) {
  const ownRank = patternValue(settings.rankPattern ?? {}, name, settings.rank);
  const ownAlpha = patternValue(settings.alphaPattern ?? {}, name, settings.alpha);
  return { rank: ownRank, scale: ownAlpha / (settings.useRslora ? Math.sqrt(ownRank) : ownRank) };
}

/** The pre-trained tensors that train along: biases and whole modules. */
function along(
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

/** What a config may say without changing what the adapter computes. */
const harmless = new Set([
  ...['peft_type', 'r', 'lora_alpha', 'lora_dropout', 'bias', 'use_rslora', 'rank_pattern', 'alpha_pattern'],
  // What decides is which tensors the folder holds.
  ...['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', 'modules_to_save'],
  ...['auto_mapping', 'base_model_name_or_path', 'revision', 'task_type', 'inference_mode', 'peft_version'],
  // A linear layer is [out, in] whatever this says: PEFT itself corrects it.
  'fan_in_fan_out',
  // Used to make the first values of the factors, which the file holds.
  ...['init_lora_weights', 'loftq_config', 'eva_config', 'runtime_config'],
  ...['megatron_core', 'qalora_group_size', 'ensure_weight_tying'],
]);
/** Ways to begin that leave the base model's weights alone; PiSSA, OLoRA, CorDA and LoftQ change them. */
const plainInitialisation: unknown[] = [undefined, null, true, false, 'gaussian', 'eva', 'orthogonal'];

const isOff = (value: unknown) =>
  typeof value === 'object' && value !== null ? Object.keys(value).length === 0 : !value;

/** The layers that a configuration means, by PEFT's rules; undefined where its patterns are beyond what is read here. */
function meant(config: z.output<typeof peftConfig>, model: AdaptedModel): string[] | undefined {
  try {
    const layers = model.linearLayers.filter(({ partOf }) => !partOf).map(({ name }) => name);
    return targetedModules({ ...config, target_modules: config.target_modules ?? [] }, layers, []);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The fields of `adapter_config.json` that tell how LoRA computes. */
const names = z.union([z.string(), z.array(z.string())]).nullish();
const peftConfig = z.looseObject({
  r: z.int().min(1),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).max(0.9).default(0),
  use_rslora: z.boolean().default(false),
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
  alpha_pattern: z.record(z.string(), z.number().positive()).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  target_modules: names,
  exclude_modules: names,
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  layers_pattern: names,
});

function settingsOf({ config: json, tensors, model, refuse }: AdapterContents): Partial<LoraSettings> {
  for (const [key, value] of Object.entries(json))
    if (!harmless.has(key) && !isOff(value))
      return refuse(`uses ${key}, which this app does not support; it would be computed wrongly`);
  if (!plainInitialisation.includes(json['init_lora_weights']))
    return refuse(
      `uses init_lora_weights "${String(json['init_lora_weights'])}", which changes the base model; convert it to a plain LoRA`,
    );
  const parsed = peftConfig.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return refuse(`has no usable ${path.join('.')} (${message})`);
  }
  const config = parsed.data;
  const foreign = [...tensors.keys()].find((name) => name.includes('.lora_') && !/\.lora_[AB]\.weight$/.test(name));
  if (foreign) return refuse(`holds ${foreign}, which is no plain LoRA`);
  const adapted = model.linearLayers.filter(({ name }) => tensors.has(`${name}.lora_A.weight`));
  if (adapted.length === 0) return refuse('holds no LoRA factors for a linear layer of this model');
  // What decides is which tensors there are; but a layer that the configuration means and that has none was lost.
  const lost = meant(config, model)?.find((name) => !adapted.some((site) => site.name === name));
  if (lost) return refuse(`says that it adapts ${lost}, but holds no factors for it`);
  const rankAt = ({ name }: LinearSite) => tensors.get(`${name}.lora_A.weight`)!.shape[0]!;
  const alphaAt = ({ name }: LinearSite) => patternValue(config.alpha_pattern ?? {}, name, config.lora_alpha);
  const differing = (at: (site: LinearSite) => number, usual: number) => {
    const entries = adapted.flatMap((site): [string, number][] => (at(site) === usual ? [] : [[site.name, at(site)]]));
    return entries.length ? Object.fromEntries(entries) : undefined;
  };
  const [rankPattern, alphaPattern] = [differing(rankAt, config.r), differing(alphaAt, config.lora_alpha)];
  const saved = (config.modules_to_save ?? []).filter((module) =>
    model.tensors.some(({ name }) => insideModule(name, module) && tensors.has(name)),
  );
  return {
    rank: config.r,
    alpha: config.lora_alpha,
    dropout: config.lora_dropout,
    targetModules: targetsOf(model, adapted),
    useRslora: config.use_rslora,
    bias: config.bias,
    ...(rankPattern && { rankPattern }),
    ...(alphaPattern && { alphaPattern }),
    ...(saved.length && { modulesToSave: saved }),
  };
}

/**
 * The same update on whole layers. Parts of ranks r, s, … become one pair of rank r + s + …: their A below each other, their B on the
 * diagonal, each in its part's rows.
 */
function onWholeLayers(settings: LoraSettings, model: AdaptedModel, given: ReadonlyMap<string, OwnValues>) {
  const sites = targetedSites(model, settings.targetModules);
  const wholes = model.linearLayers.filter(({ name }) => sites.some(({ partOf }) => partOf?.name === name));
  if (wholes.length === 0) return { settings, tensors: given };
  const tensors = new Map(given);
  const [ranks, alphas] = [{ ...settings.rankPattern }, { ...settings.alphaPattern }];
  for (const { name: whole, inFeatures, outFeatures } of wholes) {
    const parts = sites.filter(({ partOf }) => partOf?.name === whole);
    const factors = parts.map((site) => factorsOf(site, settings));
    const total = factors.reduce((sum, { rank: own }) => sum + own, 0);
    const { scale } = factors[0]!;
    const [a, b] = [new Float32Array(total * inFeatures), new Float32Array(outFeatures * total)];
    let at = 0;
    for (const [i, { name, outFeatures: rows, partOf }] of parts.entries()) {
      const { rank: own, scale: ownScale } = factors[i]!;
      a.set(tensors.get(`${name}.lora_A.weight`)!.data, at * inFeatures);
      const values = tensors.get(`${name}.lora_B.weight`)!.data;
      for (let row = 0; row < rows; row++)
        for (let k = 0; k < own; k++)
          b[(partOf!.from + row) * total + at + k] = (values[row * own + k]! * ownScale) / scale;
      at += own;
      for (const factor of ['A', 'B']) tensors.delete(`${name}.lora_${factor}.weight`);
    }
    tensors.set(`${whole}.lora_A.weight`, { shape: [total, inFeatures], data: a });
    tensors.set(`${whole}.lora_B.weight`, { shape: [outFeatures, total], data: b });
    ranks[whole] = total;
    alphas[whole] = scale * (settings.useRslora ? Math.sqrt(total) : total);
  }
  const targets = targetsOf(model, [...wholes, ...sites.filter(({ partOf }) => !partOf)]);
  return { settings: { ...settings, targetModules: targets, rankPattern: ranks, alphaPattern: alphas }, tensors };
}

/** `s B A` over the weight, its scale s drawn with B. */
const drawing: Drawing<LoraSettings> = {
  words: ({ model, settings, site }) =>
    targetedNames(model, settings.targetModules).has(site.name)
      ? `s B A, a product of rank ${factorsOf(site, settings).rank}, is added to the weight: a row takes its part by A, a column by sB.`
      : 'This weight is none of those that LoRA was told to adapt, so it stays as it is.',
  factors(layer) {
    const { model, settings, site, own } = layer;
    const trained = new Set(along(model, settings).map(({ name }) => name));
    const inPlaceToo = [
      ...(trained.has(`${site.name}.weight`) ? [cellsFactor(layer)] : []),
      ...(trained.has(`${site.name}.bias`) ? [biasFactor(layer)] : []),
    ];
    if (!targetedNames(model, settings.targetModules).has(site.name)) return inPlaceToo;
    const { rank: r, scale } = factorsOf(site, settings);
    const { outFeatures } = site;
    const b = own('lora_B.weight');
    return [
      { name: 'A', along: 'inputs', of: 'weight', lines: r, values: own('lora_A.weight'), neutral: 0 },
      {
        ...({ name: 'sB', along: 'outputs', of: 'weight', lines: r, neutral: 0 } as const),
        values: Float32Array.from(
          { length: r * outFeatures },
          (_, at) => scale * b[(at % outFeatures) * r + Math.floor(at / outFeatures)]!,
        ),
      },
      ...inPlaceToo,
    ];
  },
  weight(before, factors) {
    const [a, b] = [factors[0]!, factors[1]!];
    const [inputs, outputs] = [a.values.length / a.lines, b.values.length / b.lines];
    return before.map((value, at) => {
      const [o, i] = [Math.floor(at / inputs), at % inputs];
      let added = 0;
      for (let k = 0; k < a.lines; k++) added += b.values[k * outputs + o]! * a.values[k * inputs + i]!;
      return value + added;
    });
  },
};

export const method: Method<LoraSettings> = {
  id: 'lora',
  title: 'LoRA',
  family: 'lowRank',
  summary: 'Adds a product of two thin trained matrices to each chosen weight.',
  citation: { title: 'LoRA: Low-Rank Adaptation of Large Language Models', url: 'https://arxiv.org/abs/2106.09685' },
  schema,
  words: {
    rank: { label: 'Rank', help: 'Width of A and B: the rank of what is added to each weight.' },
    alpha: { label: 'Alpha', help: 'The added product is scaled by alpha / rank.' },
    useRslora: { label: 'Rank-stabilised', help: 'rsLoRA: the product is scaled by alpha / √rank instead.' },
    bias: { label: 'Biases', help: 'Pre-trained biases that train along: none, all, or those of the adapted layers.' },
  },

  tensors: (model, settings) => ({
    trained: [
      ...targetedSites(model, settings.targetModules).flatMap((site): TrainedTensor[] => {
        const { name, inFeatures, outFeatures } = site;
        const r = factorsOf(site, settings).rank;
        const a = `${name}.lora_A.weight`;
        return [
          {
            name: a,
            shape: [r, inFeatures],
            decayTarget: 0,
            initial: (seed) => uniformValues(r * inFeatures, 1 / Math.sqrt(inFeatures), seed, a),
          },
          {
            name: `${name}.lora_B.weight`,
            shape: [outFeatures, r],
            decayTarget: 0,
            initial: () => new Float32Array(outFeatures * r),
          },
        ];
      }),
      ...along(model, settings),
    ],
  }),

  hooks({ graph, settings, model, own, dropout }) {
    const adapted = targetedNames(model, settings.targetModules);
    return {
      linear({ site, x, plain }) {
        if (!adapted.has(site.name)) return undefined;
        const u = linear(graph, { x: dropout(x, settings.dropout, site), weight: own(`${site.name}.lora_A.weight`) });
        return add(
          graph,
          plain(x),
          linear(
            graph,
            { x: u, weight: own(`${site.name}.lora_B.weight`) },
            { alpha: factorsOf(site, settings).scale },
          ),
        );
      },
    };
  },

  merge: (context) =>
    mergeLayers(context, (site, layer, own) => {
      const { inFeatures, outFeatures } = site;
      const { rank: r, scale } = factorsOf(site, context.settings);
      const [a, b] = [own('lora_A.weight'), own('lora_B.weight')];
      const weight = Float32Array.from(layer.weight);
      const row = new Float64Array(inFeatures);
      for (let o = 0; o < outFeatures; o++) {
        row.fill(0);
        for (let k = 0; k < r; k++)
          for (let i = 0; i < inFeatures; i++) row[i]! += b[o * r + k]! * a[k * inFeatures + i]!;
        for (let i = 0; i < inFeatures; i++)
          weight[o * inFeatures + i] = layer.weight[o * inFeatures + i]! + scale * row[i]!;
      }
      return { weight };
    }),

  drawing,

  adapter: {
    peftType: 'LORA',
    inPeft: true,
    config: (settings, model) => ({
      r: settings.rank,
      lora_alpha: settings.alpha,
      lora_dropout: settings.dropout,
      bias: settings.bias,
      use_rslora: settings.useRslora,
      target_modules: peftTargets(model, targetedSites(model, settings.targetModules)),
      rank_pattern: settings.rankPattern ?? {},
      alpha_pattern: settings.alphaPattern ?? {},
      modules_to_save: settings.modulesToSave ?? [],
      // What every version of PEFT that reads safetensors knows; the rest is at its defaults.
      fan_in_fan_out: targetedSites(model, settings.targetModules).some(({ name }) =>
        model.isTransposed?.(`${name}.weight`),
      ),
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
    }),
    settings: settingsOf,
    portable: onWholeLayers,
    // PEFT wraps an adapted layer, whose own bias then lies one level deeper.
    folderName: (name, settings, model) =>
      name.endsWith('.bias') && targetedNames(model, settings.targetModules).has(name.slice(0, -'.bias'.length))
        ? name.replace(/bias$/, 'base_layer.bias')
        : name,
    ownName: (name) => name.replace(/\.base_layer\.bias$/, '.bias'),
  },

  /** Table 2 of arXiv 2409.13501: the product of the factors and its sum with the weight. */
  paperFlops: (model, settings) =>
    targetedSites(model, settings.targetModules).reduce(
      (total, site) => total + (2 * factorsOf(site, settings).rank + 1) * site.inFeatures * site.outFeatures,
      0,
    ),
};
