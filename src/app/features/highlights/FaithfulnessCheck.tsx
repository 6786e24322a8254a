/** Whether the highlights are evidence: words are hidden in their order, and the answer's probability is watched. */
import { Button, Group, Progress, Stack, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { highlightKinds, kindIds } from '../../../explain/kinds';
import type { ErrorInfo, FaithfulnessReport } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { csv } from '../../chart/series';
import { saveText } from '../../download';
import { Note } from '../Note';
import { callback, worker } from '../../worker-client';

const examples = 4;
const orders = [...kindIds, 'random'] as const;
const titleOf = (order: (typeof orders)[number]) => (order === 'random' ? 'Random words' : highlightKinds[order].title);

export function FaithfulnessCheck({
  models,
  titles,
  able,
}: {
  models: readonly string[];
  titles: Readonly<Record<string, string>>;
  able: boolean;
}) {
  const [progress, setProgress] = useState<{ done: number; total: number; since: number }>();
  const [reports, setReports] = useState<readonly FaithfulnessReport[]>();
  const [error, setError] = useState<ErrorInfo>();
  const check = async () => {
    const since = Date.now();
    setError(undefined);
    setProgress({ done: 0, total: models.length * examples, since });
    try {
      setReports(
        await worker().checkFaithfulness(
          models,
          examples,
          callback((done: number, total: number) => setProgress({ done, total, since })),
        ),
      );
    } catch (problem) {
      const info = errorInfo(problem);
      if (info.code !== 'run/stopped') setError(info);
    }
    setProgress(undefined);
  };
  const save = () =>
    saveText(
      'faithfulness.csv',
      csv(
        ['model', 'order', 'way', 'share of words', 'probability'],
        (reports ?? []).flatMap(({ id, curves }) =>
          (['deletion', 'insertion'] as const).flatMap((way) =>
            orders.flatMap((order) =>
              curves[way][order].values.map((value, i, all) => [
                titles[id] ?? id,
                titleOf(order),
                way,
                i / (all.length - 1),
                value,
              ]),
            ),
          ),
        ),
      ),
      'text/csv',
    );
  const left =
    progress && progress.done > 0
      ? Math.ceil((((Date.now() - progress.since) / progress.done) * (progress.total - progress.done)) / 1000)
      : undefined;
  return (
    <Stack gap="xs" component="section" aria-labelledby="faithfulness-title">
      <div>
        <Text id="faithfulness-title" component="h3" fw={600} size="sm" m={0}>
          Are the highlights faithful?
        </Text>
        <Text size="xs" c="var(--quiet)">
          Words are hidden from the most highlighted on, or shown in that order, and the probability of the model’s
          answer is watched. A faithful kind falls sooner than random words when they are hidden (a smaller mean), and
          rises sooner when they are shown (a larger one).
        </Text>
      </div>
      <Group gap="xs">
        <Button size="xs" variant="default" disabled={!able || progress !== undefined} onClick={() => void check()}>
          Check on {examples} validation examples
        </Button>
        {progress && (
          <Button size="xs" variant="default" onClick={() => void worker().stopPrediction()}>
            Stop
          </Button>
        )}
        {reports && (
          <Button size="xs" variant="subtle" onClick={save}>
            Save curves (CSV)
          </Button>
        )}
      </Group>
      {progress && (
        <div>
          <Progress value={(100 * progress.done) / progress.total} aria-label="Faithfulness check" />
          <Text size="xs" c="var(--quiet)" className="number">
            {progress.done} of {progress.total}
            {left === undefined ? '' : `, ${left} s left`}
          </Text>
        </div>
      )}
      {error && (
        <Note color="red" title="Not checked">
          {error.message}
        </Note>
      )}
      {reports && (
        <Table.ScrollContainer
          minWidth={480}
          scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'group', 'aria-label': 'Faithfulness' } }}
        >
          <Table verticalSpacing={4} fz="xs" aria-labelledby="faithfulness-title">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Order of words</Table.Th>
                {reports.flatMap(({ id }) => [
                  <Table.Th key={`${id} deletion`} scope="col" ta="right">
                    {titles[id]}, hidden
                  </Table.Th>,
                  <Table.Th key={`${id} insertion`} scope="col" ta="right">
                    {titles[id]}, shown
                  </Table.Th>,
                ])}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {orders.map((order) => (
                <Table.Tr key={order}>
                  <Table.Th scope="row" fw={order === 'random' ? 600 : 400}>
                    {titleOf(order)}
                  </Table.Th>
                  {reports.flatMap(({ id, curves }) =>
                    (['deletion', 'insertion'] as const).map((way) => (
                      <Table.Td key={`${id} ${way}`} ta="right" className="number">
                        {curves[way][order].area.toFixed(3)}
                      </Table.Td>
                    )),
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}
