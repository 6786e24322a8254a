/**
 * The recipes under `public/recipes/` that the page offers: the bundled data, and RoBERTa-large on the paper's six GLUE tasks with the
 * settings of its Table 6, as a choice of task and of what is trained, so that the list stays short while methods join it.
 */
export const bundledPresets = [
  { file: 'sample.json', title: 'Tiny RoBERTa, bundled sample' },
  { file: 'questions.json', title: 'Tiny RoBERTa, bundled questions' },
  { file: 'restaurants.json', title: 'Tiny GPT-2, bundled restaurants' },
] as const;

/** The paper's Table 7. */
export const e2ePreset = { file: 'gpt2-medium-e2e.json', title: 'HUT and LoRA on E2E' } as const;

/** What a preset trains. The schedule is batch size, epochs and length. */
export interface PresetContent {
  /** Of the file's name. */
  readonly suffix: string;
  readonly title: string;
}

export const gluePresets: {
  readonly tasks: readonly { readonly id: string; readonly title: string }[];
  readonly contents: readonly PresetContent[];
} = {
  tasks: ['SST-2', 'MRPC', 'CoLA', 'QNLI', 'RTE', 'STS-B'].map((title) => ({
    id: title.toLowerCase().replace('-', ''),
    title,
  })),
  contents: [
    { suffix: '', title: 'HUT and LoRA, on HUT’s schedule' },
    { suffix: '-hut', title: 'HUT, on its own schedule' },
    { suffix: '-lora', title: 'LoRA, on its own schedule' },
  ],
};

export const glueFile = (task: string, { suffix }: PresetContent) => `roberta-large-${task}${suffix}.json`;
