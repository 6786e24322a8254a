/** Check my GPU: every kernel that training runs, on this device and in this browser, against float64 on the CPU. */
import { Button, Group, Progress, Stack, Table, Text } from '@mantine/core';
import { Note } from '../Note';
import { useEffect, useRef, useState } from 'react';
import type { KernelReport } from '../../../check/check';
import { verdict } from '../../../check/verdict';
import { saveText } from '../../download';
import type { ErrorInfo, GpuCheck } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { isBusy, useApp } from '../../store';
import { callback, worker } from '../../worker-client';
import { DeviceFacts } from './DeviceFacts';

const colours = { good: 'green', slow: 'yellow', wrong: 'red' } as const;

export default function GpuCheckPage() {
  const gpu = useApp((state) => state.gpu);
  const training = useApp(isBusy);
  const [check, setCheck] = useState<GpuCheck>();
  const [running, setRunning] = useState(false);
  const [done, setDone] = useState(false);
  const [error, setError] = useState<ErrorInfo>();
  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
      // Nobody would see its end.
      void worker().stopCheck();
    };
  }, []);

  const run = async () => {
    setRunning(true);
    setDone(false);
    setError(undefined);
    setCheck(undefined);
    try {
      const whole = await worker().checkGpu(callback((part: GpuCheck) => shown.current && setCheck(part)));
      setCheck(whole);
      setDone(true);
    } catch (problem) {
      setError(errorInfo(problem));
    } finally {
      setRunning(false);
    }
  };

  if (gpu.status === 'opening') return <Text size="sm">Looking for a GPU…</Text>;
  if (gpu.status === 'failed') {
    return (
      <Note color="red" title="No GPU to check">
        {gpu.error.message}
      </Note>
    );
  }
  const kernels = check?.kernels ?? [];
  const found = done && check ? verdict({ adapter: check.gpu.identity }, check.kernels, check.total) : undefined;
  return (
    <Stack gap="md">
      <DeviceFacts report={gpu.report} />
      <Group>
        <Button size="sm" onClick={() => void run()} loading={running} disabled={training}>
          {done ? 'Check again' : 'Check the kernels'}
        </Button>
        {check && done && (
          <Button
            size="sm"
            variant="default"
            onClick={() =>
              saveText(
                'gpu-check.json',
                `${JSON.stringify({ ...check, verdict: found, userAgent: navigator.userAgent }, null, 2)}\n`,
                'application/json',
              )
            }
          >
            Save report (JSON)
          </Button>
        )}
        {running && (
          <Button size="sm" variant="default" onClick={() => void worker().stopCheck()}>
            Stop
          </Button>
        )}
        <Text size="xs" c="var(--quiet)" flex={1} miw={220}>
          {training
            ? 'A run is on its way; the check waits for its end.'
            : 'Runs each kernel on a small example against float64 on the CPU, twice, then times it on a larger one. Takes seconds on a GPU, a minute or more on a software adapter.'}
        </Text>
      </Group>
      {running && (
        <Progress value={(100 * kernels.length) / (check?.total ?? 1)} aria-label="Kernels checked" size="sm" />
      )}
      {error?.code === 'run/stopped' && (
        <Text size="sm" role="status">
          Stopped after {kernels.length} of {check?.total ?? 'all'} kernels.
        </Text>
      )}
      {error && error.code !== 'run/stopped' && (
        <Note color="red" title="The check could not be finished">
          {error.message}
        </Note>
      )}
      <div aria-live="polite">
        {found && (
          <Note color={colours[found.level]} title={found.title}>
            {found.advice}
          </Note>
        )}
      </div>
      {kernels.length > 0 && <Kernels kernels={kernels} />}
    </Stack>
  );
}

function Kernels({ kernels }: { kernels: readonly KernelReport[] }) {
  return (
    <Table.ScrollContainer
      minWidth={560}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'group', 'aria-label': 'Kernels' } }}
    >
      <Table verticalSpacing={5} fz="xs" aria-label="Kernels">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Kernel</Table.Th>
            <Table.Th scope="col">Result</Table.Th>
            <Table.Th scope="col" ta="right">
              Largest error
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Allowed
            </Table.Th>
            <Table.Th scope="col">Speed</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {kernels.map(({ id, title, passed, error, bound, where, problem, speeds }) => (
            <Table.Tr key={id}>
              <Table.Th scope="row" fw={500}>
                {title}
                {!passed && (
                  <Text size="xs" fw={400} component="div">
                    {problem ?? `Largest in the ${where}.`}
                  </Text>
                )}
              </Table.Th>
              <Table.Td>
                <Text span size="xs" fw={passed ? 400 : 700}>
                  {passed ? '✓ right' : '✗ wrong'}
                </Text>
              </Table.Td>
              <Table.Td ta="right" className="number">
                {Number.isFinite(error) ? error.toExponential(1) : '–'}
              </Table.Td>
              <Table.Td ta="right" className="number">
                {bound.toExponential(0)}
              </Table.Td>
              <Table.Td className="number" style={{ whiteSpace: 'nowrap' }}>
                {speeds.map(({ title: what, value, unit }) => (
                  <div key={what}>
                    {value.toPrecision(3)} {unit} <span className="quiet">{what}</span>
                  </div>
                ))}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
