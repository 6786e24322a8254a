/** Try it: a sentence (or pair) of the visitor's own, answered by the base model and by every tuned one, side by side. */
import { Button, Center, Group, Stack, Text, Textarea } from '@mantine/core';
import { Note } from '../Note';
import { useEffect, useRef, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { errorInfo } from '../../rpc-errors';
import type { ErrorInfo, Prediction } from '../../protocol';
import { canAsk, useApp } from '../../store';
import { worker } from '../../worker-client';
import { Answers } from './Answers';

/** After the last key, so that not every letter is a question. */
const patience = 350;

interface Asked {
  readonly text: string;
  readonly pair: string;
  /** The run and its steps: after more training the same question has another answer. */
  readonly model: string;
}

interface Answered extends Asked {
  readonly predictions?: readonly Prediction[];
  readonly error?: ErrorInfo;
}

export default function TryIt() {
  const able = useApp(canAsk);
  const task = useApp(({ run }) => run?.task);
  const state = useApp(({ run }) => run?.state);
  const methods = useApp(useShallow(({ run }) => run?.methods.map(({ id }) => id) ?? []));
  const titles = useApp(
    useShallow(({ run }) =>
      Object.fromEntries([['base', 'Before training'], ...(run?.methods.map(({ id, title }) => [id, title]) ?? [])]),
    ),
  );
  const model = useApp(({ run }) =>
    run ? `${run.id} ${run.methods.map(({ steps }) => steps.length).join(' ')} ${run.state}` : '',
  );
  const [text, setText] = useState('');
  const [pair, setPair] = useState('');
  const [answered, setAnswered] = useState<Answered>();
  const paired = task?.paired === true;
  const ready = able && text.trim() !== '' && (!paired || pair.trim() !== '');
  const models = ['base', ...methods].join(' ');

  // One question at a time; what was typed meanwhile is asked next.
  const busy = useRef(false);
  const next = useRef<Asked>(undefined);
  useEffect(() => {
    if (!ready) return;
    const ask = async () => {
      if (busy.current) return;
      busy.current = true;
      while (next.current) {
        const asked = next.current;
        next.current = undefined;
        try {
          const predictions = await worker().predict(models.split(' '), asked.text, paired ? asked.pair : undefined);
          setAnswered({ ...asked, predictions });
        } catch (error) {
          setAnswered({ ...asked, error: errorInfo(error) });
        }
      }
      busy.current = false;
    };
    const timer = setTimeout(() => {
      next.current = { text, pair, model };
      void ask();
    }, patience);
    return () => clearTimeout(timer);
  }, [ready, text, pair, model, models, paired]);

  if (!task || state === undefined || state === 'preparing' || state === 'failed') {
    return (
      <Center h={320}>
        <Text c="var(--quiet)" ta="center" maw={420}>
          Train first. Then type a sentence here, while training is paused or done, and every model answers: the one
          before training, too.
        </Text>
      </Center>
    );
  }
  const current = answered?.text === text && answered.pair === pair && answered.model === model;
  const [first, second] = paired ? ['First text', 'Second text'] : ['Text', ''];
  return (
    <Stack gap="md" maw={860}>
      <div>
        <Text fw={600}>{task.question}</Text>
        <Text size="xs" c="var(--quiet)">
          {task.title}
        </Text>
      </div>
      {!able && (
        <Note color="blue" title="The models are being trained">
          <Group justify="space-between">
            <span>They answer while training is paused or done.</span>
            <Button size="xs" variant="default" onClick={() => void worker().pause()}>
              Pause
            </Button>
          </Group>
        </Note>
      )}
      <Textarea
        label={first}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        autosize
        minRows={2}
        maxRows={8}
        maxLength={20_000}
        placeholder="Type or paste"
      />
      {paired && (
        <Textarea
          label={second}
          value={pair}
          onChange={(event) => setPair(event.currentTarget.value)}
          autosize
          minRows={2}
          maxRows={8}
          maxLength={20_000}
        />
      )}
      {paired && text.trim() !== '' && pair.trim() === '' && (
        <Text size="xs" c="var(--quiet)">
          This task compares two texts; the answer comes with the second.
        </Text>
      )}
      {answered?.error && current && (
        <Note color="red" title="No answer">
          {answered.error.message}
        </Note>
      )}
      <div aria-live="polite" aria-busy={ready && !current}>
        {answered?.predictions && (
          <Answers
            predictions={answered.predictions}
            titles={titles}
            labels={task.labelNames}
            regression={task.kind === 'regression'}
            stale={!current}
          />
        )}
      </div>
    </Stack>
  );
}
