/** The RoBERTa-large presets are the paper's Table 6, field by field; what the table leaves open is the same in all of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRecipe, type RecipeJson } from '../train/recipe';
import { glueTasks } from './schema';
import { paperTables, type GlueTask, type PaperTables } from './tables';

type Row = PaperTables['table6']['rows'][number];

const rowOf = (name: string): Row => paperTables.table6.rows.find(({ method }) => method === name)!;
const [hutRow, loraRow] = [rowOf('HUT'), rowOf('LoRA')];

const hut = (task: GlueTask) => ({
  method: 'hut',
  rank: hutRow.rank,
  targetModules: hutRow.targetModules,
  learningRate: hutRow.learningRate[task],
  // Left open by the table.
  form: 'fused',
});
const lora = (task: GlueTask) => ({
  method: 'lora',
  rank: loraRow.rank,
  alpha: loraRow.alpha,
  targetModules: loraRow.targetModules,
  learningRate: loraRow.learningRate[task],
  // Left open by the table.
  dropout: 0,
});

/** What is trained, and on whose schedule: its epochs, batch size and length. */
const kinds = [
  { suffix: '', methods: [hut, lora], schedule: hutRow },
  { suffix: '-hut', methods: [hut], schedule: hutRow },
  { suffix: '-lora', methods: [lora], schedule: loraRow },
];

const presets = glueTasks.flatMap((task) =>
  kinds.map(({ suffix, methods, schedule: { batchSize, epochs, maxLength } }) => ({
    file: `roberta-large-${task}${suffix}.json`,
    recipe: {
      checkpoint: 'FacebookAI/roberta-large',
      task,
      methods: methods.map((method) => method(task)),
      training: {
        epochs: epochs[task],
        batchSize: typeof batchSize === 'number' ? batchSize : batchSize[task],
        maxLength,
        // The table's title: a linear schedule with a warm-up of 0.06 for all.
        schedule: 'linear',
        warmupRatio: 0.06,
        // Left open by the table.
        weightDecay: 0.01,
        maxGradNorm: 1,
        dropout: 0.1,
        shuffle: true,
        seed: 42,
      },
    } satisfies RecipeJson,
  })),
);

const folder = new URL('../../public/recipes/', import.meta.url);
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));

describe('presets', () => {
  it('are one a task and method, and one a task with both', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
    const bundled = ['sample.json', 'questions.json', 'restaurants.json'];
    expect(files.sort()).toEqual([...bundled, 'gpt2-medium-e2e.json', ...presets.map(({ file }) => file)].sort());
  });
  it.each(presets)('$file is Table 6', ({ file, recipe }) => {
    expect(read(file)).toEqual(recipe);
    // It works as it stands: nothing is left to a default that could differ from the table.
    const { contenders, training } = parseRecipe(read(file));
    expect(training).toMatchObject(recipe.training);
    expect(
      contenders.map(({ method, settings, learningRate }) => ({ method: method.id, learningRate, ...settings })),
    ).toMatchObject(recipe.methods);
  });

  it('has Table 7 for GPT-2 medium on E2E', () => {
    const { optimizer: _, learningRate, rank, targetModules, ...training } = paperTables.table7.training;
    const recipe = read('gpt2-medium-e2e.json');
    expect(recipe).toMatchObject({ task: 'e2e', training, generation: paperTables.table7.generation });
    const { contenders } = parseRecipe(recipe);
    expect(contenders[0]).toMatchObject({ learningRate, settings: { rank, targetModules } });
  });
});
