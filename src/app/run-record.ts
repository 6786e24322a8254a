/**
 * A run as the page keeps it: what was asked, and every number the run told. Plain data, so that the history can store it.
 *
 * `withEvents` is the only place where a record grows; it is pure, and records are never changed in place.
 */
import type { Cost } from '../cost/estimate';
import type { AdapterIdentity } from '../gpu/device';
import type { EvaluationRecord, Phase, Results, StepRecord } from '../train/events';
import type { RecipeJson } from '../train/recipe';
import type { ExampleView } from '../tasks/core/task';
import type { ErrorInfo, RunState, TaskInfo, WorkerEvent } from '../worker/protocol';

/** One method of a run. */
export interface MethodSeries {
  /** Unique in the run; what its colour follows from: see `looksOf`. */
  readonly id: string;
  /** `HUT`, `LoRA 2`. */
  readonly title: string;
  readonly cost?: Cost;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  /** Step of the evaluation whose weights are kept. */
  readonly bestStep?: number;
  /** Why it ended early. */
  readonly stopped?: ErrorInfo;
}

export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly label: string;
  /** When this phase (and label) began, `Date.now()` clock. */
  readonly since: number;
  readonly at: number;
}

export interface RunRecord {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly state: RunState;
  readonly recipe: RecipeJson;
  readonly task?: TaskInfo;
  readonly examples?: { readonly train: number; readonly validation: number };
  readonly headFromCheckpoint?: boolean;
  /** Validation examples that are watched; evaluations have an answer to each. */
  readonly shown?: readonly ExampleView[];
  readonly adapter?: AdapterIdentity;
  readonly totalSteps: number;
  /** Device memory as planned. */
  readonly peakBytes: number;
  readonly methods: readonly MethodSeries[];
  /** Device memory as allocated. */
  readonly memory: readonly { readonly step: number; readonly allocated: number; readonly peak: number }[];
  readonly progress?: Progress;
  readonly error?: ErrorInfo;
  /** `results.json`, once the run has ended. */
  readonly results?: Results;
}

const ended: readonly RunState[] = ['done', 'stopped', 'failed'];
export const isEnded = (state: RunState) => ended.includes(state);
export const isActive = (state: RunState) => state !== 'idle' && !isEnded(state);

export function newRun(
  recipe: RecipeJson,
  methods: readonly { id: string; title: string }[],
  startedAt = Date.now(),
): RunRecord {
  const id = `${new Date(startedAt).toISOString().replaceAll(/[:.]/g, '-')}-${Math.random().toString(36).slice(2, 6)}`;
  return {
    id,
    startedAt,
    state: 'preparing',
    recipe,
    totalSteps: 0,
    peakBytes: 0,
    memory: [],
    methods: methods.map((method) => ({ ...method, steps: [], evaluations: [] })),
  };
}

/** Steps done by the method that is furthest. */
export const stepOf = (run: RunRecord) =>
  run.methods.reduce((most, { steps }) => Math.max(most, steps.at(-1)?.step ?? 0), 0);

/** The record after a batch of events. */
export function withEvents(run: RunRecord, events: readonly WorkerEvent[]): RunRecord {
  const next: { -readonly [K in keyof RunRecord]: RunRecord[K] } = { ...run };
  const newSteps = new Map<string, StepRecord[]>();
  const newMemory: RunRecord['memory'][number][] = [];
  let furthest = stepOf(run);
  const change = (id: string, by: (series: MethodSeries) => MethodSeries) => {
    next.methods = next.methods.map((series) => (series.id === id ? by(series) : series));
  };
  for (const event of events) {
    if (event.type === 'progress') {
      const { phase, label, done, total, at } = event;
      const same = next.progress?.phase === phase && next.progress.label === label && done >= next.progress.done;
      next.progress = { phase, label, done, total, at, since: same ? next.progress!.since : at };
      if (phase === 'evaluate' && next.state === 'training') next.state = 'evaluating';
    } else if (event.type === 'plan') {
      Object.assign(next, { adapter: event.adapter, totalSteps: event.totalSteps, peakBytes: event.peakBytes });
      for (const { id, cost } of event.methods) change(id, (series) => ({ ...series, cost }));
    } else if (event.type === 'step') {
      const steps = newSteps.get(event.method) ?? [];
      newSteps.set(event.method, steps);
      steps.push(event.record);
      furthest = Math.max(furthest, event.record.step);
      if (next.progress?.phase !== 'train')
        next.progress = { phase: 'train', label: '', done: 0, total: event.totalSteps, at: event.at, since: event.at };
      next.progress = { ...next.progress, done: event.record.step, at: event.at };
      if (next.state === 'evaluating') next.state = 'training';
    } else if (event.type === 'evaluation') {
      change(event.method, (series) => ({
        ...series,
        evaluations: [...series.evaluations, event.record],
        ...(event.best && { bestStep: event.record.step }),
      }));
    } else if (event.type === 'stopped') {
      change(event.method, (series) => ({ ...series, stopped: { code: event.code, message: event.message } }));
    } else if (event.type === 'task') {
      Object.assign(next, {
        task: event.task,
        examples: event.examples,
        headFromCheckpoint: event.headFromCheckpoint,
        ...(event.shown && { shown: event.shown }),
      });
    } else if (event.type === 'memory') {
      newMemory.push({ step: furthest, allocated: event.allocated, peak: event.peak });
    } else {
      next.state = event.state;
      if (event.error) next.error = event.error;
      if (isEnded(event.state)) next.finishedAt = event.at;
    }
  }
  if (newMemory.length) next.memory = [...next.memory, ...newMemory];
  for (const [id, steps] of newSteps) change(id, (series) => ({ ...series, steps: [...series.steps, ...steps] }));
  return next;
}
