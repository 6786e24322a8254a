/** A control made from a setting's JSON schema, so that a method new in the registry has its card without a line here. */
import { Checkbox, Chip, Group, Input, NumberInput, SegmentedControl, TextInput } from '@mantine/core';
import type { SettingWords } from './setting-words';

export interface SettingSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: { readonly enum?: readonly string[] };
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

interface Props {
  readonly schema: SettingSchema;
  readonly words: SettingWords;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  /** Which card, for screen readers. */
  readonly of: string;
}

/** Inputs of a row stand on one line, however long their sentences are. */
export const inRow = { root: { display: 'flex', flexDirection: 'column' as const }, description: { flex: 1 } };

const named = ({ label, help }: SettingWords) => ({ label, ...(help && { description: help }) });

export function SchemaControl({ schema, words, value, onChange, of }: Props) {
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
  if (schema.items?.enum)
    return (
      <Input.Wrapper size="xs" {...named(words)} labelElement="div" role="group" aria-label={name}>
        <Chip.Group
          multiple
          value={value as string[]}
          onChange={(chosen) => onChange(schema.items!.enum!.filter((item) => chosen.includes(item)))}
        >
          <Group gap={6} mt={4}>
            {schema.items.enum.map((item) => (
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
