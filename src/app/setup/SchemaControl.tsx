/** A control made from a setting's JSON schema, so that a method new in the registry has its card without a line here. */
import { Checkbox, Chip, Group, Input, NumberInput, SegmentedControl, TextInput } from '@mantine/core';
import { z } from 'zod';
import type { SettingWords } from './setting-words';

/** The settings of a schema of an object, by name. */
export const settingsOf = (schema: z.ZodType): [string, SettingSchema][] =>
  Object.entries(
    (z.toJSONSchema(schema, { io: 'input' }) as { properties?: Record<string, SettingSchema> }).properties ?? {},
  );

interface Choices {
  readonly enum?: readonly string[];
}

export interface SettingSchema {
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly items?: Choices & { readonly anyOf?: readonly Choices[] };
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** What a list may hold, where that is known; a list that may hold other words too offers those that are. */
export const choicesOf = ({ items }: SettingSchema): readonly string[] | undefined =>
  items?.enum ?? items?.anyOf?.find((one) => one.enum)?.enum;

interface Props {
  readonly schema: SettingSchema;
  readonly words: SettingWords;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  /** Which card, for screen readers. */
  readonly of: string;
  /** What of a list's words makes sense here; by default all. */
  readonly among?: readonly string[] | undefined;
}

/** Inputs of a row stand on one line, however long their sentences are. */
export const inRow = { root: { display: 'flex', flexDirection: 'column' as const }, description: { flex: 1 } };

const named = ({ label, help }: SettingWords) => ({ label, ...(help && { description: help }) });

/** What a list holds beyond the offered words, in its order. */
const others = (choices: readonly string[], chosen: readonly string[]) =>
  chosen.filter((item) => !choices.includes(item));

export function SchemaControl({ schema, words, value, onChange, of, among }: Props) {
  const name = `${words.label}, ${of}`;
  if (schema.type === 'number' || schema.type === 'integer')
    return (
      <NumberInput
        size="xs"
        {...named(words)}
        aria-label={name}
        value={value as number}
        onChange={onChange}
        allowDecimal={schema.type === 'number'}
        step={schema.type === 'integer' ? 1 : (schema.maximum ?? 100) <= 1 ? 0.05 : 1}
        {...(schema.minimum !== undefined && { min: schema.minimum })}
        {...(schema.maximum !== undefined && { max: schema.maximum })}
        clampBehavior="blur"
        styles={inRow}
      />
    );
  if (schema.type === 'boolean')
    return (
      <Checkbox
        size="xs"
        {...named(words)}
        aria-label={name}
        checked={value === true}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
    );
  if (schema.enum)
    return (
      <Input.Wrapper size="xs" {...named(words)} labelElement="div">
        <SegmentedControl
          size="xs"
          fullWidth
          mt={4}
          data={[...schema.enum]}
          value={String(value)}
          onChange={onChange}
          aria-label={name}
        />
      </Input.Wrapper>
    );
  const choices = choicesOf(schema)?.filter((item) => !among || among.includes(item));
  if (choices)
    return (
      <Input.Wrapper size="xs" {...named(words)} labelElement="div" role="group" aria-label={name}>
        <Chip.Group
          multiple
          value={value as string[]}
          onChange={(chosen) =>
            onChange([...choices.filter((item) => chosen.includes(item)), ...others(choices, chosen)])
          }
        >
          <Group gap={6} mt={4}>
            {[...choices, ...others(choices, value as string[])].map((item) => (
              <Chip key={item} value={item} size="xs" radius="sm">
                {item}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Input.Wrapper>
    );
  return (
    <TextInput
      size="xs"
      {...named(words)}
      aria-label={name}
      value={String(value ?? '')}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}
