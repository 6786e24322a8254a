import { describe, expect, it } from 'vitest';
import { ownData } from '../data/labelled';
import { classification } from '../tasks/classification';
import { parseRecipe, recipeJson } from '../train/recipe';
import type { Results } from '../train/events';
import { exportExtras } from './extras';
import type { ExportInfo } from './info';
import { modelCard } from './model-card';

const recipe = recipeJson(
  parseRecipe({ task: 'sample', methods: [{ method: 'hut' }, { method: 'lora', rank: 4, learningRate: 0.5 }] }),
);

function results(changes: Partial<Results['methods'][number]> = {}, more: Record<string, unknown> = {}): Results {
  const method = (id: string) => ({
    id,
    method: id,
    trainableParameters: 34_816,
    headParameters: 66_306,
    cost: { paper: { adapterFlops: 1 }, step: { flops: 1, bytes: 1, dispatches: 1 } },
    memory: { peakBytes: 1 },
    steps: [1, 2, 3].map((step) => ({ step, loss: 1, learningRate: 1, gradNorm: 1, milliseconds: 1, tokens: 1 })),
    evaluations: [],
    best: { step: 2, epoch: 1, metrics: { accuracy: 0.75, loss: 0.5 } },
    ...changes,
  });
  return {
    adapter: { vendor: 'google', architecture: 'swiftshader', device: '', description: '', software: true },
    recipe: { ...recipe, ...more },
    task: 'sample',
    primaryMetric: 'accuracy',
    examples: { train: 322, validation: 80 },
    totalSteps: 3,
    memory: { peakBytes: 1 },
    methods: [method('hut'), method('lora')],
  } as unknown as Results;
}

const taskOf = (title: string, labels: readonly string[]) =>
  classification(ownData(title, { text: 'text', label: 'label' }, labels));
const task = taskOf('Sample', ['negative', 'positive']);
const info = (more: Partial<ExportInfo> = {}): ExportInfo => ({
  kind: 'merged',
  results: results(),
  method: 'lora',
  task,
  weights: 'best',
  ...more,
});

describe('the model card', () => {
  it('tells the method’s own settings, and what was measured on what', () => {
    const card = modelCard(info());
    expect(card).toContain('| rank | `4` |');
    expect(card).toContain('| learningRate | `0.5` |');
    expect(card).toContain('| `accuracy` | 0.7500 |');
    expect(card).toContain('On the 80 validation examples, after step 2, on google swiftshader (software adapter)');
    expect(card).toContain('| Answers | `0 = negative, 1 = positive` |');
    expect(card).toContain('[LoRA: Low-Rank Adaptation of Large Language Models](https://arxiv.org/abs/2106.09685)');
  });

  it('says when the exported weights are not the measured ones, and when nothing was measured', () => {
    expect(modelCard(info())).not.toContain('have not been evaluated');
    expect(modelCard(info({ weights: 'last' }))).toMatch(/later ones.*step 3.*have not been evaluated/);
    expect(modelCard(info({ results: results({ best: null }) }))).toContain(
      'Nothing: the run ended before its first evaluation.',
    );
    expect(
      modelCard(info({ results: results({ stopped: { code: 'train/diverged', message: 'It blew up.' } }) })),
    ).toContain('`It blew up.`');
  });

  it('names a base model only where a hub has it', () => {
    const on = (checkpoint: string) => modelCard(info({ results: results({}, { checkpoint }) }));
    expect(on('FacebookAI/roberta-large')).toContain('base_model: "FacebookAI/roberta-large"');
    for (const elsewhere of ['bundled:tiny-roberta', './folder', '../x'])
      expect(on(elsewhere)).not.toContain('base_model:');
  });

  it('shows hostile names as text', () => {
    const card = modelCard(info({ task: taskOf('# `x` <script>alert(1)</script>\n---\n', ['a|b', '``']) }));
    expect(card).toContain('``# `x` <script>alert(1)</script> ---``');
    expect(card).toContain('| Answers | ``` 0 = a\\|b, 1 = `` ``` |');
    // The front matter ends where it ended before.
    expect(card.split('\n---\n')).toHaveLength(2);
  });
});

describe('what travels along', () => {
  it('is a card, a script, results and recipe', () => {
    const files = exportExtras(info());
    expect([...files.keys()]).toEqual(['README.md', 'continue.py', 'results.json', 'recipe.json']);
    expect(parseRecipe(JSON.parse(files.get('recipe.json')!))).toEqual(parseRecipe(recipe));
  });

  it('the script loads what it lies beside', () => {
    const script = (more: Partial<ExportInfo>) => exportExtras(info(more)).get('continue.py')!;
    expect(script({})).toContain('from_pretrained(HERE)');
    expect(script({ kind: 'adapter' })).toContain('PeftModel.from_pretrained');
    const hut = script({ kind: 'adapter', method: 'hut' });
    expect(hut).toContain('class Hut(Factors)');
    expect(hut).not.toContain('peft');
    // Names of classes are Python strings, whatever is in them.
    expect(script({ task: taskOf('x', ['"""\nimport os', "it's"]) })).toContain(
      'LABELS = ["\\"\\"\\"\\nimport os","it\'s"]',
    );
  });
});
