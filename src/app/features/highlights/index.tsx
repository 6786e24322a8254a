/** Highlights: the words of a text shaded by what they do for each model's answer, side by side. */
import { Button, Center, Group, NativeSelect, Slider, Stack, Text, Textarea } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { highlightKinds, kindIds, type HighlightKind } from '../../../explain/kinds';
import { ExampleChips, useQuestion } from '../../ask/question';
import { saveBlob, saveText } from '../../download';
import { canAsk, useApp } from '../../store';
import { worker } from '../../worker-client';
import { Note } from '../Note';
import { FaithfulnessCheck } from './FaithfulnessCheck';
import './highlights.css';
import { figureSvg, largestOf, scales, shade, valueText, type Panel, type ScaleName } from './scale';
import { useHighlights, type Looking } from './use-highlights';
import { Words } from './Words';

export default function Highlights() {
  const able = useApp(canAsk);
  const task = useApp(({ run }) => run?.task);
  const state = useApp(({ run }) => run?.state);
  const methods = useApp(useShallow(({ run }) => run?.methods.map(({ id }) => id) ?? []));
  const titles = useApp(
    useShallow(({ run }) =>
      Object.fromEntries([['base', 'Before training'], ...(run?.methods.map(({ id, title }) => [id, title]) ?? [])]),
    ),
  );
  const done = useApp(({ run }) =>
    run ? `${run.id} ${run.methods.map(({ steps }) => steps.length).join(' ')} ${run.state}` : '',
  );
  const { fields, texts, setText } = useQuestion();
  const [kind, setKind] = useState<HighlightKind>('integratedGradients');
  const [head, setHead] = useState('mean');
  const [scale, setScale] = useState<ScaleName>('red');
  const [compared, setCompared] = useState('none');
  const [evaluations, setEvaluations] = useState<readonly number[]>([]);
  const [chosen, setChosen] = useState<number>();

  useEffect(() => {
    if (!able) return;
    let current = true;
    worker()
      .snapshotSteps()
      .then((steps) => current && setEvaluations(steps))
      .catch(() => undefined);
    return () => {
      current = false;
    };
  }, [able, done]);

  const step = chosen !== undefined && evaluations.includes(chosen) ? chosen : undefined;
  const models = useMemo(() => ['base', ...methods], [methods]);
  const key = JSON.stringify([done, texts, step]);
  const ready = able && task?.explained === true && texts.length > 0 && texts.every((text) => text.trim() !== '');

  const { shown, looking } = useHighlights({ key, ready, models, texts, step });

  const panels = useMemo(() => {
    const list = (shown?.highlights ?? []).map((highlight) => ({
      ...highlight,
      title: `${titles[highlight.id] ?? highlight.id}: ${highlight.answer || '(nothing)'}`,
      shown:
        kind === 'attention' && head !== 'mean'
          ? (highlight.heads[Number(head)] ?? highlight.values[kind])
          : highlight.values[kind],
    }));
    const [one, other] = compared.split(' − ').map((id) => list.find((highlight) => highlight.id === id));
    const same = one && other && one.words.length === other.words.length;
    return {
      list,
      difference:
        same && one && other
          ? {
              title: `${titles[one.id]} minus ${titles[other.id]}`,
              words: one.words.map((word) => ({ ...word, marked: false })),
              values: one.shown.map((value, i) => value - other.shown[i]!),
            }
          : undefined,
      most: list.reduce((most, { words, shown: values }) => Math.max(most, largestOf(words, values)), 0),
    };
  }, [shown, titles, kind, head, compared]);

  if (!task || state === undefined || state === 'preparing' || state === 'failed') {
    return (
      <Center h={320}>
        <Text c="var(--quiet)" ta="center" maw={420}>
          Train first. Then, while training is paused or done, type a text here and see which of its words each tuned
          model leans on.
        </Text>
      </Center>
    );
  }
  if (!task.explained) return <Text c="var(--quiet)">What words do for an answer is not shown for {task.title}.</Text>;

  const { title, help, signed } = highlightKinds[kind];
  const heads = shown?.highlights?.[0]?.heads.length ?? 0;
  const pairs = methods.flatMap((a, i) => [...methods.slice(i + 1), 'base'].map((b) => `${a} − ${b}`));
  const when = step === undefined ? 'as the models are now' : step === 0 ? 'before training' : `after step ${step}`;
  const caption = `${title}${kind === 'attention' && head !== 'mean' ? `, head ${Number(head) + 1}` : ''}, ${when}. ${help} ${
    signed ? 'Positive and negative' : 'All'
  } values share one scale up to ${valueText(panels.most)}. Framed words are the answer.`;
  const figure = (): Panel[] => [
    ...panels.list.map(({ title: name, words, shown: values }) => ({ title: name, words, values })),
    ...(panels.difference ? [panels.difference] : []),
  ];
  const svg = () => {
    const context = document.createElement('canvas').getContext('2d')!;
    context.font = '15px system-ui, sans-serif';
    return figureSvg(figure(), caption, scale, panels.most, (text) => context.measureText(text).width);
  };
  const savePng = async () => {
    const picture = new Image();
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg())}`;
    await picture.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.height];
    canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => blob && saveBlob('highlights.png', blob), 'image/png');
  };
  const current = shown?.key === key;
  const busy = looking !== undefined || (ready && !current);
  return (
    <Stack gap="md" maw={960}>
      {!able && (
        <Note color="blue" title="The models are being trained">
          <Group justify="space-between">
            <span>Their words are shown while training is paused or done.</span>
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
          value={texts[i] ?? ''}
          onChange={(event) => setText(i, event.currentTarget.value)}
          autosize
          minRows={i === 0 && fields.length > 1 ? 3 : 2}
          maxRows={8}
          maxLength={20_000}
          placeholder="Type or paste"
        />
      ))}
      <Group gap="md" align="end">
        <NativeSelect
          size="xs"
          label="Kind"
          value={kind}
          onChange={(event) => setKind(event.currentTarget.value as HighlightKind)}
          data={kindIds.map((id) => ({ value: id, label: highlightKinds[id].title }))}
        />
        {kind === 'attention' && heads > 1 && (
          <NativeSelect
            size="xs"
            label="Heads"
            value={head}
            onChange={(event) => setHead(event.currentTarget.value)}
            data={[
              { value: 'mean', label: 'All, averaged' },
              ...Array.from({ length: heads }, (_, i) => ({ value: String(i), label: `Head ${i + 1}` })),
            ]}
          />
        )}
        <NativeSelect
          size="xs"
          label="Difference"
          value={compared}
          onChange={(event) => setCompared(event.currentTarget.value)}
          data={[
            { value: 'none', label: 'None' },
            ...pairs.map((pair) => ({
              value: pair,
              label: pair
                .split(' − ')
                .map((id) => titles[id])
                .join(' − '),
            })),
          ]}
        />
        <NativeSelect
          size="xs"
          label="Colours"
          value={scale}
          onChange={(event) => setScale(event.currentTarget.value as ScaleName)}
          data={Object.entries(scales).map(([id, { title: label }]) => ({ value: id, label }))}
        />
      </Group>
      {evaluations.length > 1 && (
        <div className="highlight-slider">
          <Text size="sm" style={{ whiteSpace: 'nowrap' }}>
            Weights {step === undefined ? 'as they are now' : when}
          </Text>
          <Slider
            size="sm"
            flex={1}
            min={0}
            max={evaluations.length}
            step={1}
            disabled={!able}
            value={step === undefined ? evaluations.length : evaluations.indexOf(step)}
            onChange={(value) => setChosen(evaluations[value])}
            marks={[...evaluations, 0].map((_, value) => ({ value }))}
            label={null}
            thumbLabel="Evaluation whose weights answer"
          />
        </div>
      )}
      <Text size="xs" c="var(--quiet)">
        {help}
      </Text>
      {shown?.error && current && (
        <Note color="red" title="Nothing to show">
          {shown.error.message}
        </Note>
      )}
      <Text size="xs" c="var(--quiet)" className="number" mih={18} role="status">
        {looking && lookingText(looking, titles)}
      </Text>
      <div aria-live="polite" aria-busy={busy} data-stale={busy} className="highlights">
        {panels.list.map(({ id, title: name, probability, words, shown: values, completenessError }) => (
          <section key={id} aria-label={name}>
            <Text size="sm" fw={600} component="h3" m={0}>
              {name} <span className="quiet number">{(100 * probability).toFixed(1)}%</span>
              {kind === 'integratedGradients' && (
                <span className="quiet" style={{ fontWeight: 400 }}>
                  {' '}
                  completeness error {(100 * completenessError).toFixed(2)}%
                </span>
              )}
            </Text>
            <Words label={`${name}, ${title}`} words={words} values={values} most={panels.most} scale={scale} />
          </section>
        ))}
        {panels.difference && (
          <section aria-label={panels.difference.title}>
            <Text size="sm" fw={600} component="h3" m={0}>
              {panels.difference.title}
            </Text>
            <Words
              label={panels.difference.title}
              words={panels.difference.words}
              values={panels.difference.values}
              most={panels.most}
              scale={scale}
            />
          </section>
        )}
      </div>
      {panels.list.length > 0 && (
        <Group gap="md" justify="space-between">
          <Legend scale={scale} most={panels.most} signed={signed} />
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={() => saveText('highlights.svg', svg(), 'image/svg+xml')}>
              Save SVG
            </Button>
            <Button size="xs" variant="default" onClick={() => void savePng()}>
              Save PNG
            </Button>
          </Group>
        </Group>
      )}
      <FaithfulnessCheck models={models} titles={titles} able={able} />
    </Stack>
  );
}

function Legend({ scale, most, signed }: { scale: ScaleName; most: number; signed: boolean }) {
  const shares = signed ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  return (
    <div className="highlight-legend number" aria-label="Colour scale" role="img">
      {shares.map((share) => (
        <span key={share} style={{ background: shade(scale, share) }}>
          {valueText(share * most)}
        </span>
      ))}
    </div>
  );
}

function lookingText({ model, done, total, since }: Looking, titles: Readonly<Record<string, string>>): string {
  const left = done > 0 ? Math.ceil((((Date.now() - since) / done) * (total - done)) / 1000) : undefined;
  return `Looking into “${titles[model] ?? model}”, ${done + 1} of ${total}${left === undefined ? '…' : `, ${left} s left`}`;
}
