/** How it is trained: the same for every method, so that the comparison is fair. */
import { Checkbox, NumberInput, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { scheduleNames } from '../../optim/schedule';
import { z } from 'zod';
import { taskById } from '../../tasks/core/registry';
import { edit, editTraining, type Training } from '../recipe-edit';
import type { RecipeJson } from '../../train/recipe';
import { useApp } from '../store';
import { inRow, SchemaControl, settingsOf } from './SchemaControl';
import { settingWords } from './setting-words';

interface NumberField {
  readonly key: keyof Training;
  readonly label: string;
  readonly help: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly decimal?: boolean;
}

const fields: readonly NumberField[] = [
  { key: 'epochs', label: 'Epochs', help: 'Passes over the training examples.', min: 1, max: 1000 },
  {
    key: 'maxSteps',
    label: 'Steps',
    help: 'Ends the run earlier or later than the epochs; 0 leaves it to them.',
    min: 0,
  },
  { key: 'batchSize', label: 'Batch size', help: 'Examples that go through the model together.', min: 1, max: 1024 },
  {
    key: 'gradientAccumulation',
    label: 'Accumulation',
    help: 'Batches whose gradients make one update: larger batches in the same memory.',
    min: 1,
    max: 1024,
  },
  { key: 'maxLength', label: 'Longest text', help: 'Tokens; longer texts are cut.', min: 4, max: 8192, step: 8 },
  {
    key: 'learningRate',
    label: 'Learning rate',
    help: 'The peak of the schedule, for methods without their own.',
    min: 0,
    max: 10,
    step: 0.0001,
    decimal: true,
  },
  {
    key: 'warmupRatio',
    label: 'Warm-up',
    help: 'Share of the steps over which the rate rises from 0.',
    min: 0,
    max: 1,
    step: 0.01,
    decimal: true,
  },
  {
    key: 'weightDecay',
    label: 'Weight decay',
    help: 'Pull of AdamW towards the starting point of matrices; vectors do not decay.',
    min: 0,
    max: 10,
    step: 0.01,
    decimal: true,
  },
  {
    key: 'maxGradNorm',
    label: 'Clip norm',
    help: 'Gradients longer than this are shortened to it; 0 leaves them.',
    min: 0,
    step: 0.1,
    decimal: true,
  },
  {
    key: 'dropout',
    label: 'Dropout',
    help: 'In the frozen model’s hidden layers and attention, while training.',
    min: 0,
    max: 0.9,
    step: 0.05,
    decimal: true,
  },
  {
    key: 'seed',
    label: 'Seed',
    help: 'Of the head, the order of batches and dropout. The same seed gives the same run.',
    min: 0,
    max: 2 ** 32 - 1,
  },
];

const checkpointing = [
  { label: 'As memory needs', value: 'auto' },
  { label: 'All layers', value: true },
  { label: 'Off', value: false },
] as const;

export function TrainingSection() {
  const training = useApp((state) => state.json.training) ?? {};
  const evaluation = useApp((state) => state.json.evaluation) ?? {};
  return (
    <Stack gap="sm">
      <SimpleGrid cols={2} spacing="sm" verticalSpacing="sm">
        {fields.map(({ key, label, help, decimal = false, ...range }) => (
          <NumberInput
            key={key}
            size="xs"
            label={label}
            description={help}
            value={training[key] as number}
            onChange={(value) => editTraining({ [key]: value })}
            allowDecimal={decimal}
            allowNegative={false}
            clampBehavior="blur"
            styles={inRow}
            {...range}
          />
        ))}
        <Select
          size="xs"
          label="Schedule"
          description="How the rate falls after the warm-up."
          data={[...scheduleNames]}
          value={training.schedule ?? 'linear'}
          onChange={(value) => value && editTraining({ schedule: value })}
          allowDeselect={false}
          styles={inRow}
        />
        <Select
          size="xs"
          label="Gradient checkpointing"
          description="Computing activations twice saves memory: of as many layers as must, of all, or of none."
          data={checkpointing.map(({ label }) => label)}
          value={checkpointing.find(({ value }) => value === (training.gradientCheckpointing ?? 'auto'))!.label}
          onChange={(chosen) => {
            const found = checkpointing.find(({ label }) => label === chosen);
            if (found) editTraining({ gradientCheckpointing: found.value });
          }}
          allowDeselect={false}
          styles={inRow}
        />
        <NumberInput
          size="xs"
          label="Evaluate every"
          description="Steps between evaluations; 0 is after each epoch."
          min={0}
          allowDecimal={false}
          value={evaluation.everySteps ?? 0}
          onChange={(value) => edit({ evaluation: { ...evaluation, everySteps: value as number } })}
          styles={inRow}
        />
        <NumberInput
          size="xs"
          label="Validate on"
          description="At most this many examples from the start; 0 is all."
          min={0}
          allowDecimal={false}
          value={evaluation.limit ?? 0}
          onChange={(value) => edit({ evaluation: { ...evaluation, limit: value as number } })}
          styles={inRow}
        />
      </SimpleGrid>
      <Checkbox
        size="xs"
        label="Shuffle"
        description="A new order each epoch, texts of similar length together."
        checked={training.shuffle ?? true}
        onChange={({ currentTarget }) => editTraining({ shuffle: currentTarget.checked })}
      />
      <TaskFields />
      {training.warmupSteps !== undefined && (
        <Text size="xs" className="quiet">
          The recipe sets {training.warmupSteps} warm-up steps, which win over the share above.
        </Text>
      )}
    </Stack>
  );
}

/** What only the chosen task has beside the fields of every training. */
function TaskFields() {
  const json = useApp((state) => state.json);
  const { training: shape, recipe = {}, words } = taskById(json.task)?.fields ?? {};
  const group = (
    of: string,
    values: Readonly<Record<string, unknown>>,
    schema: z.ZodType,
    set: (change: object) => void,
  ) => (
    <SimpleGrid key={of} cols={2} spacing="sm" verticalSpacing="sm">
      {settingsOf(schema).map(([name, setting]) => (
        <SchemaControl
          key={name}
          schema={setting}
          words={words?.[name] ?? settingWords(name)}
          value={values[name] ?? setting.default}
          onChange={(value) => set({ [name]: value })}
          of={of}
        />
      ))}
    </SimpleGrid>
  );
  return (
    <>
      {shape && group('Training', json.training ?? {}, z.object(shape), editTraining)}
      {Object.entries(recipe).map(([field, schema]) => {
        const values = ((json as Readonly<Record<string, unknown>>)[field] ?? {}) as Readonly<Record<string, unknown>>;
        return (
          <div key={field} role="group" aria-label={field}>
            <Text size="xs" fw={500} mb={4} tt="capitalize">
              {field}
            </Text>
            {group(field, values, schema as z.ZodType, (change) =>
              edit({ [field]: { ...values, ...change } } as Partial<RecipeJson>),
            )}
          </div>
        );
      })}
    </>
  );
}
