/** Try it: a text of the visitor's own, or as many as the task takes, answered by the base model and by every tuned one, side by side. */
import { Button, Center, Group, Stack, Text, Textarea } from '@mantine/core';
import { Note } from '../Note';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { errorInfo } from '../../../worker/rpc-errors';
import type { ErrorInfo } from '../../../worker/protocol';
import { ExampleChips, useQuestion } from '../../ask/question';
import { canAsk, useApp } from '../../store';
import { callback, worker } from '../../worker-client';
import { Answers, type AnswersProps } from './Answers';

/** After the last key, so that not every letter is a question. */
const patience = 350;

interface Asked {
  readonly texts: readonly string[];
  /** The run and its steps: after more training the same question has another answer. */
  readonly model: string;
}

interface Answered extends Asked {
  readonly predictions?: AnswersProps['predictions'];
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
  const { fields, texts, setText } = useQuestion();
  const [answered, setAnswered] = useState<Answered>();
  const ready = able && texts.length > 0 && texts.every((text) => text.trim() !== '');
  const writes = task?.writes === true;
  const [streamed, setStreamed] = useState<Readonly<Record<string, string>>>();
  const models = ['base', ...methods].join(' ');

  // One question at a time; what was typed meanwhile is asked next.
  const busy = useRef(false);
  const next = useRef<Asked>(undefined);
  const ask = useCallback(
    async (question: Asked) => {
      next.current = question;
      if (busy.current) return;
      busy.current = true;
      while (next.current) {
        const asked = next.current;
        next.current = undefined;
        let written: Readonly<Record<string, string>> = {};
        const onText = (id: string, text: string) => setStreamed((written = { ...written, [id]: text }));
        try {
          if (writes) setStreamed({});
          const predictions = await worker().predict(
            models.split(' '),
            asked.texts,
            ...(writes ? [callback(onText)] : []),
          );
          setAnswered({ ...asked, predictions });
        } catch (error) {
          const { code, message } = errorInfo(error);
          // What was written before it was stopped stays.
          const predictions = Object.entries(written).map(([id, answer]) => ({ id, answer }));
          setAnswered({ ...asked, ...(code === 'run/stopped' ? { predictions } : { error: { code, message } }) });
        }
        setStreamed(undefined);
      }
      busy.current = false;
    },
    [models, writes],
  );
  useEffect(() => {
    // A text takes a while to be written: it is asked for.
    if (!ready || writes) return;
    const timer = setTimeout(() => void ask({ texts, model }), patience);
    return () => clearTimeout(timer);
  }, [ready, texts, model, writes, ask]);

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
  const current = answered?.texts.join('\n') === texts.join('\n') && answered.model === model;
  const [first = '', ...others] = texts;
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
      <ExampleChips />
      {fields.map((field, i) => (
        <Textarea
          key={field}
          label={field}
          value={texts[i]}
          onChange={(event) => setText(i, event.currentTarget.value)}
          autosize
          minRows={2}
          maxRows={8}
          maxLength={20_000}
          {...(i === 0 && { placeholder: 'Type or paste' })}
        />
      ))}
      {writes && (
        <Group gap="xs">
          <Button size="xs" disabled={!ready || streamed !== undefined} onClick={() => void ask({ texts, model })}>
            Write
          </Button>
          {streamed && (
            <Button size="xs" variant="default" onClick={() => void worker().stopPrediction()}>
              Stop
            </Button>
          )}
        </Group>
      )}
      {first.trim() !== '' && others.some((text) => text.trim() === '') && (
        <Text size="xs" c="var(--quiet)">
          This task takes {texts.length} texts; the answer comes when all are there.
        </Text>
      )}
      {answered?.error && current && (
        <Note color="red" title="No answer">
          {answered.error.message}
        </Note>
      )}
      <div aria-live="polite" aria-busy={streamed !== undefined || (ready && !writes && !current)}>
        {streamed ? (
          <Answers
            predictions={models.split(' ').flatMap((id) => {
              const answer = streamed[id];
              return answer === undefined ? [] : [{ id, answer }];
            })}
            titles={titles}
            stale={false}
          />
        ) : (
          answered?.predictions && <Answers predictions={answered.predictions} titles={titles} stale={!current} />
        )}
      </div>
    </Stack>
  );
}
