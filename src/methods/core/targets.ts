/**
 * Which linear layers a method adapts: by role (`query`), or, as PEFT matches them, by a module's whole name or an end of it after a
 * dot (`attention.output.dense`).
 */
import { z } from 'zod';
import { UserError } from '../../errors';
import { roles, type LinearSite, type Role } from '../../models/core/model';
import type { AdaptedModel, MergeContext } from './method';

export const isRole = (name: string): name is Role => roles.some((role) => role === name);

/** The setting `targetModules`. The page offers the roles. */
export const targetModules = z
  .array(z.union([z.enum(roles), z.string().min(1).max(256)]))
  .min(1)
  .max(4096)
  .default(['query', 'value']);

const matches = ({ name, role }: LinearSite, target: string) =>
  isRole(target) ? role === target : name === target || name.endsWith(`.${target}`);

/**
 * The layers that some targets name, in execution order.
 *
 * @throws UserError `recipe/target` where a target names none
 */
export function targetedSites({ linearLayers }: AdaptedModel, targets: readonly string[]): LinearSite[] {
  for (const target of targets)
    if (!linearLayers.some((site) => matches(site, target)))
      throw new UserError(
        'recipe/target',
        `targetModules: this model has no linear layer ${JSON.stringify(target)}; name any of ${roles.join(', ')}, or a module of the model.`,
      );
  const sites = linearLayers.filter((site) => targets.some((target) => matches(site, target)));
  for (const { name, partOf } of sites)
    if (partOf && sites.some((site) => site.name === partOf.name))
      throw new UserError(
        'recipe/target',
        `targetModules: ${name} is a part of ${partOf.name}, which is named too; name the one or the other.`,
      );
  return sites;
}

/** Names of the layers that some targets name. */
export const targetedNames = (model: AdaptedModel, targets: readonly string[]): ReadonlySet<string> =>
  new Set(targetedSites(model, targets).map(({ name }) => name));

/** The shortest list of targets that names exactly these layers: roles where every block's is meant, else whole names. */
export function targetsOf({ linearLayers }: AdaptedModel, sites: readonly LinearSite[]): string[] {
  const chosen = new Set(sites);
  const whole = roles.filter((role) => {
    const all = linearLayers.filter((site) => site.role === role);
    return all.length > 0 && all.every((site) => chosen.has(site));
  });
  const rest = sites.filter(({ role }) => role === undefined || !whole.includes(role));
  return [...whole, ...rest.map(({ name }) => name)];
}

/** Names for `adapter_config.json`'s `target_modules`: the ends that all the layers share, or whole names where an end would match others. */
export function peftTargets({ linearLayers }: AdaptedModel, sites: readonly LinearSite[]): string[] {
  const chosen = new Set(sites);
  const end = ({ name, role, layer }: LinearSite) =>
    role === undefined ? name : name.slice(name.indexOf(`.${layer}.`) + `.${layer}.`.length);
  const short = (name: string) => name.replace('attention.self.', '');
  const ends = [...new Set(sites.map(end))].map(short);
  const exact = linearLayers.every(
    (site) => chosen.has(site) === ends.some((name) => site.name === name || site.name.endsWith(`.${name}`)),
  );
  return exact ? ends : sites.map(({ name }) => name);
}

/** Merges layer by layer: `merged` gives the new weight `[out, in]` and bias of one. */
export function* mergeLayers<Settings extends { readonly targetModules: readonly string[] }>(
  { settings, model, base, own }: MergeContext<Settings>,
  merged: (
    site: LinearSite,
    layer: { readonly weight: Float32Array; readonly bias: Float32Array },
    own: (suffix: string) => Float32Array,
  ) => { readonly weight: Float32Array; readonly bias?: Float32Array },
): Generator<readonly [string, Float32Array]> {
  for (const site of targetedSites(model, settings.targetModules)) {
    const [weight, bias] = [`${site.name}.weight`, `${site.name}.bias`];
    const result = merged(site, { weight: base(weight), bias: base(bias) }, (suffix) => own(`${site.name}.${suffix}`));
    yield [weight, result.weight];
    if (result.bias) yield [bias, result.bias];
  }
}
