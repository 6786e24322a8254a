/** What an `adapter_config.json` of any of PEFT's methods may say, and how one that says more is refused. */
import type { LinearSite } from '../../models/core/model';
import type { AdaptedModel, AdapterContents } from './method';
import { targetedSites } from './targets';

/** Fields of every method that do not change what an adapter computes. */
export const commonFields: readonly string[] = [
  // What decides is which tensors the folder holds.
  ...['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', 'modules_to_save'],
  ...[
    'auto_mapping',
    'base_model_name_or_path',
    'revision',
    'task_type',
    'inference_mode',
    'peft_version',
    'peft_type',
  ],
  // A linear layer is [out, in] whatever this says: PEFT itself corrects it.
  'fan_in_fan_out',
];

const isOff = (value: unknown) =>
  typeof value === 'object' && value !== null ? Object.keys(value).length === 0 : !value;

/** Refuses a folder whose config has a field beside the known ones switched on. */
export function refuseUnknownFields({ config, refuse }: AdapterContents, known: ReadonlySet<string>): void {
  for (const [key, value] of Object.entries(config))
    if (!known.has(key) && !isOff(value))
      return refuse(`uses ${key}, which this app does not support; it would be computed wrongly`);
}

/** What PEFT corrects with a warning, and so asks for: that a layer's weight is stored as `[in, out]`. */
export const fanInFanOut = (model: AdaptedModel, sites: readonly LinearSite[]): boolean =>
  sites.some(({ name }) => model.isTransposed?.(`${name}.weight`));

/** Layers of which adapted ones are parts, each with those parts. */
export function wholesOf(
  model: AdaptedModel,
  targets: readonly string[],
): { whole: LinearSite; parts: LinearSite[] }[] {
  const sites = targetedSites(model, targets);
  return model.linearLayers.flatMap((whole) => {
    const parts = sites.filter(({ partOf }) => partOf?.name === whole.name);
    return parts.length ? [{ whole, parts }] : [];
  });
}
