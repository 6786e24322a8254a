/** Rows, label balance and token lengths of the recipe's data. Data that must be downloaded is only looked at when asked for. */
import { Alert, Button, Loader, Stack, Text } from '@mantine/core';
import { useEffect } from 'react';
import { grouped } from '../format';
import type { DataReport } from '../../worker/protocol';
import { useApp } from '../store';
import { RowsTable } from './RowsTable';
import { dataKey, inspectData, useSetUp } from './setup-store';

export function DataPreview({ automatic }: { automatic: boolean }) {
  const recipe = useApp((state) => state.recipe);
  const key = useApp((state) => dataKey(state.json));
  const data = useSetUp((state) => state.data);
  const tables = useSetUp((state) => state.tables);
  const current = data?.key === key ? data : undefined;
  useEffect(() => {
    if (!automatic || !recipe || useSetUp.getState().data?.key === key) return;
    const timer = setTimeout(() => void inspectData(), 400);
    return () => clearTimeout(timer);
  }, [automatic, recipe, key, tables]);
  if (!recipe) return null;
  if (!current && !automatic)
    return (
      <Button size="xs" variant="default" onClick={() => void inspectData()}>
        Download and preview
      </Button>
    );
  if (current?.error)
    return (
      <Alert color="red" variant="light" p="xs" fz="xs" aria-live="polite">
        {current.error.message}
      </Alert>
    );
  if (!current?.report) return <Loader size="xs" aria-label="Reading the data" />;
  return <Report report={current.report} />;
}

function Bars({ title, bars }: { title: string; bars: readonly { name: string; count: number }[] }) {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <div>
      <Text size="xs" fw={500} mb={4}>
        {title}
      </Text>
      <div className="bars" role="list" aria-label={title}>
        {bars.map(({ name, count }) => (
          <div key={name} role="listitem" aria-label={`${name}: ${count}`} style={{ display: 'contents' }}>
            <span className="clip" style={{ maxWidth: 140 }} title={name}>
              {name}
            </span>
            <i style={{ width: `${(100 * count) / most}%` }} />
            <span style={{ textAlign: 'right' }}>{grouped(count)}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

const shownBars = 12;

function Report({ report }: { report: DataReport }) {
  const { examples, heldOut, distribution, tokens, rows } = report;
  const paired = rows.some(({ pair }) => pair !== undefined);
  const used = tokens.histogram.slice(0, tokens.histogram.findLastIndex(({ count }) => count > 0) + 1);
  return (
    <Stack gap="sm">
      <Text size="xs" className="number">
        {grouped(examples.train)} examples to train on, {grouped(examples.validation)} to validate
        {heldOut && ', which were set aside from the training table'}. Texts have {tokens.median} tokens in the median,{' '}
        {tokens.longest} at most
        {tokens.truncated > 0 && `; ${grouped(tokens.truncated)} of ${grouped(tokens.counted)} are cut`}.
      </Text>
      <Bars title={distribution.title} bars={distribution.bars.slice(0, shownBars)} />
      {distribution.bars.length > shownBars && (
        <Text size="xs" className="quiet">
          and {distribution.bars.length - shownBars} more
        </Text>
      )}
      <Bars
        title={`Tokens${tokens.counted < examples.train ? ` (of ${grouped(tokens.counted)} examples)` : ''}`}
        bars={used.map(({ from, to, count }) => ({ name: `${from} – ${to - 1}`, count }))}
      />
      <RowsTable
        columns={['truth', 'text', ...(paired ? ['second text'] : [])]}
        rows={rows.slice(0, 8).map(({ text, pair, truth }) => [truth, text, ...(paired ? [pair ?? ''] : [])])}
        caption="First training examples"
      />
    </Stack>
  );
}
