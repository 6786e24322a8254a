/** A method of the recipe: its settings, and what they cost, live. */
import {
  ActionIcon,
  Anchor,
  Collapse,
  Group,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Tooltip,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { methodById } from '../../methods/core/registry';
import { big, bytes } from '../format';
import { edit, editMethod, methodList, startFrom, type Method } from '../recipe-edit';
import { CopyIcon, TrashIcon } from '../ui/icons';
import { choicesOf, SchemaControl, settingsOf, type SettingSchema } from './SchemaControl';
import { settingWords } from './setting-words';
import { useSetUp } from './setup-store';
import { useApp } from '../store';

interface Props {
  readonly index: number;
  readonly id: string;
  readonly method: Method;
  readonly colour: string;
  readonly last: boolean;
}

export function MethodCard({ index, id, method, colour, last }: Props) {
  const found = methodById(method.method);
  const [more, { toggle }] = useDisclosure(false);
  const title = `${found?.title ?? method.method}${id === method.method ? '' : ` ${id.slice(method.method.length + 1)}`}`;
  // An adapter brings its own settings, which a recipe must not contradict.
  const settings = found && method.adapter === undefined ? settingsOf(found.schema) : [];
  const small = settings.filter(([, { type }]) => type === 'number' || type === 'integer');
  const lists = settings.filter(([, schema]) => choicesOf(schema));
  const others = settings.filter(([, schema]) => schema.type === 'boolean' || schema.enum);
  // What no control draws, such as the ranks of single layers, is told as it stands in the recipe.
  const drawn = new Set([...small, ...lists, ...others].map(([name]) => name));
  const told = settings.flatMap(([name]) =>
    drawn.has(name) || method[name] === undefined ? [] : [`${name} ${JSON.stringify(method[name])}`],
  );
  const roles = useSetUp(({ plan }) => plan?.roles);
  const control = ([name, schema]: [string, SettingSchema]) => (
    <SchemaControl
      key={name}
      schema={schema}
      words={found?.words?.[name] ?? settingWords(name)}
      value={method[name]}
      onChange={(value) => editMethod(index, { [name]: value })}
      of={title}
      among={name === 'targetModules' ? roles : undefined}
    />
  );
  const remove = () => edit({ methods: methodList().filter((_, i) => i !== index) });
  const duplicate = () => edit({ methods: methodList().toSpliced(index + 1, 0, structuredClone(method)) });
  return (
    <section className="card" style={{ borderLeftColor: colour }} aria-label={title}>
      <Group justify="space-between" wrap="nowrap" mb={4}>
        <Text component="h4" fw={600} size="sm" m={0}>
          {title}
        </Text>
        <Group gap={2} wrap="nowrap">
          <Tooltip label="Duplicate">
            <ActionIcon variant="subtle" color="gray" onClick={duplicate} aria-label={`Duplicate ${title}`}>
              <CopyIcon size={16} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Remove">
            <ActionIcon variant="subtle" color="gray" onClick={remove} disabled={last} aria-label={`Remove ${title}`}>
              <TrashIcon size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <Text size="xs" className="quiet" mb="xs">
        {found?.summary}
      </Text>
      <Costs id={id} />
      <Stack gap="xs" mt="xs">
        {small.length === 1 ? (
          control(small[0]!)
        ) : (
          <SimpleGrid cols={Math.max(1, Math.min(3, small.length))} spacing="xs">
            {small.map(control)}
          </SimpleGrid>
        )}
        {lists.map(control)}
        {method.adapter !== undefined && <Text size="xs">Settings and first values come from {method.adapter}.</Text>}
        {told.length > 0 && (
          <Text size="xs" className="quiet" style={{ overflowWrap: 'anywhere' }}>
            In the recipe: {told.join(', ')}
          </Text>
        )}
        <Anchor component="button" type="button" size="xs" onClick={toggle} aria-expanded={more} ta="left">
          {more ? 'Less' : 'More settings'}
        </Anchor>
        <Collapse expanded={more}>
          <Stack gap="xs">
            {others.map(control)}
            <More index={index} method={method} title={title} startable={found?.adapter !== undefined} />
          </Stack>
        </Collapse>
      </Stack>
    </section>
  );
}

interface MoreProps {
  readonly index: number;
  readonly method: Method;
  readonly title: string;
  /** Whether the method has adapters. */
  readonly startable: boolean;
}

function More({ index, method, title, startable }: MoreProps) {
  const training = useApp((state) => state.json.training?.learningRate);
  const adapters = useSetUp((state) => state.folders).filter(({ kind }) => kind === 'adapter');
  const choices = [
    ...new Set([...adapters.map(({ reference }) => reference), ...(method.adapter ? [method.adapter] : [])]),
  ];
  return (
    <SimpleGrid cols={2} spacing="xs">
      <NumberInput
        size="xs"
        label="Learning rate"
        description="Its own peak rate; empty is the training’s."
        aria-label={`Learning rate, ${title}`}
        placeholder={String(training ?? '')}
        value={method.learningRate ?? ''}
        onChange={(value) => editMethod(index, { learningRate: value === '' ? undefined : value })}
        step={1e-4}
        hideControls
      />
      <Select
        size="xs"
        label="Start from"
        description="An adapter folder dropped on the page."
        aria-label={`Start from, ${title}`}
        placeholder={choices.length ? 'Scratch' : 'None dropped'}
        data={choices}
        value={method.adapter ?? null}
        onChange={(value) => startFrom(index, value ?? undefined)}
        disabled={choices.length === 0 || !startable}
        clearable
      />
    </SimpleGrid>
  );
}

function Costs({ id }: { id: string }) {
  const cost = useSetUp(({ plan }) => plan?.methods.find((planned) => planned.id === id)?.cost);
  return (
    <dl className="facts four">
      <Fact
        name="Trained"
        value={cost && big(cost.trainableParameters)}
        hint={
          cost &&
          `${cost.trainableParameters.toLocaleString('en')} values, and ${cost.headParameters.toLocaleString('en')} in the head`
        }
      />
      <Fact
        name="Paper FLOPs"
        value={cost?.paper.adapterFlops === undefined ? undefined : big(cost.paper.adapterFlops)}
        hint={
          cost && cost.paper.adapterFlops === undefined
            ? 'The method’s paper gives no formula'
            : 'What the method adds to one forward pass by its paper’s formula, whatever the number of tokens'
        }
      />
      <Fact
        name="FLOPs a step"
        value={cost && big(cost.step.flops)}
        hint="Executed by one update, counted off the compiled program at the full batch and length"
      />
      <Fact
        name="Memory"
        value={cost && bytes(cost.memory.peakBytes)}
        hint="On the device, if this method trained alone"
      />
    </dl>
  );
}

function Fact({ name, value, hint }: { name: string; value: string | undefined; hint?: string | undefined }) {
  return (
    <div title={hint}>
      <dt>{name}</dt>
      <dd>{value ?? '–'}</dd>
    </div>
  );
}
