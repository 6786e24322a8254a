/** What happens once when the page opens: the worker, the GPU, the recipe in the address, costs that follow the recipe. */
import { baseUrl } from './base-url';
import { reportError, useApp } from './store';
import { errorInfo } from '../worker/rpc-errors';
import { followUrl } from './recipe-url';
import { followPlan, useSetUp } from './setup/setup-store';
import { worker } from './worker-client';

const histories = import.meta.glob<{ keepRuns?: () => void }>('./features/history/index.tsx');

export async function openGpu(): Promise<void> {
  const { setGpu } = useApp.getState();
  setGpu({ status: 'opening' });
  try {
    setGpu({ status: 'ready', report: await worker().openGpu() });
  } catch (error) {
    setGpu({ status: 'failed', error: errorInfo(error) });
  }
}

export function begin(): void {
  const configure = () => void worker().configure({ baseUrl: baseUrl(), endpoint: useSetUp.getState().endpoint });
  configure();
  useSetUp.subscribe((state, before) => {
    if (state.endpoint !== before.endpoint) configure();
  });
  followUrl();
  void openGpu();
  followPlan();
  for (const load of Object.values(histories)) void load().then(({ keepRuns }) => keepRuns?.(), reportError);
  addEventListener('beforeunload', (event) => {
    const { run } = useApp.getState();
    if (run?.state === 'training' || run?.state === 'evaluating' || run?.state === 'paused') event.preventDefault();
  });
}
