/** Learning-rate schedules with warm-up, step for step those of Hugging Face `transformers` (`optimization.py`). */
export const scheduleNames = ['linear', 'constant', 'cosine'] as const;
export type ScheduleName = (typeof scheduleNames)[number];

/** Warm-up steps of a ratio, rounded up as `TrainingArguments.get_warmup_steps` does. */
export function warmupStepsOf(warmupRatio: number, totalSteps: number): number {
  return Math.ceil(totalSteps * warmupRatio);
}

/** What the peak learning rate is multiplied with at `step` (from 0). `constant` is `get_constant_schedule_with_warmup`. */
export function scheduleFactor(name: ScheduleName, step: number, warmupSteps: number, totalSteps: number): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (name === 'constant') return 1;
  const remaining = Math.max(1, totalSteps - warmupSteps);
  if (name === 'linear') return Math.max(0, (totalSteps - step) / remaining);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((step - warmupSteps) / remaining))));
}
