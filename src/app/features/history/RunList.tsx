/** The stored runs: choose some to compare, take a recipe up again, delete. */
import { Badge, Button, Checkbox, Group, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { runLabel, useStoredLooks } from '../../chart/runs';
import { Swatch } from '../../chart/Swatch';
import { grouped, score } from '../../format';
import { reportError, useApp } from '../../store';
import { deleteRun, loadRun, type RunHead } from './database';

export function RunList({ heads, onChange }: { heads: readonly RunHead[]; onChange: () => void }) {
  const currentId = useApp(({ run }) => run?.id);
  const compared = useApp((state) => state.compared);
  const looksOfRun = useStoredLooks();
  const [certain, setCertain] = useState(false);
  // A long run takes a moment to be read; the box does not wait for it.
  const [wanted, setWanted] = useState<Readonly<Record<string, boolean>>>({});
  const chosen = (id: string) => wanted[id] ?? (id === currentId || compared.some((run) => run.id === id));
  const { setCompared, setTab } = useApp.getState();

  const toggle = async (id: string, on: boolean) => {
    setWanted((known) => ({ ...known, [id]: on }));
    try {
      const run = on ? await loadRun(id) : undefined;
      const others = useApp.getState().compared.filter((other) => other.id !== id);
      setCompared(run ? [...others, run] : others);
    } finally {
      setWanted(({ [id]: _done, ...known }) => known);
    }
  };
  const remove = async (ids: readonly string[]) => {
    setCertain(false);
    for (const id of ids) await deleteRun(id);
    setCompared(useApp.getState().compared.filter((run) => !ids.includes(run.id)));
    onChange();
  };
  const takeUp = async (id: string) => {
    const run = await loadRun(id);
    if (run) useApp.getState().setRecipe(run.recipe);
  };
  const act = (work: Promise<unknown>) => void work.catch(reportError);
  // The page's own run is not deleted while it is still written to.
  const deletable = heads.filter(({ id, interrupted }) => !(id === currentId && interrupted)).map(({ id }) => id);

  return (
    <section aria-labelledby="history-title">
      <Group justify="space-between" mb={4}>
        <Text id="history-title" component="h3" fw={600} size="sm" m={0}>
          Runs in this browser
        </Text>
        {heads.length > 0 && (
          <Group gap="xs">
            <Button size="compact-xs" variant="default" disabled={!compared.length} onClick={() => setTab('curves')}>
              Show curves of {grouped(compared.length)} chosen
            </Button>
            {certain ? (
              <>
                <Button size="compact-xs" color="red" onClick={() => act(remove(deletable))} autoFocus>
                  Delete {grouped(deletable.length)} runs for good
                </Button>
                <Button size="compact-xs" variant="default" onClick={() => setCertain(false)}>
                  Keep
                </Button>
              </>
            ) : (
              <Button size="compact-xs" variant="default" disabled={!deletable.length} onClick={() => setCertain(true)}>
                Delete all…
              </Button>
            )}
          </Group>
        )}
      </Group>
      {heads.length === 0 ? (
        <Text size="sm" c="var(--quiet)">
          None yet. A run is kept here, with its curves, after its first evaluation; it stays when the page is closed.
        </Text>
      ) : (
        <Table.ScrollContainer
          minWidth={680}
          scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'group', 'aria-label': 'Runs in this browser' } }}
        >
          <Table verticalSpacing={6} fz="xs" aria-labelledby="history-title">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Compare</Table.Th>
                <Table.Th scope="col">Begun</Table.Th>
                <Table.Th scope="col">Task and checkpoint</Table.Th>
                <Table.Th scope="col">Best scores</Table.Th>
                <Table.Th scope="col" ta="right">
                  Steps
                </Table.Th>
                <Table.Th scope="col">State</Table.Th>
                <Table.Th scope="col">Actions</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {heads.map((head) => {
                const { id, task, checkpoint, metric, methods, steps, totalSteps, interrupted, state } = head;
                const current = id === currentId;
                const name = runLabel(head);
                const looks = looksOfRun(head);
                return (
                  <Table.Tr key={id}>
                    <Table.Td>
                      <Checkbox
                        size="xs"
                        checked={chosen(id)}
                        disabled={current}
                        onChange={(event) => act(toggle(id, event.currentTarget.checked))}
                        aria-label={`Compare the run of ${name}`}
                      />
                    </Table.Td>
                    <Table.Th scope="row" fw={500} style={{ whiteSpace: 'nowrap' }}>
                      {name}
                      {current && (
                        <Badge display="block" w="fit-content" size="xs" variant="light" color="gray" c="inherit">
                          this page
                        </Badge>
                      )}
                    </Table.Th>
                    <Table.Td style={{ overflowWrap: 'anywhere' }}>
                      {task}
                      <div className="quiet">{checkpoint}</div>
                    </Table.Td>
                    <Table.Td>
                      {methods.map((method, i) => (
                        <Group key={method.id} gap={6} wrap="nowrap">
                          <Swatch colour={looks[i]!.colour} dash={looks[i]!.dash} />
                          {method.title}
                          <span className="number">{method.best === undefined ? '–' : score(method.best)}</span>
                        </Group>
                      ))}
                      {metric !== undefined && <span className="quiet">{metric.replaceAll('_', ' ')}</span>}
                    </Table.Td>
                    <Table.Td ta="right" className="number">
                      {grouped(steps)} / {grouped(totalSteps)}
                    </Table.Td>
                    <Table.Td>{interrupted ? (current ? 'running' : 'interrupted') : state}</Table.Td>
                    <Table.Td>
                      <Group gap={4} wrap="nowrap">
                        <Button
                          size="compact-xs"
                          variant="default"
                          onClick={() => act(takeUp(id))}
                          aria-label={`Use the recipe of ${name}`}
                        >
                          Use recipe
                        </Button>
                        <Button
                          size="compact-xs"
                          variant="default"
                          disabled={current && interrupted}
                          onClick={() => act(remove([id]))}
                          aria-label={`Delete the run of ${name}`}
                        >
                          Delete
                        </Button>
                      </Group>
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </section>
  );
}
