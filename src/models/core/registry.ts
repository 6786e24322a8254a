/** All architectures there are: every file of `src/models` exports its own. */
import { UserError } from '../../errors';
import type { Architecture, Model } from './model';

const files = import.meta.glob<readonly Architecture[]>(['../*.ts', '!../*.test.ts'], {
  eager: true,
  import: 'architectures',
});

export const architectures: readonly Architecture[] = Object.values(files).flat();

/**
 * Opens a `config.json`.
 *
 * @param label what messages call the checkpoint
 * @throws UserError `model/architecture`, `model/config`
 */
export function openModel(json: unknown, label: string): Model {
  const config = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const architecture = architectures.find(({ modelType }) => modelType === config['model_type']);
  if (!architecture)
    throw new UserError(
      'model/architecture',
      `${label} is of model_type ${JSON.stringify(config['model_type']) ?? 'unknown'}; this version trains ${architectures.map(({ modelType }) => modelType).join(' and ')}.`,
    );
  return architecture.open(config, label);
}
