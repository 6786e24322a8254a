/** One card a method; the registry says which there are and which settings they have. */
import { Button, Menu, Stack, Text } from '@mantine/core';
import { Fragment } from 'react';
import { families } from '../../methods/core/method';
import { methods as registry } from '../../methods/core/registry';
import { edit, methodList, withDefaults, type Method } from '../recipe-edit';
import { looksOf } from '../method-colours';
import { useApp } from '../store';
import { PlusIcon } from '../ui/icons';
import { MethodCard } from './MethodCard';

/** Ids as `parseRecipe` gives them, for a recipe that may not work at the moment. */
function idsOf(methods: readonly Method[]): string[] {
  const used = new Map<string, number>();
  return methods.map(({ method }) => {
    const count = (used.get(method) ?? 0) + 1;
    used.set(method, count);
    return count === 1 ? method : `${method}-${count}`;
  });
}

const most = 16;

export function MethodsSection() {
  const methods = useApp((state) => state.json.methods) ?? [];
  const ids = idsOf(methods);
  const looks = looksOf(ids);
  return (
    <Stack gap="sm">
      {methods.map((method, i) => (
        <MethodCard
          key={ids[i]}
          index={i}
          id={ids[i]!}
          method={method}
          colour={looks[i]!.colour}
          last={methods.length === 1}
        />
      ))}
      <AddMethod full={methods.length >= most} />
    </Stack>
  );
}

/** The methods there are, by family, each with its sentence. */
function AddMethod({ full }: { full: boolean }) {
  const listed = Object.entries(families).flatMap(([family, title]) => {
    const members = registry.filter((method) => method.family === family);
    return members.length ? [{ title, members }] : [];
  });
  return (
    <Menu shadow="md" width={300} position="bottom-start">
      <Menu.Target>
        <Button size="xs" variant="default" leftSection={<PlusIcon size={14} />} disabled={full}>
          Add a method
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        {listed.map(({ title, members }) => (
          <Fragment key={title}>
            <Menu.Label>{title}</Menu.Label>
            {members.map(({ id, title: name, summary }) => (
              <Menu.Item key={id} onClick={() => edit({ methods: [...methodList(), withDefaults(id)] })}>
                <Text size="sm">{name}</Text>
                <Text size="xs" className="quiet">
                  {summary}
                </Text>
              </Menu.Item>
            ))}
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
