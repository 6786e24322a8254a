/**
 * Runs kept in IndexedDB. A run's curves are large and its head is small, so they lie apart: the list reads heads only. Both are
 * written and deleted in one transaction.
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { z } from 'zod';
import { UserError } from '../../../errors';
import { isEnded, stepOf, type RunRecord } from '../../run-record';

const head = z.object({
  id: z.string(),
  startedAt: z.number(),
  finishedAt: z.number().optional(),
  state: z.string(),
  /** Whether the page was closed before the run ended. */
  interrupted: z.boolean(),
  task: z.string(),
  checkpoint: z.string(),
  metric: z.string().optional(),
  steps: z.number(),
  totalSteps: z.number(),
  methods: z.array(z.object({ id: z.string(), title: z.string(), best: z.number().optional() })),
});
/** What the list shows of a run. */
export type RunHead = z.output<typeof head>;

interface Schema extends DBSchema {
  heads: { key: string; value: RunHead; indexes: { startedAt: number } };
  runs: { key: string; value: RunRecord };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;

function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>('hut-playground', 1, {
    upgrade(db) {
      db.createObjectStore('heads', { keyPath: 'id' }).createIndex('startedAt', 'startedAt');
      db.createObjectStore('runs', { keyPath: 'id' });
    },
    // Another tab with a newer page wants to change the layout: let go, and open again when asked.
    blocking: (_current, _blocked, event) => {
      (event.target as IDBDatabase).close();
      opened = undefined;
    },
    terminated: () => (opened = undefined),
  });
  return opened.catch((error: unknown) => {
    opened = undefined;
    throw new UserError(
      'history/closed',
      `The browser does not let this page keep runs (${(error as Error).message}); private windows often do not.`,
    );
  });
}

export function headOf(run: RunRecord): RunHead {
  const metric = run.task?.primaryMetric;
  const { id, startedAt, finishedAt, state, totalSteps } = run;
  return {
    id,
    startedAt,
    ...(finishedAt !== undefined && { finishedAt }),
    state,
    interrupted: !isEnded(state),
    task: run.task?.title ?? run.recipe.task,
    checkpoint: run.recipe.checkpoint ?? '',
    ...(metric !== undefined && { metric }),
    steps: stepOf(run),
    totalSteps,
    methods: run.methods.map((method) => {
      const best = method.evaluations.find(({ step }) => step === method.bestStep)?.metrics[metric ?? ''];
      return { id: method.id, title: method.title, ...(best !== undefined && { best }) };
    }),
  };
}

/** Stores a run, or replaces what was stored of it. */
export async function saveRun(run: RunRecord): Promise<void> {
  const transaction = (await database()).transaction(['heads', 'runs'], 'readwrite');
  try {
    await Promise.all([
      transaction.objectStore('heads').put(headOf(run)),
      transaction.objectStore('runs').put(run),
      transaction.done,
    ]);
  } catch (error) {
    if ((error as Error).name !== 'QuotaExceededError') throw error;
    throw new UserError(
      'history/full',
      'The browser has no room left for this run; delete older runs or cached downloads under History.',
    );
  }
}

/** Heads of all runs, newest first. What another version of the page wrote and this one cannot read is left out. */
export async function listRuns(): Promise<RunHead[]> {
  const heads = await (await database()).getAllFromIndex('heads', 'startedAt');
  return heads.flatMap((value) => head.safeParse(value).data ?? []).reverse();
}

/** A run with its curves; undefined where it is no longer there. */
export async function loadRun(id: string): Promise<RunRecord | undefined> {
  const run = await (await database()).get('runs', id);
  // Interrupted runs are as they were when the page last saved them.
  return run && (isEnded(run.state) ? run : { ...run, state: 'stopped' });
}

/** No error where there is none. */
export async function deleteRun(id: string): Promise<void> {
  const transaction = (await database()).transaction(['heads', 'runs'], 'readwrite');
  await Promise.all([
    transaction.objectStore('heads').delete(id),
    transaction.objectStore('runs').delete(id),
    transaction.done,
  ]);
}

/** Closes the connection; the next call opens it again. */
export async function closeDatabase(): Promise<void> {
  (await opened)?.close();
  opened = undefined;
}
