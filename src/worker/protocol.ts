/**
 * What the page and its worker say to each other. The worker owns the GPU, the files and the run; the page owns what is seen.
 * All of it is plain data (structured clone); calls go through comlink, and every error arrives as a `UserError` with its code.
 */
import type { KernelReport } from '../check/kernels';
import type { CacheEntry } from '../checkpoint/cache';
import type { Cost } from '../cost/estimate';
import type { AdapterIdentity } from '../gpu/device';
import type { FaithfulnessReport, Highlight, HighlightQuestion } from '../explain/run-highlights';
import type { WeightPicture, WeightPlace } from '../explain/weight-picture';
import type { Results, RunEvent } from '../train/events';
import type { RecipeJson } from '../train/recipe';
import type { AnswerView, Distribution, ExampleView, Figure } from '../tasks/core/task';

/** The adapter as the badge and *Check my GPU* show it. */
export interface GpuReport {
  readonly identity: AdapterIdentity;
  /** `adapterLabel(identity)`. */
  readonly label: string;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
}

/** How a run's memory compares with this device. WebGPU tells buffer limits but not how much memory there is. */
export type MemoryVerdict = 'fits' | 'unsure' | 'too-large';

export interface MethodPlan {
  /** The method's id in the recipe, e.g. `lora-2`. */
  readonly id: string;
  readonly cost: Cost;
}

/** What a recipe will cost at its batch size and `maxLength`, the largest a step can be. */
export interface Plan {
  readonly methods: readonly MethodPlan[];
  /** Bytes on the device with all methods in place. */
  readonly peakBytes: number;
  readonly verdict: MemoryVerdict;
  /** Why, in one sentence. */
  readonly verdictReason: string;
  /** Undefined while the number of training examples is not known. */
  readonly totalSteps?: number;
  /** Bytes of weights, still to be downloaded or not. */
  readonly weightBytes: number;
  /** What linear layers of a block the model has. */
  readonly roles: readonly string[];
}

/** Config and size of a checkpoint, known without its weights. */
export interface CheckpointInfo {
  readonly label: string;
  readonly architecture: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly vocabSize: number;
  readonly longestInput: number;
  /** Values in the pre-trained model. */
  readonly parameters: number;
}

/** Files picked or dropped, as the worker keeps them until the page closes. */
export type Dropped =
  /** A checkpoint or adapter folder; its recipe reference is `./<name>`. */
  | { readonly kind: 'checkpoint' | 'adapter'; readonly reference: string; readonly label: string }
  /** Tables; each is found by its name in `data.train` and the like. */
  | { readonly kind: 'data'; readonly files: readonly string[] }
  | { readonly kind: 'recipe'; readonly json: unknown };

/** The head of a table of the visitor's own, for choosing columns. Cells are text, to be shown as text. */
export interface TablePreview {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly rows: readonly (readonly string[])[];
  /** Distinct values per column, where there are at most 100. */
  readonly distinct: Readonly<Record<string, readonly string[]>>;
  readonly guess: { readonly text?: string; readonly pair?: string; readonly label?: string };
}

/** What the data of a recipe looks like to the model. */
export interface DataReport {
  readonly title: string;
  readonly question: string;
  readonly examples: { readonly train: number; readonly validation: number };
  /** No validation file was given: a tenth of the training examples was set aside. */
  readonly heldOut: boolean;
  readonly rows: readonly ExampleView[];
  readonly distribution: Distribution;
  readonly tokens: {
    readonly median: number;
    readonly longest: number;
    /** Rows cut at `maxLength`. */
    readonly truncated: number;
    /** Of how many training rows this was counted. */
    readonly counted: number;
    /** Rows with a length in `[from, to)`. */
    readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  };
}

/** What a task is to the run's readers. */
export interface TaskInfo {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly primaryMetric: string;
  /** What is typed to ask the model: one text or more, by name. */
  readonly fields: readonly string[];
  readonly lowerIsBetter?: boolean;
  /** Whether models answer with a text of their own, which takes a while. */
  readonly writes?: boolean;
  /** A question of the data's, to begin with. */
  readonly example?: readonly string[];
  /** Whether what the words do for an answer can be shown. */
  readonly explained?: boolean;
  /** What answers without reading would score. */
  readonly guess?: { readonly title: string; readonly metrics: Readonly<Record<string, number>> };
}

export type RunState = 'idle' | 'preparing' | 'training' | 'paused' | 'evaluating' | 'done' | 'stopped' | 'failed';

export interface ErrorInfo {
  /** `room/what`; `bug` for what is no error of the visitor's. */
  readonly code: string;
  readonly message: string;
}

/** Events of a run: the engine's own, and what only the worker knows. They reach the page in batches, at most ten a second. */
export type WorkerEvent =
  | (RunEvent & { /** `performance.timeOrigin + performance.now()` in the worker. */ readonly at: number })
  | {
      readonly type: 'task';
      readonly at: number;
      readonly task: TaskInfo;
      readonly examples: { readonly train: number; readonly validation: number };
      readonly headFromCheckpoint: boolean;
      /** The validation examples that are watched: each evaluation has an answer to each. */
      readonly shown?: readonly ExampleView[];
    }
  | { readonly type: 'memory'; readonly at: number; readonly allocated: number; readonly peak: number }
  | { readonly type: 'state'; readonly at: number; readonly state: RunState; readonly error?: ErrorInfo };

/** `'base'` is the pre-trained model with the head every method started from. */
export type ModelId = string;

export interface Prediction extends AnswerView {
  readonly id: ModelId;
  readonly milliseconds: number;
}

/** The best evaluation of every method, example by example. */
export interface EvaluationDetails {
  /** Examples in the deciding split. */
  readonly count: number;
  readonly methods: readonly { readonly id: string; readonly figure?: Figure }[];
  /** Whether an answer is right or wrong; else answers differ by degrees. */
  readonly judged: boolean;
  /** Where the methods do not all answer the same (by degrees: differ most), at most 200. */
  readonly disagreements: readonly (ExampleView & {
    readonly index: number;
    readonly answers: Readonly<Record<string, { readonly answer: string; readonly right?: boolean }>>;
  })[];
  readonly disagreementCount: number;
}

/** *Check my GPU* so far: reports arrive one by one. */
export interface GpuCheck {
  readonly gpu: GpuReport;
  readonly kernels: readonly KernelReport[];
  /** Reports there will be in the end. */
  readonly total: number;
}

export type { FaithfulnessReport, Highlight, HighlightedWord, HighlightQuestion } from '../explain/run-highlights';

/** The worker's methods, as comlink exposes them. All reject with a `UserError` (`code`, `message`). */
export interface RunWorker {
  /** Where the page lies and which hub it uses; must be called first. */
  configure(settings: { baseUrl: string; endpoint: string }): void;
  /** Opens the GPU once. @throws UserError `gpu/unavailable` */
  openGpu(): Promise<GpuReport>;
  /**
   * Every kernel against float64, one report after the other.
   *
   * @throws UserError `run/busy` while a run is on its way, `run/stopped` where the check was stopped
   */
  checkGpu(onProgress: (check: GpuCheck) => void): Promise<GpuCheck>;
  stopCheck(): void;

  addFiles(files: readonly File[]): Promise<Dropped>;
  checkpointInfo(reference: string, revision?: string): Promise<CheckpointInfo>;
  previewTable(file: string): Promise<TablePreview>;
  inspectData(recipe: RecipeJson): Promise<DataReport>;
  /** @param trainExamples where the page knows them */
  plan(recipe: RecipeJson, trainExamples?: number): Promise<Plan>;

  /** One weight of the recipe's checkpoint and what each method makes of it; downloads the checkpoint where it is not here yet. */
  drawWeight(recipe: RecipeJson, place: WeightPlace): Promise<WeightPicture>;
  /** One weight of the run and what each method has made of it by now. @throws UserError `run/none` */
  drawTrainedWeight(place: WeightPlace): Promise<WeightPicture>;

  /** Prepares and trains; resolves at the end of the run, however it ends. Frees the run before. */
  start(recipe: RecipeJson, onEvents: (events: readonly WorkerEvent[]) => void): Promise<void>;
  pause(): void;
  /** From a pause: one update of every method, then pause again. */
  step(): void;
  resume(): void;
  /** Ends the run after the steps in flight; it is evaluated and can be exported. While preparing, gives up. */
  stop(): void;

  /** Only while paused, or after the run's end: `run/busy` else, `run/none` where nothing was trained. */
  predict(
    models: readonly ModelId[],
    texts: readonly string[],
    /** Where the task writes text: what a model has written so far. */
    onText?: (model: ModelId, text: string) => void,
  ): Promise<Prediction[]>;
  /** What the words of a text do for each model's answer; only while `predict` may be called. @throws UserError as `predict` */
  highlight(question: HighlightQuestion): Promise<Highlight[]>;
  /** Evaluations whose weights are kept: steps that every method has. */
  snapshotSteps(): number[];
  /**
   * How faithful the highlights are, on so many validation examples.
   *
   * @throws UserError as `predict`, and `run/stopped`
   */
  checkFaithfulness(
    models: readonly ModelId[],
    examples: number,
    onProgress: (done: number, total: number) => void,
  ): Promise<FaithfulnessReport[]>;
  /** Ends an answer that is being written: `predict` rejects with `run/stopped`. */
  stopPrediction(): void;
  evaluationDetails(): EvaluationDetails;
  results(): Results;
  /** Files by name, ready for `transformers` (merged) or PEFT (adapter), with card, script and results; moved, not copied, to the page. */
  exportFolder(method: string, kind: 'merged' | 'adapter'): Promise<Map<string, Uint8Array>>;
  /** Answers of the best evaluation, files by name: `predictions.jsonl`, and what else the task writes beside it. */
  exportPredictions(method: string): Promise<Map<string, string>>;

  /**
   * What the words did for the answers of the first validation examples: `highlights.jsonl` and `faithfulness.json`, by name.
   *
   * @throws UserError as `predict`, and `run/stopped`
   */
  exportHighlights(
    method: string,
    examples: number,
    onProgress: (done: number, total: number) => void,
  ): Promise<Map<string, string>>;

  cacheEntries(): Promise<CacheEntry[]>;
  deleteCached(entry: CacheEntry): Promise<void>;
}
