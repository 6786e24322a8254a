import { describe, expect, it } from 'vitest';
import { checkpointPresets } from '../checkpoint/presets';
import { Graph } from '../graph/graph';
import { byteLength, tensorsOf } from '../graph/tensor';
import { readWeight } from '../models/core/load';
import { openModel } from '../models/core/registry';
import { decodingPrograms } from './decoding';
import { openCheckpoint } from './fixtures.node';
import { tunedModels } from './open';
import { largestShapes, plan } from './plan';
import { parseRecipe, taskEntry } from './recipe';
import { TraceScope } from './trace-scope';

/* What a real GPT-2 takes, planned without a device. */

const mebibyte = 2 ** 20;

function planned(weights: 'f32' | 'f16', chunkBytes: number) {
  const recipe = parseRecipe({
    checkpoint: 'openai-community/gpt2-medium',
    task: 'e2e',
    weights,
    methods: [{ method: 'hut' }],
    training: { batchSize: 4, maxLength: 512 },
  });
  const model = openModel(
    checkpointPresets.find(({ repository }) => repository === recipe.checkpoint)!.config,
    'gpt2-medium',
  );
  const contenders = recipe.contenders.map((contender) => ({ ...contender, start: new Map() }));
  const [tuned] = tunedModels({ recipe, model, contenders }, taskEntry(recipe).describe(recipe));
  const limits = { chunkBytes, maxStorageBuffers: 8 };
  const result = plan([tuned!], recipe.training, { ...limits, shapes: largestShapes(recipe.training) });
  const layout = tuned!.layout(chunkBytes);
  const shape = { batchSize: 4, length: 512 };
  const decoding = decodingPrograms(
    tuned!,
    { prompts: 1, promptLength: 64, beams: 10, capacity: 64 },
    layout,
    result.program,
  );
  const programs = [
    ...[true, false].map((training) => tuned!.program(shape, layout, { ...result.program, training })),
    decoding.prompt,
    decoding.token,
  ];
  const largest = Math.max(
    ...programs.flatMap(({ calls }) => calls.flatMap(({ bindings }) => tensorsOf(bindings).map(byteLength))),
  );
  return { ...result, largest, programs };
}

describe('GPT-2 medium, HUT, 4 × 512', () => {
  it('fits 3.5 GB with f16 weights, all activations kept', () => {
    const { peakBytes } = planned('f16', 2 ** 32);
    expect(peakBytes).toBeLessThan(3.5e9);
  });
  it('binds no more than 128 MiB, with f32 weights too, whose embedding takes 197 MiB', () => {
    for (const weights of ['f16', 'f32'] as const) {
      const { largest, costs } = planned(weights, 128 * mebibyte);
      expect(largest).toBeLessThanOrEqual(128 * mebibyte);
      expect(costs[0]!.largestWeight.bytes).toBeLessThanOrEqual(128 * mebibyte);
    }
  });
  it('keeps one copy of a prompt’s cache for ten beams', () => {
    const { programs } = planned('f16', 128 * mebibyte);
    const states = new Map(programs[3]!.states.map((state) => [state.name, state.shape]));
    expect(states.get('prompt 0')).toEqual([64, 2048]);
    expect(states.get('generated 0')).toEqual([640, 2048]);
  });
});

describe('a frozen table too large for a binding', () => {
  const [rows, columns] = [211, 64];
  const name = 'transformer.wte.weight';
  const scope = (trained: boolean) =>
    new TraceScope({
      graph: new Graph(),
      weights: 'f32',
      chunkBytes: 100 * columns * 4,
      ...(trained && { trained: new Map([[name, [rows, columns]]]) }),
    });

  it('is read in blocks of rows, which are the whole', async () => {
    const { reader, model } = await openCheckpoint('gpt2-tiny');
    const blocks = scope(false).table(name, [rows, columns]);
    expect(blocks.map(({ shape }) => shape[0])).toEqual([64, 64, 64, 19]);
    const whole = await readWeight(reader, model, { name, shape: [rows, columns], dataType: 'f32' }, 'x');
    const read = await Promise.all(blocks.map((block) => readWeight(reader, model, block, 'x')));
    expect(read.flatMap((values) => [...values])).toEqual([...whole]);
  });
  it('stays whole where it trains', () => expect(scope(true).table(name, [rows, columns])).toHaveLength(1));
});
