/** Stores the page's run: after every evaluation, so that a closed tab loses little, and when it ends. */
import { isEnded, type RunRecord } from '../../run-record';
import { reportError, useApp } from '../../store';
import { saveRun } from './database';

/** Changes when the run is worth storing again; undefined while it has nothing to show. */
function milestone(run: RunRecord | undefined): string | undefined {
  if (!run?.methods.some(({ steps }) => steps.length)) return undefined;
  const evaluations = run.methods.reduce((sum, method) => sum + method.evaluations.length, 0);
  if (!isEnded(run.state)) return evaluations ? `${run.id} ${evaluations}` : undefined;
  return `${run.id} ${run.state} ${evaluations} ${run.results !== undefined}`;
}

const changed = new EventTarget();
/** Calls back whenever a run was stored. @returns stop listening */
export function onStored(listener: () => void): () => void {
  changed.addEventListener('stored', listener);
  return () => changed.removeEventListener('stored', listener);
}

export function keepRuns(): () => void {
  let stored: string | undefined;
  let pending = Promise.resolve();
  return useApp.subscribe(({ run }) => {
    const now = milestone(run);
    if (now === undefined || now === stored) return;
    stored = now;
    // One after the other: an older record must not overtake a newer one.
    pending = pending
      .then(() => saveRun(run!))
      .then(() => void changed.dispatchEvent(new Event('stored')), reportError);
  });
}
