/** What an export is of: which weights of which method, trained on what. */
import type { Method } from '../methods/core/method';
import { methodById } from '../methods/core/registry';
import type { Task } from '../tasks/core/task';
import type { MethodResults, Results } from '../train/events';

export interface ExportInfo {
  readonly kind: 'merged' | 'adapter';
  readonly results: Results;
  /** Which of the results' methods, e.g. `lora-2`. */
  readonly method: string;
  readonly task: Pick<Task, 'title' | 'question' | 'export'>;
  /** Which weights are in the export: those of the best evaluation (a run that has ended), or those of the last step (a paused one). */
  readonly weights: 'best' | 'last';
}

/** What exports tell of a method: its results, its part of the recipe, its base. */
export interface ExportedMethod {
  readonly found: MethodResults;
  readonly method: Method;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly checkpoint: string;
  readonly onHub: boolean;
}

/** Throws an `Error` where the results do not have the method. */
export function exportedMethod({ results, method: id }: Pick<ExportInfo, 'results' | 'method'>): ExportedMethod {
  const index = results.methods.findIndex((method) => method.id === id);
  const found = results.methods[index];
  const method = found && methodById(found.method);
  if (!method) throw new Error(`the results have no method ${id}`);
  const settings = (results.recipe['methods'] as Record<string, unknown>[])[index]!;
  const checkpoint = String(results.recipe['checkpoint']);
  // A folder of the visitor's, or one that comes with this project, is on no hub.
  const onHub = /^[\w.-]+(\/[\w.-]+)?$/.test(checkpoint) && !/^[.~]/.test(checkpoint);
  return { found, method, settings, checkpoint, onHub };
}
