/** What tells methods of several runs apart: the settings on which those that have them do not agree. */
import type { RunSeries } from '../../chart/runs';

/** Every setting of one method of a run by its path in the recipe, e.g. `training.batchSize`; the method's own without a prefix. */
export function settingsOf({ run, series }: RunSeries): Map<string, string> {
  const { methods = [], training = {}, ...rest } = run.recipe;
  const method = methods[run.methods.indexOf(series)] ?? {};
  const settings = new Map<string, string>();
  const add = (path: string, value: unknown): void => {
    if (value === undefined || path === 'method') return;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) add(path ? `${path}.${name}` : name, inner);
    } else settings.set(path, Array.isArray(value) ? value.join(', ') : String(value));
  };
  const { output: _output, ...asked } = rest;
  add('', asked);
  add('training', training);
  // A method's learning rate is the training's, unless it has its own.
  settings.delete('training.learningRate');
  add('', { learningRate: training.learningRate, ...method });
  return settings;
}

/** `training.batchSize` → `batch size`. */
export const settingTitle = (path: string) =>
  path
    .split('.')
    .at(-1)!
    .replaceAll(/([A-Z])/g, ' $1')
    .toLowerCase();

/** For each of `all`, its settings that differ from another's, by title. */
export function differences(all: readonly RunSeries[]): { title: string; value: string }[][] {
  const settings = all.map(settingsOf);
  const paths = new Set(settings.flatMap((one) => [...one.keys()]));
  const differing = [...paths].filter((path) => new Set(settings.flatMap((one) => one.get(path) ?? [])).size > 1);
  return settings.map((one) =>
    differing.flatMap((path) => (one.has(path) ? [{ title: settingTitle(path), value: one.get(path)! }] : [])),
  );
}
