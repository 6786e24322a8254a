/** What is being trained, where it stands, and the buttons that steer it. */
import { Alert, Button, Group, Progress, Text } from '@mantine/core';
import { tasks } from '../../data/tasks';
import { clock } from '../format';
import { methodColour } from '../method-colours';
import { isActive, stepOf, type RunRecord } from '../run-record';
import { checkpointSummary } from '../setup/summaries';
import { pause, resume, step, stop } from '../train';
import { PauseIcon, PlayIcon, StepIcon, StopIcon } from '../ui/icons';
import { progressLine } from './progress-line';

const stateNames = {
  idle: '',
  preparing: 'Preparing',
  training: 'Training',
  paused: 'Paused',
  evaluating: 'Evaluating',
  done: 'Done',
  stopped: 'Stopped',
  failed: 'Failed',
} as const;

export function RunHeader({ run }: { run: RunRecord }) {
  const active = isActive(run.state);
  const running = run.state === 'training' || run.state === 'evaluating';
  const line = progressLine(run);
  const task =
    run.task?.title ??
    (run.recipe.task in tasks ? tasks[run.recipe.task as keyof typeof tasks].title : run.recipe.data?.train);
  return (
    <header>
      <Group justify="space-between" align="center" gap="sm" mih={36}>
        <div style={{ minWidth: 0, flex: '1 1 280px' }}>
          <Text component="h2" fw={600} size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
            {run.methods.map(({ id, title }, i) => (
              <span key={id}>
                {i > 0 && <span className="quiet">, </span>}
                <span className="swatch" style={{ background: methodColour(id), verticalAlign: -1 }} /> {title}
              </span>
            ))}{' '}
            <Text span size="sm" className="quiet" inherit fw={400}>
              {checkpointSummary(run.recipe)} · {task}
            </Text>
          </Text>
        </div>
        <Group gap="xs" wrap="nowrap" role="group" aria-label="Steer the run">
          {run.state === 'paused' ? (
            <Button size="xs" leftSection={<PlayIcon size={14} />} onClick={resume}>
              Resume
            </Button>
          ) : (
            <Button
              size="xs"
              variant="default"
              leftSection={<PauseIcon size={14} />}
              onClick={pause}
              disabled={!running}
            >
              Pause
            </Button>
          )}
          <Button
            size="xs"
            variant="default"
            leftSection={<StepIcon size={14} />}
            onClick={step}
            disabled={run.state !== 'paused'}
          >
            Step
          </Button>
          <Button size="xs" variant="default" leftSection={<StopIcon size={14} />} onClick={stop} disabled={!active}>
            Stop
          </Button>
        </Group>
      </Group>
      <Group justify="space-between" gap="xs" mt="xs" wrap="nowrap">
        <Text size="sm" className="number clip" role="status" aria-live="off">
          <Text span inherit fw={500}>
            {stateNames[run.state]}
          </Text>
          {line.text && ` · ${line.text}`}
        </Text>
        <Text size="sm" className="number quiet" style={{ whiteSpace: 'nowrap' }}>
          {line.secondsLeft !== undefined && `${clock(line.secondsLeft)} left`}
        </Text>
      </Group>
      <Progress
        value={line.share * 100}
        size="sm"
        mt={4}
        aria-label="Progress of the run"
        color={run.state === 'failed' ? 'red' : 'blue'}
      />
      {/* Said once a state, not with every step. */}
      <div
        aria-live="polite"
        className="mantine-visually-hidden"
        style={{ position: 'absolute', width: 1, height: 1, overflow: 'hidden', clipPath: 'inset(50%)' }}
      >
        {stateNames[run.state]}
        {run.state === 'paused' && ` at step ${stepOf(run)}`}
      </div>
      {run.error && (
        <Alert color="red" variant="light" mt="sm" role="alert" style={{ overflowWrap: 'anywhere' }}>
          {run.error.message}
        </Alert>
      )}
      {run.methods
        .filter(({ stopped }) => stopped && stopped.message !== run.error?.message)
        .map(({ id, stopped }) => (
          <Alert key={id} color="yellow" variant="light" mt="sm" style={{ overflowWrap: 'anywhere' }}>
            {stopped!.message}
          </Alert>
        ))}
    </header>
  );
}
