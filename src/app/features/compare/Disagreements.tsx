/** Examples on which the methods do not all answer the same. Text from data is shown as text. */
import { Button, Group, NativeSelect, Pagination, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { textsOf } from '../../ask/question';
import { useRunLooks } from '../../chart/runs';
import { grouped } from '../../format';
import { canAsk, useApp } from '../../store';
import type { EvaluationDetails } from '../../../worker/protocol';

const perPage = 10;

export function Disagreements({ details, titleOf }: { details: EvaluationDetails; titleOf: (id: string) => string }) {
  const lookOf = useRunLooks();
  const able = useApp(canAsk);
  const openWith = useApp((state) => state.openWith);
  const [filter, setFilter] = useState('all');
  const [page, setPage] = useState(1);
  const { methods, disagreements, disagreementCount, count, judged } = details;
  const ids = methods.map(({ id }) => id);
  if (ids.length < 2)
    return (
      <Text size="sm" c="var(--quiet)">
        With two methods or more, the examples on which they disagree are listed here.
      </Text>
    );
  const shown = filter === 'all' ? disagreements : disagreements.filter(({ answers }) => answers[filter]?.right);
  const pages = Math.max(1, Math.ceil(shown.length / perPage));
  const visible = shown.slice((Math.min(page, pages) - 1) * perPage, Math.min(page, pages) * perPage);
  const choose = (value: string) => {
    setFilter(value);
    setPage(1);
  };
  return (
    <section aria-labelledby="disagreements-title">
      <Group justify="space-between" mb={4}>
        <div>
          <Text id="disagreements-title" component="h3" fw={600} size="sm" m={0}>
            {judged ? 'Where the methods disagree' : 'Where the methods differ most'}
          </Text>
          <Text size="xs" c="var(--quiet)">
            {grouped(disagreementCount)} of {grouped(count)} validation examples
            {disagreements.length < disagreementCount ? `; the first ${disagreements.length} are listed` : ''}
          </Text>
        </div>
        {judged && disagreementCount > 0 && (
          <NativeSelect
            size="xs"
            aria-label="Disagreements shown"
            value={filter}
            onChange={(event) => choose(event.currentTarget.value)}
            data={[
              { value: 'all', label: 'All' },
              ...ids.map((id) => ({ value: id, label: `${titleOf(id)} is right` })),
            ]}
          />
        )}
      </Group>
      {visible.length === 0 ? (
        <Text size="sm" c="var(--quiet)">
          {disagreementCount
            ? 'None of the listed examples.'
            : 'None: on every example all methods give the same answer.'}
        </Text>
      ) : (
        <Table.ScrollContainer
          minWidth={480}
          scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'group', 'aria-label': 'Disagreements' } }}
        >
          <Table verticalSpacing={6} fz="xs" aria-labelledby="disagreements-title">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Example</Table.Th>
                <Table.Th scope="col">Truth</Table.Th>
                {ids.map((id) => (
                  <Table.Th key={id} scope="col" style={{ boxShadow: `inset 0 -3px ${lookOf(id).colour}` }}>
                    {titleOf(id)}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {visible.map(({ index, text, pair, truth, answers }) => (
                <Table.Tr key={index}>
                  <Table.Td className="disagreement-text">
                    {text}
                    {pair !== undefined && <div className="quiet">{pair}</div>}
                    {able && (
                      <Group gap={4} mt={2}>
                        {(['try-it', 'highlights'] as const).map((tab) => (
                          <Button
                            key={tab}
                            size="compact-xs"
                            variant="subtle"
                            onClick={() => openWith(tab, textsOf({ text, ...(pair !== undefined && { pair }) }))}
                          >
                            {tab === 'try-it' ? 'Try it' : 'Highlights'}
                          </Button>
                        ))}
                      </Group>
                    )}
                  </Table.Td>
                  <Table.Td>{truth}</Table.Td>
                  {ids.map((id) => (
                    <Table.Td key={id} fw={answers[id]?.right ? 600 : 400}>
                      {answers[id]?.answer}
                      {judged && <span className="quiet"> {answers[id]?.right ? '✓ right' : '✗ wrong'}</span>}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {pages > 1 && (
        <Pagination
          mt="xs"
          size="sm"
          total={pages}
          value={Math.min(page, pages)}
          onChange={setPage}
          getControlProps={(control) => ({ 'aria-label': `${control} page` })}
          getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
        />
      )}
    </section>
  );
}
