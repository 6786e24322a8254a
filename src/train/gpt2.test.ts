import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { swapLayout } from '../models/core/load';
import { batchOf, globalNorm, loadCase, relativeError, trainerOf, type TrainerChoices } from './fixtures.node';

/*
 * GPT-2 against transformers and peft, from the fixtures that reference/gpt2_fixtures.py computes in float64: likelihoods, smoothed loss,
 * every gradient, and the losses of 20 AdamW steps.
 */

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

async function compare(name: string, options: TrainerChoices = {}) {
  const loaded = await loadCase(name);
  const { settings, tensor } = loaded;
  const memory = new DeviceMemory(gpu);
  const trainer = await trainerOf(memory, loaded, options);
  const { model } = trainer.options.tuned.options;
  const first = batchOf(tensor, 0);

  expect(relativeError(await trainer.predict(first), tensor('scores')!.data), 'likelihoods').toBeLessThan(1e-5);

  const gradients = await trainer.gradients(first);
  expect(loaded.names.filter((key) => key.startsWith('gradients.'))).toHaveLength(gradients.size);
  const norm = globalNorm(gradients);
  for (const [key, gradient] of gradients) {
    const expected = tensor(`gradients.${key}`);
    const { data } = swapLayout(model, key, expected!);
    expect(relativeError(gradient, data, 1e-3 * norm), `gradient of ${key}`).toBeLessThan(1e-4);
  }

  for (let step = 0; step < settings.training!.maxSteps; step++) {
    const { done } = await trainer.submit(
      [batchOf(tensor, step % settings.batches)],
      settings.learningRates[step]!,
      step,
    );
    const { loss, gradNorm } = await done;
    expect(Math.abs(loss - settings.losses[step]!), `loss of step ${step}`).toBeLessThan(1e-4);
    expect(Math.abs(gradNorm / settings.gradNorms[step]! - 1), `gradient norm of step ${step}`).toBeLessThan(1e-2);
  }
  await trainer.dispose();
  memory.dispose();
}

describe('GPT-2 against PyTorch', () => {
  for (const name of ['gpt2-tiny', 'gpt2-odd'])
    for (const method of ['hut', 'lora', 'full']) it(`${name}, ${method}`, () => compare(`${name}-${method}`));
  for (const name of ['hut-all', 'lora-all', 'bitfit', 'peft-qkv', 'peft-all'])
    it(`gpt2-tiny, ${name}`, () => compare(`gpt2-tiny-${name}`));
  it('gpt2-tiny, HUT materialised', () => compare('gpt2-tiny-hut-all', { settings: { form: 'materialised' } }));
  it('gpt2-tiny, activations computed again', () => compare('gpt2-tiny-full', { gradientCheckpointing: true }));
});
