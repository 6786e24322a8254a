import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TextTokenizer } from '../data/tokenizer';
import { Gpu } from '../gpu/device';
import { DeviceMemory } from '../graph/executable';
import { fixtureFolder, loadCase, relativeError, trainerOf } from '../train/fixtures.node';
import { Explainer } from './explainer';
import { curvePoints, faithfulness, meanFaithfulness } from './faithfulness';
import { kindIds } from './kinds';
import { gaussLegendre } from './readings';

/* Every highlight against PyTorch (reference/highlight_fixtures.py). */

interface Input {
  inputIds: number[];
  tokenTypeIds?: number[];
  kept: number[];
  passage?: [number, number];
  c?: number;
  s?: number;
  e?: number;
  t?: number;
  relationFinal: number[];
  relationInput: number[];
  attentionHeads: number[][];
  attention: number[];
  rollout: number[];
  gradientInput: number[];
  integratedGradients: number[];
  baselineIds: number[];
  scoreAtInput: number;
  deletionOrder: number[];
  deletion: number[];
}
interface Case {
  baselineTokenId: number;
  maskTokenId: number;
  steps: number;
  inputs: Input[];
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

const close = (actual: readonly number[], expected: readonly number[], what: string, bound = 1e-4) =>
  expect(relativeError(Float32Array.from(actual), Float32Array.from(expected)), what).toBeLessThan(bound);

describe('highlights against PyTorch', () => {
  it.each(['roberta-lora', 'roberta-hut', 'bert-span-hut', 'gpt2-lora', 'gpt2-odd-hut'])('%s', async (name) => {
    const loaded = await loadCase(`highlights-${name}`);
    const given = JSON.parse(readFileSync(`${fixtureFolder}/highlights-${name}/case.json`, 'utf8')) as Case;
    const memory = new DeviceMemory(gpu);
    const trainer = await trainerOf(memory, loaded);
    const isGpt2 = name.startsWith('gpt2');
    const { steps } = given;
    const rule = {
      nodes: Array.from({ length: steps }, (_, k) => (k + 0.5) / steps),
      weights: new Array<number>(steps).fill(1 / steps),
    };
    for (const input of given.inputs) {
      const { kept, passage, c, s, e, t } = input;
      const tokenizer: Partial<TextTokenizer> = {
        padTokenId: given.baselineTokenId,
        eosTokenId: isGpt2 ? given.baselineTokenId : undefined,
        maskTokenId: isGpt2 ? undefined : given.maskTokenId,
        specialTokenIds: new Set(kept.map((at) => input.inputIds[at]!)),
        pieces: (ids) => Array.from(ids, String),
      };
      const explainer = new Explainer(trainer, tokenizer as TextTokenizer, 64);
      const row = {
        inputIds: Uint32Array.from(input.inputIds),
        tokenTypeIds: Uint8Array.from(input.tokenTypeIds ?? input.inputIds.map(() => 0)),
        ...(passage && {
          places: Int32Array.from(
            input.inputIds.flatMap((_, i) => (i >= passage[0] && i <= passage[1] ? [i, i + 1] : [-1, -1])),
          ),
        }),
      };
      const found = await explainer.explain(row, { steps, rule });
      expect(found.subject.choice).toEqual(s === undefined ? [c ?? t] : [s, e]);
      close([found.score], [input.scoreAtInput], 'score', 1e-5);
      const { values, heads } = found;
      close(values.relationState, input.relationFinal, 'final states', 1e-5);
      close(values.relationInput, input.relationInput, 'input words', 1e-5);
      close(values.attention, input.attention, 'attention', 1e-5);
      close(heads.flat(), input.attentionHeads.flat(), 'heads', 1e-5);
      close(values.rollout, input.rollout, 'rollout', 1e-5);
      close(values.gradientInput, input.gradientInput, 'gradient × input');
      close(values.integratedGradients, input.integratedGradients, 'integrated gradients');
      expect(Array.from(explainer.baseline(row))).toEqual(input.baselineIds);

      const exact = await explainer.explain(row, { steps: 32 });
      expect(exact.completenessError, 'completeness').toBeLessThan(0.01);

      const rows = input.deletion.map((_, k) =>
        explainer.hidden(row, (token) => input.deletionOrder.slice(0, k).includes(token)),
      );
      close(await explainer.probabilities(row, found.subject, rows), input.deletion, 'deletion');
      await explainer.dispose();
    }
    await trainer.dispose();
    memory.dispose();
  });
});

describe('the faithfulness check', () => {
  it('hides and shows words in the order of each kind', async () => {
    const loaded = await loadCase('highlights-roberta-lora');
    const { inputs } = JSON.parse(readFileSync(`${fixtureFolder}/highlights-roberta-lora/case.json`, 'utf8')) as Case;
    const memory = new DeviceMemory(gpu);
    const trainer = await trainerOf(memory, loaded);
    const [{ inputIds, kept }] = inputs as [Input];
    const tokenizer: Partial<TextTokenizer> = {
      padTokenId: 1,
      maskTokenId: 4,
      specialTokenIds: new Set(kept.map((at) => inputIds[at]!)),
      pieces: (ids) => Array.from(ids, (id) => ` ${id}`),
    };
    const explainer = new Explainer(trainer, tokenizer as TextTokenizer, 64);
    const row = { inputIds: Uint32Array.from(inputIds), tokenTypeIds: new Uint8Array(inputIds.length) };
    const explanation = await explainer.explain(row, { steps: 8 });
    const { deletion, insertion } = await faithfulness(explainer, row, explanation, 1);
    const plain = inputIds.flatMap((_, token) => (kept.includes(token) ? [] : [token]));
    const [nothing] = await explainer.probabilities(row, explanation.subject, [
      explainer.hidden(row, (token) => plain.includes(token)),
    ]);
    for (const kind of [...kindIds, 'random'] as const) {
      expect(deletion[kind].values[0]).toBeCloseTo(explanation.probability, 5);
      expect(deletion[kind].values.at(-1)).toBeCloseTo(nothing!, 5);
      expect(insertion[kind].values[0]).toBeCloseTo(nothing!, 5);
      expect(insertion[kind].values.at(-1)).toBeCloseTo(explanation.probability, 5);
    }
    // By hand: the word with the largest value goes first.
    const { gradientInput } = explanation.values;
    const order = plain.toSorted((a, b) => gradientInput[b]! - gradientInput[a]!);
    const count = Math.round(plain.length / curvePoints);
    const [first] = await explainer.probabilities(row, explanation.subject, [
      explainer.hidden(row, (token) => order.slice(0, count).includes(token)),
    ]);
    expect(deletion.gradientInput.values[1]).toBeCloseTo(first!, 6);
    const mean = meanFaithfulness([{ deletion, insertion }]);
    expect(mean?.deletion.rollout.area).toBeCloseTo(deletion.rollout.area, 12);
    await explainer.dispose();
    await trainer.dispose();
    memory.dispose();
  });
});

describe('the Gauss-Legendre rule', () => {
  it('integrates polynomials of degree 2 n - 1', () => {
    for (const n of [1, 2, 5, 32]) {
      const { nodes, weights } = gaussLegendre(n);
      const degree = 2 * n - 1;
      expect(nodes.reduce((sum, x, i) => sum + weights[i]! * x ** degree, 0)).toBeCloseTo(1 / (degree + 1), 12);
    }
  });
});
