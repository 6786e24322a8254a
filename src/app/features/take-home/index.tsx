/** Take home: what was trained, in the ecosystem's own formats, with a card and a script that goes on in Python. */
import { Button, Center, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { Note } from '../Note';
import { useState } from 'react';
import { saveText } from '../../download';
import { big, bytes, score } from '../../format';
import type { ErrorInfo } from '../../../worker/protocol';
import { errorInfo } from '../../../worker/rpc-errors';
import { useRunLooks } from '../../chart/runs';
import { isEnded, type MethodSeries, type RunRecord } from '../../run-record';
import { canAsk, methodOf, useApp } from '../../store';
import { callback, worker } from '../../worker-client';
import { saveExport, type Format } from './save';

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

export default function TakeHome() {
  const run = useApp((state) => state.run);
  const able = useApp(canAsk);
  const lookOf = useRunLooks();
  const [format, setFormat] = useState<Format>('zip');
  const [busy, setBusy] = useState<string>();
  const [said, setSaid] = useState('');
  const [error, setError] = useState<ErrorInfo>();
  if (!run?.task) {
    return (
      <Center h={320}>
        <Text c="var(--quiet)" ta="center" maw={420}>
          Nothing to take home yet. After training, each method’s weights are here: merged for <code>transformers</code>
          , or as an adapter for PEFT.
        </Text>
      </Center>
    );
  }
  const act = async (what: string, work: () => Promise<string | undefined>) => {
    setBusy(what);
    setError(undefined);
    setSaid(`Preparing ${what}…`);
    try {
      setSaid((await work()) ?? 'Nothing was saved.');
    } catch (problem) {
      const info = errorInfo(problem);
      const stopped = info.code === 'run/stopped';
      setSaid(stopped ? 'Stopped; nothing was saved.' : '');
      if (!stopped) setError(info);
    } finally {
      setBusy(undefined);
    }
  };
  const save = (method: MethodSeries, kind: 'merged' | 'adapter') =>
    act(`${method.title}, ${kind}`, async () => {
      // Merged weights are written as f32, whatever the device held.
      const expected = (method.cost?.memory.weightBytes ?? 0) * (kind === 'merged' ? 2 : 0);
      const size = await saveExport(method.id, kind, format, expected);
      return size === undefined ? undefined : `${method.title}, ${kind}: ${bytes(size)} saved.`;
    });
  const predictions = (method: MethodSeries) =>
    act(`${method.title}, predictions`, async () => {
      for (const [name, text] of await worker().exportPredictions(method.id))
        saveText(`${method.id}-${name}`, text, name.endsWith('.jsonl') ? 'application/x-ndjson' : 'application/json');
      return `${method.title}: predictions saved.`;
    });
  const highlighted = run.recipe.output?.highlights || 8;
  const highlights = (method: MethodSeries) =>
    act(`${method.title}, highlights`, async () => {
      const onProgress = callback((done: number, total: number) =>
        setSaid(`Highlights of ${method.title}: ${done} of ${total} examples…`),
      );
      for (const [name, text] of await worker().exportHighlights(method.id, highlighted, onProgress))
        saveText(`${method.id}-${name}`, text, name.endsWith('.jsonl') ? 'application/x-ndjson' : 'application/json');
      return `${method.title}: highlights saved.`;
    });
  const results = () =>
    act('results', async () => {
      saveText('results.json', json(run.results ?? (await worker().results())), 'application/json');
      return 'results.json saved.';
    });

  return (
    <Stack gap="md">
      {!able && (
        <Note color="blue" title={isEnded(run.state) ? 'This run left no weights' : 'The methods are being trained'}>
          {isEnded(run.state)
            ? 'It ended before training began.'
            : 'Weights can be taken while training is paused or done.'}
        </Note>
      )}
      {able && !isEnded(run.state) && (
        <Text size="sm" c="var(--quiet)">
          Paused: these are the weights of the last step. At the end of the run they will be those of the best
          evaluation.
        </Text>
      )}
      <Group justify="space-between">
        <Group gap="xs">
          <Text size="sm" id="format-label">
            Save as
          </Text>
          <SegmentedControl
            size="xs"
            aria-labelledby="format-label"
            value={format}
            onChange={(value) => setFormat(value as Format)}
            data={[
              { value: 'zip', label: 'One zip' },
              { value: 'files', label: 'Single files' },
            ]}
          />
        </Group>
        <Group gap="xs">
          <Button size="xs" variant="default" disabled={!able || busy !== undefined} onClick={() => void results()}>
            results.json
          </Button>
          <Button
            size="xs"
            variant="default"
            onClick={() => saveText('recipe.json', json(run.recipe), 'application/json')}
          >
            recipe.json
          </Button>
        </Group>
      </Group>
      {run.methods.map((method) => (
        <Package
          key={method.id}
          run={run}
          method={method}
          colour={lookOf(method.id).colour}
          able={able}
          busy={busy}
          onSave={(kind) => void save(method, kind)}
          onPredictions={() => void predictions(method)}
          onHighlights={run.task?.explained ? () => void highlights(method) : undefined}
          highlighted={highlighted}
        />
      ))}
      <Group gap="xs">
        <Text size="sm" role="status" className="number">
          {said}
        </Text>
        {busy?.endsWith(', highlights') && (
          <Button size="compact-xs" variant="default" onClick={() => void worker().stopPrediction()}>
            Stop
          </Button>
        )}
      </Group>
      {error && (
        <Note color="red" title="Not saved">
          {error.message}
        </Note>
      )}
      <Text size="xs" c="var(--quiet)" maw={720}>
        Every folder comes with <code>README.md</code> (a model card: what was done and measured in this run, on this
        adapter), <code>continue.py</code> (loads it with transformers or PEFT, answers, and trains on),{' '}
        <code>results.json</code> and <code>recipe.json</code>.
      </Text>
    </Stack>
  );
}

interface PackageProps {
  readonly run: RunRecord;
  readonly method: MethodSeries;
  readonly colour: string;
  readonly able: boolean;
  readonly busy: string | undefined;
  readonly onSave: (kind: 'merged' | 'adapter') => void;
  readonly onPredictions: () => void;
  /** Undefined where the task has none. */
  readonly onHighlights: (() => void) | undefined;
  /** Examples that highlights are saved of. */
  readonly highlighted: number;
}

function Package({ run, method, colour, able, busy, onSave, onPredictions, onHighlights, highlighted }: PackageProps) {
  const metric = run.task!.primaryMetric;
  const found = methodOf(method.id);
  const best = method.evaluations.find(({ step }) => step === method.bestStep);
  const button = (what: string, note: string, onClick: () => void, enabled = true) => (
    <Button
      size="xs"
      variant="default"
      disabled={!able || !enabled || busy !== undefined}
      loading={busy === `${method.title}, ${what.toLowerCase()}`}
      onClick={onClick}
      title={note}
      aria-label={`${method.title}: ${what}`}
    >
      {what}
    </Button>
  );
  return (
    <div role="group" className="card" style={{ borderLeftColor: colour }} aria-label={`Weights: ${method.title}`}>
      <Group justify="space-between">
        <div>
          <Text fw={600}>{method.title}</Text>
          <Text size="xs" c="var(--quiet)" className="number">
            {best
              ? `${metric.replaceAll('_', ' ')} ${score(best.metrics[metric] ?? NaN)} at step ${best.step}`
              : 'not evaluated yet'}
            {method.cost && `; ${big(method.cost.trainableParameters)} trained values`}
            {method.stopped && '; ended early'}
          </Text>
        </div>
        <Group gap="xs">
          {button(
            'Merged',
            found?.merge
              ? 'The whole model with the method merged in, for transformers'
              : 'This method cannot be merged into the weights; take the adapter',
            () => onSave('merged'),
            found?.merge !== undefined,
          )}
          {button(
            'Adapter',
            found?.adapter
              ? `Only what was trained, for ${found.adapter.inPeft ? 'PEFT' : 'continue.py'}`
              : 'This method has no adapter; take the merged model',
            () => onSave('adapter'),
            found?.adapter !== undefined,
          )}
          {button(
            'Predictions',
            'One line an example of the validation split, with logits',
            onPredictions,
            best !== undefined,
          )}
          {onHighlights &&
            button(
              'Highlights',
              `What the words do for the answers to ${highlighted} validation examples, and whether it is faithful`,
              onHighlights,
            )}
        </Group>
      </Group>
    </div>
  );
}
