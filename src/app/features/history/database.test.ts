import 'fake-indexeddb/auto';
import { afterEach, describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../train/recipe';
import type { WorkerEvent } from '../../../worker/protocol';
import { newRun, withEvents, type RunRecord } from '../../run-record';
import { useApp } from '../../store';
import { closeDatabase, deleteRun, listRuns, loadRun, saveRun } from './database';
import { keepRuns, onStored } from './keep-runs';

const recipe = { task: 'sample', checkpoint: 'bundled:tiny-roberta', methods: [{ method: 'hut' }] };
const step = (number: number): WorkerEvent => ({
  type: 'step',
  at: number,
  method: 'hut',
  totalSteps: 4,
  record: { step: number, loss: 1 / number, learningRate: 1e-3, gradNorm: 1, milliseconds: 5, tokens: 100 },
});
const evaluation = (number: number, accuracy: number): WorkerEvent => ({
  type: 'evaluation',
  at: number,
  method: 'hut',
  best: true,
  record: { step: number, epoch: 1, metrics: { accuracy, loss: 0.5 } },
});
const task: WorkerEvent = {
  type: 'task',
  at: 0,
  task: {
    id: 'sample',
    title: '<b>Bundled</b>',
    question: '',
    primaryMetric: 'accuracy',
    fields: ['Text'],
  },
  examples: { train: 8, validation: 4 },
  headFromCheckpoint: false,
};
const run = (startedAt: number, ...events: WorkerEvent[]): RunRecord =>
  withEvents(newRun(recipe, [{ id: 'hut', title: 'HUT' }], startedAt), [task, ...events]);
const ended = (startedAt: number) =>
  run(startedAt, step(1), step(2), evaluation(2, 0.75), { type: 'state', at: 9, state: 'done' });

afterEach(async () => {
  for (const { id } of await listRuns()) await deleteRun(id);
  await closeDatabase();
});

describe('the history', () => {
  it('gives runs back as they were, newest first, after the page was closed', async () => {
    const [older, newer] = [ended(1000), ended(2000)];
    await saveRun(newer);
    await saveRun(older);
    await closeDatabase();
    const heads = await listRuns();
    expect(heads.map(({ id }) => id)).toEqual([newer.id, older.id]);
    expect(heads[0]).toMatchObject({
      task: '<b>Bundled</b>',
      metric: 'accuracy',
      steps: 2,
      state: 'done',
      interrupted: false,
      methods: [{ id: 'hut', title: 'HUT', best: 0.75 }],
    });
    expect(await loadRun(older.id)).toEqual(older);
  });

  it('deletes curves and head together, and twice is no error', async () => {
    const one = ended(1000);
    await saveRun(one);
    await deleteRun(one.id);
    await deleteRun(one.id);
    expect(await listRuns()).toEqual([]);
    expect(await loadRun(one.id)).toBeUndefined();
  });

  it('shows a run that was cut off as interrupted, with what it had', async () => {
    const open = run(1000, step(1), evaluation(1, 0.5));
    await saveRun(open);
    expect((await listRuns())[0]).toMatchObject({ interrupted: true });
    const loaded = await loadRun(open.id);
    expect(loaded?.state).toBe('stopped');
    expect(loaded?.methods[0]!.steps).toHaveLength(1);
  });

  it('leaves out heads it cannot read', async () => {
    await saveRun(ended(1000));
    await saveRun({ ...ended(2000), startedAt: 'soon' as unknown as number });
    expect(await listRuns()).toHaveLength(1);
  });
});

describe('keeping runs', () => {
  const stored = () =>
    new Promise<void>((resolve) => {
      const stop = onStored(() => (stop(), resolve()));
    });

  it('stores at evaluations and at the end, the last state last, and nothing before the first step', async () => {
    const stop = keepRuns();
    const begun = useApp.getState().beginRun(parseRecipe(recipe), recipe);
    const add = (...events: WorkerEvent[]) => useApp.setState({ run: withEvents(useApp.getState().run!, events) });
    useApp.setState({ run: { ...begun, methods: run(0).methods } });
    add(task, { type: 'state', at: 1, state: 'training' });
    expect(await listRuns()).toEqual([]);
    let next = stored();
    add(step(1), evaluation(1, 0.5));
    await next;
    expect((await listRuns())[0]).toMatchObject({ interrupted: true, steps: 1 });
    next = stored();
    add(step(2), { type: 'state', at: 5, state: 'stopped' });
    await next;
    expect((await listRuns())[0]).toMatchObject({ interrupted: false, state: 'stopped', steps: 2 });
    stop();
  });
});
