/** The table of runs: what differs, what was reached, what it took. */
import { Badge, Button, Group, Table, Text, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { Swatch } from '../../chart/Swatch';
import { csv } from '../../chart/series';
import { saveText } from '../../download';
import { big, bytes, duration, score } from '../../format';
import { isBest, sorted, type Row, type SortKey } from './rows';

const columns: readonly { key: SortKey; title: string; format: (value: number) => string; note?: string }[] = [
  {
    key: 'best',
    title: 'Best score',
    format: score,
    note: 'With the interval in which the score lies at 95%; none is called best whose interval holds another’s score',
  },
  { key: 'seconds', title: 'Time', format: duration, note: 'All training steps of the method, evaluation not counted' },
  { key: 'parameters', title: 'Trained values', format: big, note: 'Of the method, task head not counted' },
  {
    key: 'paperFlops',
    title: 'Paper FLOPs',
    format: big,
    note: 'What the method adds to a forward pass by the paper’s Eq. 11, whatever the number of tokens',
  },
  {
    key: 'stepFlops',
    title: 'FLOPs a step',
    format: big,
    note: 'Executed: forward, backward and update, counted off the compiled program',
  },
  { key: 'totalFlops', title: 'FLOPs so far', format: big },
  { key: 'bytes', title: 'Memory', format: bytes, note: 'On the device, if the method trained alone' },
];

export function RunTable({ rows }: { rows: readonly Row[] }) {
  const [sort, setSort] = useState<{ by: SortKey; descending: boolean }>();
  const shown = sort ? sorted(rows, sort.by, sort.descending) : rows;
  const top = (row: Row) => isBest(row, rows);
  const save = () => {
    const header = ['method', 'run', 'differs', 'metric', 'low', 'high', ...columns.map(({ key }) => key), 'state'];
    const lines = rows.map((row) => [
      row.series.title,
      row.run.id,
      row.differs.map(({ title, value }) => `${title} ${value}`).join('; '),
      row.metric,
      row.interval?.[0],
      row.interval?.[1],
      ...columns.map(({ key }) => row[key]),
      row.state,
    ]);
    saveText('runs.csv', csv(header, lines), 'text/csv');
  };
  return (
    <section aria-labelledby="runs-title">
      <Group justify="space-between" mb={4}>
        <Text id="runs-title" component="h3" fw={600} size="sm" m={0}>
          Methods and runs
        </Text>
        <Button size="compact-xs" variant="default" onClick={save}>
          Save table (CSV)
        </Button>
      </Group>
      <Table.ScrollContainer
        minWidth={760}
        scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'group', 'aria-label': 'Methods and runs' } }}
      >
        <Table verticalSpacing={6} horizontalSpacing="xs" fz="xs" aria-labelledby="runs-title">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Method</Table.Th>
              <Table.Th scope="col">What differs</Table.Th>
              {columns.map(({ key, title, note }) => (
                <Table.Th
                  key={key}
                  scope="col"
                  ta="right"
                  aria-sort={sort?.by === key ? (sort.descending ? 'descending' : 'ascending') : 'none'}
                >
                  <UnstyledButton
                    fz="xs"
                    fw={700}
                    title={note}
                    onClick={() =>
                      setSort({ by: key, descending: sort?.by === key ? !sort.descending : key === 'best' })
                    }
                  >
                    {title}
                    <span aria-hidden="true">{sort?.by === key ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
                  </UnstyledButton>
                </Table.Th>
              ))}
              <Table.Th scope="col">State</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((row) => (
              <Table.Tr key={row.key}>
                <Table.Th scope="row" fw={500}>
                  <Group gap={6} wrap="nowrap">
                    <Swatch colour={row.colour} dash={row.dash} />
                    {row.title}
                  </Group>
                </Table.Th>
                <Table.Td maw={260}>
                  {row.differs.map(({ title, value }) => `${title} ${value}`).join(', ') || '–'}
                </Table.Td>
                {columns.map(({ key, format }) => (
                  <Table.Td
                    key={key}
                    ta="right"
                    className="number"
                    fw={key === 'best' && top(row) ? 700 : 400}
                    style={{ whiteSpace: 'nowrap' }}
                  >
                    {row[key] === undefined ? '–' : format(row[key])}
                    {key === 'best' && row.interval && (
                      <div className="quiet" style={{ fontWeight: 400 }}>
                        {row.interval.map((end) => end.toFixed(3)).join(' – ')}
                      </div>
                    )}
                    {key === 'best' && top(row) && (
                      <Badge ml={6} size="xs" variant="light" color="gray" c="inherit">
                        best
                      </Badge>
                    )}
                  </Table.Td>
                ))}
                <Table.Td>{row.state}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </section>
  );
}
