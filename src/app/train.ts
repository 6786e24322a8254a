/** The run, steered from the page. */
import type { WorkerEvent } from '../worker/protocol';
import { useSetUp } from './setup/setup-store';
import { rememberSpeed } from './speed';
import { reportError, useApp } from './store';
import { callback, worker } from './worker-client';

/** Trains the recipe as it stands; resolves when the run has ended. */
export async function train(): Promise<void> {
  const { recipe, json, beginRun, addEvents, setResults, setTab } = useApp.getState();
  if (!recipe) return;
  const { plan } = useSetUp.getState();
  const { id } = beginRun(recipe, json);
  setTab('curves');
  try {
    await worker().start(
      json,
      callback((events: readonly WorkerEvent[]) => addEvents(id, events)),
    );
    // The last batch of events was sent before the answer, over the same port: it is here.
    const { run } = useApp.getState();
    if (run?.id !== id || run.task === undefined) return;
    if (plan) rememberSpeed(run, plan);
    setResults(id, await worker().results());
  } catch (error) {
    addEvents(id, [
      {
        type: 'state',
        state: 'failed',
        at: Date.now(),
        error: { code: 'run/failed', message: (error as Error).message },
      },
    ]);
    reportError(error);
  }
}

const steer = (action: 'pause' | 'step' | 'resume' | 'stop') => () => void worker()[action]().catch(reportError);
export const pause = steer('pause');
export const step = steer('step');
export const resume = steer('resume');
export const stop = steer('stop');
