/** Which pre-trained model: bundled, from the hub, or a folder of the visitor's; with its size and whether it fits, before any download. */
import { Alert, Anchor, Button, FileButton, Group, Radio, Stack, Text, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { addFiles, filesOfInput } from '../dropped-files';
import { big, bytes } from '../format';
import { checkpointPresets } from '../../checkpoint/presets';
import { taskById } from '../../tasks/core/registry';
import { bundledCheckpoints } from '../presets';
import type { CheckpointInfo, ErrorInfo } from '../../worker/protocol';
import { edit } from '../recipe-edit';
import { errorInfo } from '../../worker/rpc-errors';
import { useApp } from '../store';
import { worker } from '../worker-client';
import { HubAddress } from './HubAddress';
import { useSetUp } from './setup-store';
import { Verdict, type CheckpointVerdict } from './Verdict';

/** Those that suit a task: models that write for tasks that do, encoders for the others. */
const offeredFor = (task: string) => {
  const writes = taskById(task)?.checkpoint !== undefined;
  return [
    ...bundledCheckpoints.map((checkpoint) => ({ ...checkpoint, bundled: true })),
    ...checkpointPresets
      .filter(({ config }) => (config['model_type'] === 'gpt2') === writes)
      .map(({ repository, title, megabytes }) => ({ reference: repository, title, megabytes, bundled: false })),
  ];
};

/** Whether each offered checkpoint would fit with the recipe's methods and batch. */
function useVerdicts(): Readonly<Record<string, { verdict: CheckpointVerdict; reason: string }>> {
  const recipe = useApp((state) => state.recipe);
  const gpu = useApp((state) => state.gpu);
  const [verdicts, setVerdicts] = useState<Record<string, { verdict: CheckpointVerdict; reason: string }>>({});
  useEffect(() => {
    let current = true;
    const ask = async () => {
      const { json } = useApp.getState();
      for (const { reference } of offeredFor(json.task)) {
        const found = await worker()
          .plan({ ...json, checkpoint: reference })
          .then(({ verdict, verdictReason: reason }) => ({ verdict, reason }))
          .catch((error: unknown) => {
            const { code, message } = errorInfo(error);
            return { verdict: code === 'task/model' ? ('unfit' as const) : ('too-large' as const), reason: message };
          });
        if (!current) return;
        setVerdicts((before) => ({ ...before, [reference]: found }));
      }
    };
    const timer = setTimeout(() => recipe && void ask(), 400);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [recipe, gpu]);
  return verdicts;
}

export function CheckpointSection() {
  const { checkpoint = '', revision, weights, task } = useApp((state) => state.json);
  const offered = offeredFor(task);
  const folders = useSetUp((state) => state.folders);
  const verdicts = useVerdicts();
  const dropped = folders.filter(({ kind }) => kind === 'checkpoint');
  const listed =
    offered.some(({ reference }) => reference === checkpoint) ||
    dropped.some(({ reference }) => reference === checkpoint);
  const [other, setOther] = useState(listed ? '' : checkpoint);
  const choose = (reference: string) => edit({ checkpoint: reference, revision: undefined });
  return (
    <Stack gap="sm">
      <Radio.Group
        value={listed ? checkpoint : 'other'}
        onChange={(value) => choose(value === 'other' ? other || 'owner/name' : value)}
        aria-label="Checkpoint"
      >
        <Stack gap={6}>
          {offered.map(({ reference, title, megabytes, bundled }) => (
            <Group key={reference} justify="space-between" wrap="nowrap" gap="xs">
              <Radio size="xs" value={reference} label={title} />
              <Group gap="xs" wrap="nowrap">
                <Text span size="xs" className="quiet number">
                  {bundled ? 'bundled' : `${megabytes} MB`}
                </Text>
                <Verdict {...verdicts[reference]} />
              </Group>
            </Group>
          ))}
          {dropped.map(({ reference, label }) => (
            <Radio key={reference} size="xs" value={reference} label={`${label}, your folder`} />
          ))}
          <Radio size="xs" value="other" label="Another one on the hub" />
        </Stack>
      </Radio.Group>
      {!listed && (
        <Group grow align="start" gap="xs">
          <TextInput
            size="xs"
            label="Hub id"
            placeholder="owner/name"
            value={other}
            onChange={({ currentTarget }) => (
              setOther(currentTarget.value),
              choose(currentTarget.value.trim() || 'owner/name')
            )}
          />
          <TextInput
            size="xs"
            label="Revision"
            placeholder="main"
            value={revision ?? ''}
            onChange={({ currentTarget }) => edit({ revision: currentTarget.value.trim() || undefined })}
          />
        </Group>
      )}
      <Info reference={checkpoint} revision={revision} />
      <Group gap="xs">
        <FileButton
          onChange={(files) => void addFiles(filesOfInput(files))}
          multiple
          inputProps={{ ...({ webkitdirectory: '' } as object), 'aria-label': 'Choose a checkpoint folder' }}
        >
          {(props) => (
            <Button {...props} size="xs" variant="default">
              Choose a folder…
            </Button>
          )}
        </FileButton>
        <Text size="xs" className="quiet">
          or drop one anywhere on the page
        </Text>
      </Group>
      <Radio.Group
        size="xs"
        label="Frozen weights"
        description="f16 halves their memory; sums are still f32."
        value={weights}
        onChange={(value) => edit({ weights: value as 'f32' | 'f16' })}
      >
        <Group gap="md" mt={6}>
          <Radio size="xs" value="f32" label="f32" />
          <Radio size="xs" value="f16" label="f16" />
        </Group>
      </Radio.Group>
      <HubAddress />
    </Stack>
  );
}

/** What the chosen checkpoint is; for one not listed, this reads its `config.json`. */
function Info({ reference, revision }: { reference: string; revision?: string | undefined }) {
  const [found, setFound] = useState<{ info?: CheckpointInfo; error?: ErrorInfo }>({});
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      worker()
        .checkpointInfo(reference, revision)
        .then(
          (info) => current && setFound({ info }),
          (error: unknown) => current && setFound({ error: errorInfo(error) }),
        );
    }, 400);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [reference, revision]);
  const { info, error } = found;
  if (error)
    return (
      <Alert color="red" variant="light" p="xs" fz="xs" aria-live="polite">
        {error.message}
      </Alert>
    );
  return (
    <dl className="facts four" style={{ minHeight: 42 }}>
      <div>
        <dt>Parameters</dt>
        <dd>{info ? big(info.parameters) : '–'}</dd>
      </div>
      <div>
        <dt>As f32</dt>
        <dd>{info ? bytes(4 * info.parameters) : '–'}</dd>
      </div>
      <div>
        <dt>Layers × width</dt>
        <dd>{info ? `${info.layers} × ${info.hiddenSize}` : '–'}</dd>
      </div>
      <div>
        <dt>Longest text</dt>
        <dd>{info ? `${info.longestInput} tokens` : '–'}</dd>
      </div>
      {info && reference.includes('/') && !reference.startsWith('.') && (
        <Anchor
          size="xs"
          href={`https://huggingface.co/${reference}`}
          target="_blank"
          rel="noreferrer"
          underline="always"
        >
          On the hub
        </Anchor>
      )}
    </dl>
  );
}
