/** What a run tells while it works: plain data, so that it crosses from a worker to a page unchanged. */
import type { AdapterIdentity } from '../gpu/device';
import type { Cost } from '../cost/estimate';
import type { Interval } from '../metrics/interval';
import type { Role } from '../models/core/model';
import type { AnswerView, Sample } from '../tasks/core/task';

export type Phase = 'download' | 'tokenise' | 'tune' | 'compile' | 'train' | 'evaluate' | 'export';

export interface StepRecord {
  /** From 1. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly milliseconds: number;
  /** Real tokens in the step, padding not counted. */
  readonly tokens: number;
}

export interface EvaluationRecord {
  /** Updates done before it. */
  readonly step: number;
  /** Passes over the training data so far. */
  readonly epoch: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** What the model wrote for the first examples, where the task has it write. */
  readonly samples?: readonly Sample[];
  /** 95% interval of the primary metric. */
  readonly interval?: Interval;
  /** What the model answers to the shown examples, in their order: see `shownExamples`. */
  readonly examples?: readonly ExampleAnswer[];
  /** How far every weight that the method changes has moved, where it can be merged. */
  readonly changes?: readonly WeightChange[];
}

/** ‖W_new − W0‖ / ‖W0‖ of one weight, Frobenius norms. */
export interface WeightChange {
  readonly role: Role;
  /** Block from 0. */
  readonly layer: number;
  readonly change: number;
}

/** A model's answer to an example that is watched while it trains. */
export interface ExampleAnswer extends AnswerView {
  /** Undefined where answers are not right or wrong. */
  readonly right?: boolean;
}

export type RunEvent =
  | {
      readonly type: 'progress';
      readonly phase: Phase;
      readonly done: number;
      readonly total: number;
      readonly label: string;
    }
  | {
      readonly type: 'plan';
      readonly adapter: AdapterIdentity;
      readonly totalSteps: number;
      readonly methods: readonly { readonly id: string; readonly cost: Cost }[];
      readonly peakBytes: number;
    }
  | {
      readonly type: 'step';
      readonly method: string;
      readonly totalSteps: number;
      readonly record: StepRecord;
    }
  | { readonly type: 'evaluation'; readonly method: string; readonly record: EvaluationRecord; readonly best: boolean }
  | { readonly type: 'stopped'; readonly method: string; readonly code: string; readonly message: string };

/** `results.json`. */
export interface Results {
  readonly adapter: AdapterIdentity;
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly task: string;
  readonly primaryMetric: string;
  /** Whether a lower primary metric is better. */
  readonly lowerIsBetter?: boolean;
  readonly examples: { readonly train: number; readonly validation: number };
  readonly totalSteps: number;
  readonly memory: { readonly peakBytes: number };
  readonly methods: readonly MethodResults[];
}

export interface MethodResults {
  readonly id: string;
  readonly method: string;
  readonly trainableParameters: number;
  readonly headParameters: number;
  readonly cost: { readonly paper: Cost['paper']; readonly step: Cost['step'] };
  readonly memory: { readonly peakBytes: number };
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  /** The evaluation whose weights were kept: the best primary metric, the earliest among equals. */
  readonly best: EvaluationRecord | null;
  /** Why this method ended early, if it did. */
  readonly stopped?: { readonly code: string; readonly message: string };
}
