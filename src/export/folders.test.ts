import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toFloat32 } from '../checkpoint/float';
import { readSafetensors } from '../checkpoint/safetensors';
import { Gpu } from '../gpu/device';
import { prepare } from '../train/prepare';
import { parseRecipe, type RecipeJson } from '../train/recipe';
import { Run } from '../train/run';
import { bestLogits, folder, smallRecipe, testEnvironment, trainedRun } from '../cli/runs.node';
import { adapterFolder, mergedFolder, predictionFiles } from './folders';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

/** Logits of a contender on its deciding split, trained or not. */
async function evaluated(json: RecipeJson, environment: Parameters<typeof testEnvironment>[1], id: string) {
  const run = new Run(await prepare(parseRecipe(json), testEnvironment(gpu, environment)));
  await run.evaluate(0);
  const logits = bestLogits(run, id).slice();
  await run.dispose();
  return { logits, headFromCheckpoint: run.prepared.headFromCheckpoint };
}

/** What the best evaluation told of every weight's change is that of the merged weights, which are its weights. */
async function checkChanges(run: Run, id: string, file: Uint8Array): Promise<void> {
  const { prepared } = run;
  const merged = readSafetensors(file).tensors;
  const told = run.results().methods.find((method) => method.id === id)!.best!.changes ?? [];
  for (const { name, role, layer } of prepared.model.sites) {
    const { data: before } = await prepared.reader.read(`${name}.weight`);
    const after = toFloat32(merged.get(`${name}.weight`)!);
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const expected = norm(after.map((value, i) => value - before[i]!)) / norm(before);
    const change = told.find((one) => one.role === role && one.layer === layer)?.change ?? 0;
    expect(Math.abs(change - expected), `${id}, ${name}`).toBeLessThanOrEqual(1e-4 * expected);
  }
}

/** Every method there is, HUT and LoRA with what only they have. */
const methods: RecipeJson['methods'] = [
  { method: 'hut', learningRate: 5e-3 },
  { method: 'lora', rank: 4, bias: 'all', useRslora: true, rankPattern: { query: 2 }, alphaPattern: { '1.*value': 3 } },
  { method: 'lora', rank: 4, bias: 'lora_only', targetModules: ['down', 'attention.self.key'] },
  { method: 'bitfit' },
  { method: 'top-layers', layers: 1, learningRate: 1e-4 },
  { method: 'head' },
  { method: 'full', learningRate: 1e-4 },
];

describe('exports', () => {
  it('merged folders and adapters come back as what they were', async () => {
    const run = await trainedRun(gpu, { ...smallRecipe, methods });
    const { prepared } = run;
    const started = await evaluated({ ...smallRecipe, methods: [{ method: 'head' }] }, {}, 'head');
    for (const { id, method } of prepared.contenders) {
      const logits = bestLogits(run, id);
      const scale = Math.max(...logits.map(Math.abs));
      const error = (other: Float32Array) => Math.max(...other.map((value, i) => Math.abs(value - logits[i]!))) / scale;
      expect(error(started.logits), `${id} was trained`).toBeGreaterThan(1e-3);

      const files = await mergedFolder(prepared, id);
      await checkChanges(run, id, files.get('model.safetensors')!);
      const merged = folder(files, 'merged');
      const reopened = await evaluated(
        { ...smallRecipe, methods: [{ method: 'lora' }] },
        { checkpoint: () => merged },
        'lora',
      );
      expect(reopened.headFromCheckpoint).toBe(true);
      expect(error(reopened.logits), `${id}, merged`).toBeLessThan(1e-5);

      if (!method.adapter) {
        await expect(adapterFolder(prepared, id)).rejects.toMatchObject({ code: 'export/no-adapter' });
        continue;
      }
      // The folder says everything: the recipe names it and nothing else.
      const adapter = folder(await adapterFolder(prepared, id), 'adapter');
      const resumed = await evaluated(
        { ...smallRecipe, methods: [{ method: method.id, adapter: './adapter' }] },
        { adapter: () => adapter },
        method.id,
      );
      expect(error(resumed.logits), `${id}, adapter`).toBeLessThan(1e-5);
    }
    await run.dispose();
  });

  it('predictions are what the model answered', async () => {
    const run = await trainedRun(gpu, smallRecipe);
    const { prepared } = run;
    const lines = predictionFiles(prepared, run.bestAnswers('hut'))
      .get('predictions.jsonl')!
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string; logits: number[]; prediction: number; inputIds: number[] });
    const { rows, encoded } = prepared.splits.get('validation')!;
    expect(lines).toHaveLength(8);
    const { task } = prepared.loaded;
    lines.forEach((line, i) => {
      expect(line.text).toBe(task.view(rows[i]).text);
      expect(line.logits).toEqual([...bestLogits(run, 'hut').slice(2 * i, 2 * i + 2)]);
      expect(line.prediction).toBe(line.logits[1]! > line.logits[0]! ? 1 : 0);
      expect(line.inputIds).toEqual([...encoded.inputIds.slice(encoded.offsets[i], encoded.offsets[i + 1])]);
    });
    await run.dispose();
  });

  it('what HUT merges is Eq. 10 in the stored weights', async () => {
    const run = await trainedRun(gpu, {
      ...smallRecipe,
      methods: [{ method: 'hut', targetModules: ['down'], learningRate: 5e-3 }],
    });
    const merged = readSafetensors((await mergedFolder(run.prepared, 'hut')).get('model.safetensors')!).tensors;
    const name = 'roberta.encoder.layer.1.output.dense';
    const [weight, original] = [
      toFloat32(merged.get(`${name}.weight`)!),
      (await run.prepared.reader.read(`${name}.weight`)).data,
    ];
    const values = await run.prepared.trainers[0]!.flat.parameters.read();
    const [a, b, gamma] = ['hut_A', 'hut_B', 'hut_gamma'].map((suffix) => values.get(`${name}.${suffix}`)!) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [rank, inFeatures, outFeatures] = [8, 1024, 256];
    for (const [o, i] of [
      [0, 0],
      [17, 901],
      [255, 1023],
    ] as const) {
      let [rowMean, columnMean] = [0, 0];
      for (let r = 0; r < rank; r++) {
        rowMean += a[i * rank + r]! / rank;
        columnMean += b[r * outFeatures + o]! / rank;
      }
      expect(weight[o * inFeatures + i]!).toBeCloseTo(
        original[o * inFeatures + i]! * rowMean * columnMean * gamma[o]!,
        6,
      );
    }
    await run.dispose();
  });
});
