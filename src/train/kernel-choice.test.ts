/** A run that tunes: on this device, taken for a GPU where it is a software adapter. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adapterLabel, Gpu, type AdapterIdentity } from '../gpu/device';
import { linearVariants, staticChoice } from '../graph/variants';
import { nodeEnvironment } from '../cli/environment';
import type { RunEvent } from './events';
import { tunedChoice } from './kernel-choice';
import { prepare } from './prepare';
import { parseRecipe } from './recipe';
import { Run } from './run';

const identity: AdapterIdentity = { vendor: 'test', architecture: '', device: '', description: '', software: false };

/** As a browser keeps it: text, between two visits. */
function store(text?: string) {
  return {
    get text() {
      return text;
    },
    read: async () => (text === undefined ? undefined : (JSON.parse(text) as unknown)),
    write: async (cache: object) => void (text = JSON.stringify(cache)),
  };
}

let gpu: Gpu;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tuning-'));
  gpu = await Gpu.open();
});
afterAll(async () => {
  gpu.close();
  await rm(folder, { recursive: true });
});

const recipe = parseRecipe({
  task: 'sample',
  methods: [{ method: 'hut' }],
  training: { maxSteps: 1, batchSize: 1, maxLength: 16 },
  evaluation: { limit: 1 },
});

async function losses(choice: ReturnType<typeof tunedChoice>) {
  const events: RunEvent[] = [];
  const environment = { ...nodeEnvironment(folder, process.cwd()), gpu: async () => gpu, choice };
  const run = new Run(await prepare(recipe, environment, { onEvent: (event) => events.push(event) }));
  try {
    await run.train();
    return { events, losses: run.results().methods.map(({ steps }) => steps.map(({ loss }) => loss)) };
  } finally {
    await run.dispose();
  }
}

describe('the kernels of a run', () => {
  it('go by rule on a software adapter: nothing is timed, read or written', async () => {
    const never = () => Promise.reject(new Error('asked'));
    const choose = tunedChoice({ read: never, write: never }, { identity: { ...identity, software: true } });
    const choice = await choose(gpu, {
      shapes: () => {
        throw new Error('asked');
      },
    });
    const shape = { rows: 64, inner: 64, columns: 64, layout: 'nk', halfWeights: false } as const;
    expect(choice.linear(shape)).toBe(staticChoice({ software: true }).linear(shape));
  });

  it('are tuned on a GPU, once: the run says so, and the next visit knows', async () => {
    const kept = store();
    const tuned = await losses(tunedChoice(kept, { identity, seconds: 0.1 }));
    expect(tuned.events.find((event) => event.type === 'progress' && event.phase === 'tune')).toBeDefined();
    const found = (JSON.parse(kept.text!) as Record<string, Record<string, string>>)[adapterLabel(identity)]!;
    expect(Object.keys(found).length).toBeGreaterThan(2);
    for (const name of Object.values(found)) expect(linearVariants).toHaveProperty([name]);

    // Variants round differently at most.
    const ruled = await losses(async () => staticChoice(gpu.identity));
    tuned.losses.flat().forEach((loss, i) => expect(loss).toBeCloseTo(ruled.losses.flat()[i]!, 4));

    const before = kept.text;
    const compile = vi.spyOn(gpu.device, 'createComputePipelineAsync');
    const again = await tunedChoice(kept, { identity, seconds: 60 })(gpu, {
      shapes: () => [],
    });
    expect(compile).not.toHaveBeenCalled();
    expect(kept.text).toBe(before);
    expect(again.attention).toBeDefined();
  });

  it('are found anew where what was kept cannot be read', async () => {
    const choose = tunedChoice(store('{"google": 7}'), { identity, seconds: 0 });
    await expect(choose(gpu, { shapes: () => [] })).resolves.toHaveProperty('linear');
  });
});
