/**
 * PEFT's adapter folders of LoRA, and of DoRA, which differs by `use_dora` and by one more tensor a layer (peft 0.21,
 * `tuners/lora/config.py`): read, refused where they would be computed wrongly, and written.
 */
import { z } from 'zod';
import { patternValue, targetedModules } from '../../checkpoint/peft-targets';
import { UserError } from '../../errors';
import type { LinearSite } from '../../models/core/model';
import { insideModule } from './base-tensors';
import { factorsOf, type LoraSettings } from './low-rank';
import type { AdaptedModel, AdapterContents, AdapterFormat, OwnValues } from './method';
import { commonFields, fanInFanOut, refuseUnknownFields, wholesOf } from './peft-config';
import { stackedParts } from './stacked-parts';
import { peftTargets, targetedNames, targetedSites, targetsOf } from './targets';

/** What a config may say without changing what the adapter computes, or is read below. */
const known = [
  ...commonFields,
  ...['r', 'lora_alpha', 'lora_dropout', 'bias', 'use_rslora', 'rank_pattern', 'alpha_pattern'],
  // Used to make the first values of the factors, which the file holds.
  ...['init_lora_weights', 'loftq_config', 'eva_config', 'runtime_config'],
  ...['megatron_core', 'qalora_group_size', 'ensure_weight_tying'],
];
/** Ways to begin that leave the base model's weights alone; PiSSA, OLoRA, CorDA and LoftQ change them. */
const plainInitialisation: unknown[] = [undefined, null, true, false, 'gaussian', 'eva', 'orthogonal'];

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

function settingsOf(contents: AdapterContents, dora: boolean): Partial<LoraSettings> {
  const { config: json, tensors, model, refuse } = contents;
  refuseUnknownFields(contents, new Set([...known, ...(dora ? ['use_dora'] : [])]));
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
  if (dora && json['use_dora'] !== true) return refuse('is a LoRA without use_dora; open it with the method lora');
  const ours = dora ? /\.lora_([AB]\.weight|magnitude_vector)$/ : /\.lora_[AB]\.weight$/;
  const foreign = [...tensors.keys()].find((name) => name.includes('.lora_') && !ours.test(name));
  if (foreign) return refuse(`holds ${foreign}, which is no plain ${dora ? 'DoRA' : 'LoRA'}`);
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

/** The same update on whole layers: a whole has the scale of its first part. */
function onWholeLayers(settings: LoraSettings, model: AdaptedModel, given: ReadonlyMap<string, OwnValues>) {
  if (wholesOf(model, settings.targetModules).length === 0) return { settings, tensors: given };
  const { tensors, ranks, scales, targets } = stackedParts(model, settings.targetModules, given, {
    suffixes: ['lora_A.weight', 'lora_B.weight'],
    factorsOf: (site) => factorsOf(site, settings),
  });
  const alphas = Object.entries(scales).map(([name, scale]) => {
    const total = ranks[name]!;
    return [name, scale * (settings.useRslora ? Math.sqrt(total) : total)] as const;
  });
  const rankPattern = { ...settings.rankPattern, ...ranks };
  const alphaPattern = { ...settings.alphaPattern, ...Object.fromEntries(alphas) };
  return { settings: { ...settings, targetModules: targets, rankPattern, alphaPattern }, tensors };
}

/**
 * The format of LoRA or of DoRA.
 *
 * @param dora whether each layer has a magnitude vector beside its factors
 */
export const loraFolder = (dora: boolean): AdapterFormat<LoraSettings> => ({
  peftType: 'LORA',
  inPeft: true,
  config: (settings, model) => ({
    r: settings.rank,
    lora_alpha: settings.alpha,
    lora_dropout: settings.dropout,
    bias: settings.bias,
    use_rslora: settings.useRslora,
    ...(dora && { use_dora: true }),
    target_modules: peftTargets(model, targetedSites(model, settings.targetModules)),
    rank_pattern: settings.rankPattern ?? {},
    alpha_pattern: settings.alphaPattern ?? {},
    modules_to_save: settings.modulesToSave ?? [],
    // What every version of PEFT that reads safetensors knows; the rest is at its defaults.
    fan_in_fan_out: fanInFanOut(model, targetedSites(model, settings.targetModules)),
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
  }),
  settings: (contents) => settingsOf(contents, dora),
  portable: onWholeLayers,
  // PEFT wraps an adapted layer, whose own bias then lies one level deeper.
  folderName: (name, settings, model) =>
    name.endsWith('.bias') && targetedNames(model, settings.targetModules).has(name.slice(0, -'.bias'.length))
      ? name.replace(/bias$/, 'base_layer.bias')
      : name,
  ownName: (name) => name.replace(/\.base_layer\.bias$/, '.bias'),
});
