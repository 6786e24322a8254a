/** How fast this adapter trained before, so that the next run's time can be estimated. */
import { adapterLabel, type AdapterIdentity } from '../gpu/device';
import type { Plan } from '../worker/protocol';
import type { RunRecord } from './run-record';

const key = (adapter: AdapterIdentity) => `speed ${adapterLabel(adapter)}`;

/**
 * FLOPs a second over a run's steps, by its plan: rows shorter than `maxLength` cost less than planned, so this is more than the device
 * executes, and the same recipe's time comes out right. The first step of each method is left out: it waits for compilers.
 */
export function plannedSpeed({ methods }: Pick<RunRecord, 'methods'>, plan: Pick<Plan, 'methods'>): number | undefined {
  let [flops, milliseconds] = [0, 0];
  for (const [i, { steps }] of methods.entries())
    for (const step of steps.slice(1)) {
      flops += plan.methods[i]?.cost.step.flops ?? 0;
      milliseconds += step.milliseconds;
    }
  return milliseconds > 0 && flops > 0 ? (flops / milliseconds) * 1000 : undefined;
}

export function rememberSpeed(run: RunRecord, plan: Plan): void {
  const speed = plannedSpeed(run, plan);
  if (speed && run.adapter) localStorage.setItem(key(run.adapter), String(speed));
}

/** Seconds of training, evaluations not counted; undefined before the first run on this adapter. */
export function estimatedSeconds(plan: Plan, adapter: AdapterIdentity | undefined): number | undefined {
  const speed = adapter && Number(localStorage.getItem(key(adapter)));
  if (!speed || !plan.totalSteps) return undefined;
  return (plan.totalSteps * plan.methods.reduce((sum, { cost }) => sum + cost.step.flops, 0)) / speed;
}
