/** Each section in one line. */
import { checkpointPresets } from '../../checkpoint/presets';
import { methodById } from '../../methods/core/registry';
import { taskById } from '../../tasks/core/registry';
import type { RecipeJson } from '../../train/recipe';
import { bundledCheckpoints } from '../presets';
import { columnsOf } from '../recipe-edit';

export function checkpointSummary({ checkpoint = '', revision, weights }: RecipeJson): string {
  const preset = checkpointPresets.find(({ repository }) => repository === checkpoint);
  const bundled = bundledCheckpoints.find(({ reference }) => reference === checkpoint);
  const name = bundled ? `${bundled.title}, bundled` : (preset?.title ?? checkpoint);
  return [name, revision && `at ${revision}`, weights === 'f16' && 'f16 weights'].filter(Boolean).join(', ');
}

export function dataSummary({ task, data }: RecipeJson): string {
  if (task === 'custom')
    return data ? `${data.train}: ${columnsOf(data).text || '?'} → ${columnsOf(data).label || '?'}` : 'Your own table';
  const entry = taskById(task);
  return `${entry?.title ?? task}${data ? `, ${data.train}` : ''}: ${entry?.question ?? ''}`;
}

export function methodsSummary({ methods = [] }: RecipeJson): string {
  return methods
    .map(
      ({ method, rank }) => `${methodById(method)?.title ?? method}${rank === undefined ? '' : ` r ${String(rank)}`}`,
    )
    .join(', ');
}

export function trainingSummary({ training = {}, methods = [] }: RecipeJson): string {
  const { epochs, maxSteps, batchSize, learningRate, schedule, maxLength } = training;
  const rates = [...new Set(methods.map((method) => method.learningRate ?? learningRate))];
  return `${maxSteps ? `${maxSteps} steps` : `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`}, batch ${batchSize}, ${maxLength} tokens, rate ${rates.join(' and ')}, ${schedule}`;
}
