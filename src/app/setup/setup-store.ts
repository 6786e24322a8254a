/** What the set-up knows beside the recipe itself: its plan, its data, dropped files, the hub's address. */
import { create } from 'zustand';
import type { RecipeJson } from '../../train/recipe';
import { taskSizes } from '../presets';
import type { DataReport, Dropped, ErrorInfo, Plan } from '../../worker/protocol';
import { errorInfo } from '../../worker/rpc-errors';
import { useApp } from '../store';
import { worker } from '../worker-client';

interface SetUpState {
  readonly endpoint: string;
  readonly plan?: Plan | undefined;
  readonly planError?: ErrorInfo | undefined;
  readonly planning: boolean;
  /** The last data looked at, and the recipe's data it belongs to. */
  readonly data?: { readonly key: string; readonly report?: DataReport; readonly error?: ErrorInfo } | undefined;
  readonly folders: readonly Extract<Dropped, { kind: 'checkpoint' | 'adapter' }>[];
  readonly tables: readonly string[];
}

const endpointKey = 'hub-endpoint';

export const useSetUp = create<SetUpState>()(() => ({
  endpoint: localStorage.getItem(endpointKey) ?? __HUB_ENDPOINT__,
  planning: false,
  folders: [],
  tables: [],
}));

export function setEndpoint(endpoint: string): void {
  const used = endpoint.trim() || __HUB_ENDPOINT__;
  if (used === __HUB_ENDPOINT__) localStorage.removeItem(endpointKey);
  else localStorage.setItem(endpointKey, used);
  useSetUp.setState({ endpoint: used });
}

/** The part of a recipe that decides which examples there are, and how they are cut. */
export const dataKey = ({ task, data, checkpoint, training }: RecipeJson) =>
  JSON.stringify([task, data, checkpoint, training?.maxLength, training?.seed]);
const examplesKey = (key: string) => JSON.stringify((JSON.parse(key) as unknown[]).slice(0, 2));

/** Training and validation examples, where they are known before the run. */
export function knownExamples(json: RecipeJson): readonly [train: number, validation: number] | undefined {
  const { data } = useSetUp.getState();
  if (data?.report && examplesKey(data.key) === examplesKey(dataKey(json)))
    return [data.report.examples.train, data.report.examples.validation];
  return json.data ? undefined : taskSizes[json.task];
}

/** Reads the recipe's data; from the hub, this downloads it. */
export async function inspectData(): Promise<void> {
  const { json } = useApp.getState();
  const key = dataKey(json);
  useSetUp.setState({ data: { key } });
  const found = await worker()
    .inspectData(json)
    .then(
      (report) => ({ report }),
      (error: unknown) => ({ error: errorInfo(error) }),
    );
  if (useSetUp.getState().data?.key !== key) return;
  useSetUp.setState({ data: { key, ...found } });
  void refreshPlan();
}

let asked = 0;
async function refreshPlan(): Promise<void> {
  const { json, recipe } = useApp.getState();
  if (!recipe) return;
  const mine = ++asked;
  useSetUp.setState({ planning: true });
  const answer = await worker()
    .plan(json, knownExamples(json)?.[0])
    .then(
      (plan) => ({ plan, planError: undefined }),
      (error: unknown) => ({ plan: undefined, planError: errorInfo(error) }),
    );
  if (mine === asked) useSetUp.setState({ ...answer, planning: false });
}

/** Keeps the plan up to date with the recipe and the GPU. */
export function followPlan(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  useApp.subscribe((state, before) => {
    if (state.recipe === before.recipe && state.gpu === before.gpu) return;
    clearTimeout(timer);
    timer = setTimeout(() => void refreshPlan(), 200);
  });
  void refreshPlan();
}
