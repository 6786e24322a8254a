/**
 * What is being trained, where it stands, and the buttons that steer it. Each part reads only what it shows: events come ten times a
 * second, and most of them change the progress line alone.
 */
import { Alert, Button, Group, Progress, Text } from '@mantine/core';
import { useShallow } from 'zustand/react/shallow';
import { taskById } from '../../tasks/core/registry';
import { clock } from '../format';
import type { RunState } from '../../worker/protocol';
import { useRunLooks } from '../chart/runs';
import { Swatch } from '../chart/Swatch';
import { isActive, stepOf, type RunRecord } from '../run-record';
import { checkpointSummary } from '../setup/summaries';
import { useApp } from '../store';
import { pause, resume, step, stop } from '../train';
import { PauseIcon, PlayIcon, StepIcon, StopIcon } from '../ui/icons';
import { progressLine } from './progress-line';

const stateNames: Readonly<Record<RunState, string>> = {
  idle: '',
  preparing: 'Preparing',
  training: 'Training',
  paused: 'Paused',
  evaluating: 'Evaluating',
  done: 'Done',
  stopped: 'Stopped',
  failed: 'Failed',
};

/** Of the page's run, which there is wherever this is used. */
const useRun = <T,>(select: (run: RunRecord) => T): T => useApp(({ run }) => select(run!));

export function RunHeader() {
  const none = useApp(({ run }) => run === undefined);
  if (none) return null;
  return (
    <header>
      <Group justify="space-between" align="center" gap="sm" mih={36}>
        <Title />
        <Steer />
      </Group>
      <Standing />
      <Said />
      <Problems />
    </header>
  );
}

function Title() {
  const titles = useApp(useShallow(({ run }) => Object.fromEntries(run!.methods.map(({ id, title }) => [id, title]))));
  const lookOf = useRunLooks();
  const recipe = useRun((run) => run.recipe);
  const known = useRun((run) => run.task?.title);
  const task = known ?? recipe.data?.train ?? taskById(recipe.task)?.title;
  return (
    <div style={{ minWidth: 0, flex: '1 1 280px' }}>
      <Text component="h2" fw={600} size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
        {Object.entries(titles).map(([id, title], i) => (
          <span key={id}>
            {i > 0 && <span className="quiet">, </span>}
            <span style={{ whiteSpace: 'nowrap' }}>
              <Swatch colour={lookOf(id).colour} dash={lookOf(id).dash} /> {title}
            </span>
          </span>
        ))}{' '}
        <Text span size="sm" className="quiet" inherit fw={400}>
          {checkpointSummary(recipe)} · {task}
        </Text>
      </Text>
    </div>
  );
}

function Steer() {
  const state = useRun((run) => run.state);
  const running = state === 'training' || state === 'evaluating';
  return (
    <Group gap="xs" wrap="nowrap" role="group" aria-label="Steer the run">
      {state === 'paused' ? (
        <Button size="xs" leftSection={<PlayIcon size={14} />} onClick={resume}>
          Resume
        </Button>
      ) : (
        <Button size="xs" variant="default" leftSection={<PauseIcon size={14} />} onClick={pause} disabled={!running}>
          Pause
        </Button>
      )}
      <Button
        size="xs"
        variant="default"
        leftSection={<StepIcon size={14} />}
        onClick={step}
        disabled={state !== 'paused'}
      >
        Step
      </Button>
      <Button
        size="xs"
        variant="default"
        leftSection={<StopIcon size={14} />}
        onClick={stop}
        disabled={!isActive(state)}
      >
        Stop
      </Button>
    </Group>
  );
}

function Standing() {
  const run = useRun((run) => run);
  const { text, share, secondsLeft } = progressLine(run);
  return (
    <>
      <Group justify="space-between" gap="xs" mt="xs" wrap="nowrap">
        <Text size="sm" className="number clip" role="status" aria-live="off">
          <Text span inherit fw={500}>
            {stateNames[run.state]}
          </Text>
          {text && ` · ${text}`}
        </Text>
        <Text size="sm" className="number quiet" style={{ whiteSpace: 'nowrap' }}>
          {secondsLeft !== undefined && `${clock(secondsLeft)} left`}
        </Text>
      </Group>
      <Progress
        value={share * 100}
        size="sm"
        mt={4}
        aria-label="Progress of the run"
        color={run.state === 'failed' ? 'red' : 'blue'}
      />
    </>
  );
}

/** For those who do not see it: said once a state, not with every step. */
function Said() {
  const said = useRun((run) => stateNames[run.state] + (run.state === 'paused' ? ` at step ${stepOf(run)}` : ''));
  return (
    <div
      aria-live="polite"
      className="mantine-visually-hidden"
      style={{ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clipPath: 'inset(50%)' }}
    >
      {said}
    </div>
  );
}

function Problems() {
  const error = useRun((run) => run.error?.message);
  const stopped = useApp(useShallow(({ run }) => run!.methods.flatMap((method) => method.stopped?.message ?? [])));
  return (
    <>
      {error !== undefined && (
        <Alert color="red" variant="light" mt="sm" role="alert" style={{ overflowWrap: 'anywhere' }}>
          {error}
        </Alert>
      )}
      {stopped
        .filter((message) => message !== error)
        .map((message) => (
          <Alert key={message} color="yellow" variant="light" mt="sm" style={{ overflowWrap: 'anywhere' }}>
            {message}
          </Alert>
        ))}
    </>
  );
}
