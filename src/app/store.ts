/**
 * The page's state. The recipe is the single source of truth of the set-up: controls, URL and JSON editor all read and write it.
 *
 * Contract for everything under `features/`:
 * - A feature is a folder with an `index.tsx` whose default export is a component without props; it is loaded when its tab (of the
 *   folder's name) or dialog is first opened, and reads this store through selectors (`useApp((state) => state.run)`), never another
 *   feature. Its words and numbers come from `RunRecord`s. `features/history` also exports `keepRuns()`, which the page calls
 *   once after it has loaded: it watches the store and stores runs that have ended.
 * - `run` is the current or last run of this page, `compared` are runs of the history that were chosen to be shown with it;
 *   `allRuns(state)` is both. Records are immutable: a new object means a change, the same object means none.
 * - A method of a run is a `MethodSeries`; its colour and style are `looksOf`'s everywhere (`seriesOf`, `useRunLooks`), its name `series.title`.
 * - Work goes through `worker()` in `worker-client.ts` (typed as `RunWorker`); what it throws is a `UserError`: show `message`,
 *   with `reportError`, or in place where the control that caused it stands.
 * - `predict` and exports work while `canAsk(state)`.
 */
import { create } from 'zustand';
import { parseRecipe, type Recipe, type RecipeJson } from '../train/recipe';
import { methodById } from '../methods/core/registry';
import { defaultRecipe } from './default-recipe';
import { normalised } from './recipe-json';
import type { ErrorInfo, GpuReport, WorkerEvent } from '../worker/protocol';
import { errorInfo } from '../worker/rpc-errors';
import { isActive, newRun, withEvents, type RunRecord } from './run-record';

export type Tab = 'curves' | 'compare' | 'try-it' | 'highlights' | 'take-home' | 'history';

export type GpuState =
  | { readonly status: 'opening' }
  | { readonly status: 'ready'; readonly report: GpuReport }
  | { readonly status: 'failed'; readonly error: ErrorInfo };

export interface AppState {
  /** As it stands in the editor; may not work (`problem`). */
  readonly json: RecipeJson;
  /** `json` checked, with defaults; undefined while it does not work. */
  readonly recipe?: Recipe | undefined;
  readonly problem?: ErrorInfo | undefined;
  readonly gpu: GpuState;
  readonly run?: RunRecord | undefined;
  readonly compared: readonly RunRecord[];
  readonly tab: Tab;
  /** The texts of *Try it* and *Highlights*, where they were typed or chosen. */
  readonly typed: readonly string[];
  /** Messages that belong to no control; newest last. */
  readonly notices: readonly (ErrorInfo & { readonly id: number })[];

  setRecipe(json: RecipeJson): void;
  setGpu(gpu: GpuState): void;
  setTab(tab: Tab): void;
  setTyped(texts: readonly string[]): void;
  /** Opens a tab with a question in it. */
  openWith(tab: 'try-it' | 'highlights', texts: readonly string[]): void;
  setCompared(runs: readonly RunRecord[]): void;
  beginRun(recipe: Recipe, json: RecipeJson): RunRecord;
  addEvents(runId: string, events: readonly WorkerEvent[]): void;
  setResults(runId: string, results: NonNullable<RunRecord['results']>): void;
  dismiss(notice: number): void;
}

function checked(json: RecipeJson): Pick<AppState, 'json' | 'recipe' | 'problem'> {
  try {
    return { json, recipe: parseRecipe(json), problem: undefined };
  } catch (error) {
    return { json, recipe: undefined, problem: errorInfo(error) };
  }
}

/** `HUT`, or from the second of its kind on `HUT 2`. */
export function methodTitles(recipe: Recipe): { id: string; title: string }[] {
  return recipe.contenders.map(({ id, method }) => ({
    id,
    title: id === method.id ? method.title : `${method.title} ${id.slice(method.id.length + 1)}`,
  }));
}

export const useApp = create<AppState>()((set, get) => ({
  ...checked(normalised(defaultRecipe)),
  gpu: { status: 'opening' },
  compared: [],
  tab: 'curves',
  typed: [],
  notices: [],

  setRecipe: (json) => set(checked(json)),
  setGpu: (gpu) => set({ gpu }),
  setTab: (tab) => set({ tab }),
  setTyped: (typed) => set({ typed }),
  openWith: (tab, typed) => set({ tab, typed }),
  setCompared: (compared) => set({ compared }),
  beginRun(recipe, json) {
    const run = newRun(json, methodTitles(recipe));
    // Another task asks other questions.
    if (get().run?.task?.id !== recipe.task) set({ typed: [] });
    set({ run });
    return run;
  },
  addEvents(runId, events) {
    const { run } = get();
    if (run?.id === runId) set({ run: withEvents(run, events) });
  },
  setResults(runId, results) {
    const { run } = get();
    if (run?.id === runId) set({ run: { ...run, results } });
  },
  dismiss: (notice) => set(({ notices }) => ({ notices: notices.filter(({ id }) => id !== notice) })),
}));

let noticeCount = 0;
/** Shows an error of no particular place as a notice. */
export function reportError(error: unknown): void {
  const info = errorInfo(error);
  useApp.setState(({ notices }) => ({
    notices: [...notices.filter(({ message }) => message !== info.message), { ...info, id: ++noticeCount }].slice(-4),
  }));
}

/** A function, not a selector: wrap it in `useShallow`, or select its parts. */
export const allRuns = ({ run, compared }: Pick<AppState, 'run' | 'compared'>): RunRecord[] => [
  ...(run ? [run] : []),
  ...compared.filter(({ id }) => id !== run?.id),
];

/** A run is on its way, paused included. */
export const isBusy = ({ run }: Pick<AppState, 'run'>) => run !== undefined && isActive(run.state);

/** The worker holds trained methods that answer now: paused, or ended after training began. */
export const canAsk = ({ run }: Pick<AppState, 'run'>) =>
  run !== undefined &&
  run.task !== undefined &&
  (run.state === 'paused' || run.state === 'done' || run.state === 'stopped');

export const methodOf = (id: string) => methodById(id) ?? methodById(id.replace(/-\d+$/, ''));
