/** One card a method; the registry says which there are and which settings they have. */
import { Button, Group, Stack } from '@mantine/core';
import { methods as registry, methodById } from '../../peft/registry';
import type { RecipeJson } from '../../train/recipe';
import { looksOf } from '../method-colours';
import { edit, methodList, type Method } from '../recipe-edit';
import { normalised } from '../recipe-json';
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

/** A method with its defaults written out. */
const withDefaults = (method: string): Method =>
  normalised({ task: 'sample', methods: [{ method }] } satisfies RecipeJson).methods![0]!;

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
      <Group gap="xs">
        {registry.map(({ id, title }) => (
          <Button
            key={id}
            size="xs"
            variant="default"
            leftSection={<PlusIcon size={14} />}
            onClick={() => edit({ methods: [...methodList(), withDefaults(id)] })}
            disabled={methods.length >= 16}
          >
            Add {methodById(id)?.title ?? title}
          </Button>
        ))}
      </Group>
    </Stack>
  );
}
