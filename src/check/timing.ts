/** How long dispatches take, by the wall clock: many in a row, so that neither submitting nor a browser's coarse clock counts. */
import type { Dispatch } from '../gpu/commands';
import type { DeviceMemory } from '../graph/executable';

const enoughSeconds = 0.03;
const repeats = 3;
const mostRuns = 2048;

/** @returns seconds of one run of the list, the least of a few repeats; takes about a fifth of a second, or four runs of a long list */
export async function secondsPerRun(memory: DeviceMemory, dispatches: readonly Dispatch[]): Promise<number> {
  const timed = async (runs: number) => {
    const list = Array.from({ length: runs }, () => dispatches).flat();
    const started = performance.now();
    memory.submitter.submit(list);
    await memory.gpu.idle();
    return (performance.now() - started) / 1000;
  };
  await memory.gpu.idle();
  let runs = 1;
  let seconds = await timed(runs);
  while (seconds < enoughSeconds && runs < mostRuns) {
    runs = Math.min(mostRuns, runs * 4);
    seconds = await timed(runs);
  }
  let best = seconds;
  for (let i = 1; i < repeats; i++) best = Math.min(best, await timed(runs));
  return best / runs;
}
