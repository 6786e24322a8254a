/** What the page derives without a browser: records from events, recipes from outside, advice, the worker's gate. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../errors';
import { parseRecipe } from '../train/recipe';
import { defaultRecipe } from './default-recipe';
import { taskSizes } from './presets';
import type { WorkerEvent } from '../worker/protocol';
import { normalised } from './recipe-json';
import { bundledPresets, e2ePreset, glueFile, gluePresets } from './recipe-presets';
import { newRun, stepOf, withEvents } from './run-record';
import { browserAdvice } from './shell/browser-advice';
import { EventBatches } from '../worker/event-batches';
import { Steering } from '../worker/steering';

const read = (path: string) => readFileSync(new URL(`../../public/${path}`, import.meta.url), 'utf8');

describe('recipes', () => {
  it('begins with the bundled preset', () => {
    expect(normalised(defaultRecipe)).toEqual(normalised(JSON.parse(read('recipes/sample.json'))));
  });
  it('offers every preset there is, by the task and the methods that it names', () => {
    const { tasks, contents } = gluePresets;
    const offered = tasks.flatMap(({ id }) =>
      contents.map((content) => ({ id, content, file: glueFile(id, content) })),
    );
    const there = readdirSync(new URL('../../public/recipes', import.meta.url)).filter((file) =>
      file.endsWith('.json'),
    );
    expect([...bundledPresets, e2ePreset, ...offered].map(({ file }) => file).sort()).toEqual(there.sort());
    for (const { id, content, file } of offered) {
      const { task, contenders } = parseRecipe(JSON.parse(read(`recipes/${file}`)));
      expect([task, content.title], file).toEqual([
        id,
        expect.stringMatching(new RegExp(`^${contenders.map(({ method }) => method.title).join(' and ')},`)),
      ]);
    }
  });
  it('writes defaults out, and a method’s rate only where it differs', () => {
    const recipe = normalised({
      task: 'rte',
      methods: [{ method: 'hut' }, { method: 'lora', learningRate: 0.5 }],
      training: { learningRate: 0.1 },
    });
    expect(recipe.methods).toEqual([
      { method: 'hut', rank: 8, targetModules: ['query', 'value'], form: 'fused' },
      {
        method: 'lora',
        rank: 8,
        alpha: 16,
        dropout: 0,
        targetModules: ['query', 'value'],
        useRslora: false,
        bias: 'none',
        learningRate: 0.5,
      },
    ]);
    expect(recipe.training).toMatchObject({ batchSize: 16, seed: 42, learningRate: 0.1 });
    expect(normalised({ task: 'rte', methods: [{ method: 'hut', learningRate: 0.5 }] })).toMatchObject({
      methods: [{ method: 'hut' }],
      training: { learningRate: 0.5 },
    });
    expect(normalised(recipe)).toEqual(recipe);
  });
  it('knows how many examples the bundled sample has', () => {
    const lines = (file: string) => read(`data/sample/${file}`).trim().split('\n').length - 1;
    expect(taskSizes['sample']).toEqual([lines('train.tsv'), lines('validation.tsv')]);
  });
});

describe('run records', () => {
  const run = newRun(defaultRecipe, [
    { id: 'hut', title: 'HUT' },
    { id: 'lora', title: 'LoRA' },
  ]);
  const step = (method: string, number: number): WorkerEvent => ({
    type: 'step',
    at: 1000 * number,
    method,
    totalSteps: 4,
    record: { step: number, loss: 1 / number, learningRate: 1, gradNorm: 1, milliseconds: 5, tokens: 10 },
  });
  it('grow by events and are never changed in place', () => {
    const before = structuredClone(run);
    const training = withEvents(run, [
      { type: 'state', at: 0, state: 'training' },
      step('hut', 1),
      step('lora', 1),
      step('hut', 2),
    ]);
    expect(run).toEqual(before);
    expect(training).toMatchObject({ state: 'training', progress: { phase: 'train', done: 2, since: 1000 } });
    expect(training.methods.map(({ steps }) => steps.length)).toEqual([2, 1]);
    expect(stepOf(training)).toBe(2);

    const evaluating = withEvents(training, [
      { type: 'progress', at: 3000, phase: 'evaluate', done: 8, total: 16, label: 'hut' },
      {
        type: 'evaluation',
        at: 3500,
        method: 'hut',
        best: true,
        record: { step: 2, epoch: 1, metrics: { accuracy: 0.75 } },
      },
      { type: 'memory', at: 3500, allocated: 100, peak: 200 },
    ]);
    expect(evaluating.state).toBe('evaluating');
    expect(evaluating.methods[0]).toMatchObject({ bestStep: 2, evaluations: [{ metrics: { accuracy: 0.75 } }] });
    expect(evaluating.memory).toEqual([{ step: 2, allocated: 100, peak: 200 }]);
    const failed = withEvents(evaluating, [
      step('hut', 3),
      { type: 'state', at: 9000, state: 'failed', error: { code: 'gpu/lost', message: 'The GPU was lost.' } },
    ]);
    expect(failed).toMatchObject({ state: 'failed', finishedAt: 9000, error: { code: 'gpu/lost' } });
  });
});

describe('advice without WebGPU', () => {
  const chrome =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
  it('names the browser and the setting', () => {
    expect(browserAdvice(chrome, true)).toMatchObject({
      browser: 'Chrome 140',
      steps: [expect.stringContaining('chrome://flags/#enable-unsafe-webgpu'), expect.anything(), expect.anything()],
    });
    expect(browserAdvice(`${chrome} Edg/140.0.0.0`, true).steps[0]).toContain('edge://flags');
    expect(browserAdvice('Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0', true)).toMatchObject({
      browser: 'Firefox 130',
    });
    expect(
      browserAdvice(
        'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
        true,
      ).steps.join(),
    ).toContain('Feature Flags');
  });
  it('tells of https first where the page has none', () => {
    expect(browserAdvice(chrome, false).steps[0]).toContain('https');
  });
});

describe('steering', () => {
  it('pauses, steps, resumes and stops a loop', async () => {
    const told: boolean[] = [];
    const steering = new Steering((paused) => told.push(paused));
    let steps = 0;
    const loop = (async () => {
      while ((await steering.beforeStep()) === 'continue') {
        steps++;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    const settle = () => new Promise((resolve) => setTimeout(resolve, 30));
    steering.pause();
    await settle();
    const paused = steps;
    await settle();
    expect(steps).toBe(paused);
    steering.step();
    await settle();
    expect(steps).toBe(paused + 1);
    steering.resume();
    await settle();
    expect(steps).toBeGreaterThan(paused + 1);
    steering.stop();
    await loop;
    expect(told).toEqual([true, false, true, false]);
  });
  it('stops out of a pause', async () => {
    const steering = new Steering(() => undefined);
    steering.pause();
    const answer = steering.beforeStep();
    steering.stop();
    expect(await answer).toBe('stop');
  });
});

describe('event batches', () => {
  it('hands on at most ten batches a second, progress thinned, nothing else lost', async () => {
    const batches: (readonly WorkerEvent[])[] = [];
    const events = new EventBatches((batch) => batches.push(batch));
    for (let done = 0; done < 1000; done++)
      events.add({ type: 'progress', phase: 'tokenise', done, total: 1000, label: 'train' });
    events.add({ type: 'state', state: 'training' });
    expect(batches).toHaveLength(0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(batches).toHaveLength(1);
    expect(batches[0]).toMatchObject([{ type: 'progress', done: 999 }, { type: 'state' }]);
  });
});

it('refusals keep their code', () => {
  expect(() => normalised({ task: 'sample', training: { batchSize: 1e9 } })).toThrow(UserError);
});
