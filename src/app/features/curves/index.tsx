/** Curves: what every method of the run, and of the runs compared with it, told while training. */
import { Button, Center, Group, RangeSlider, Slider, Stack, Text } from '@mantine/core';
import { memo, useMemo, useState } from 'react';
import { seriesOf, useRuns } from '../../chart/runs';
import type { Range } from '../../chart/series';
import { stepOf } from '../../run-record';
import { allRuns, useApp } from '../../store';
import { Curve } from './Curve';
import './curves.css';
import { Examples } from './Examples';
import { quantities } from './quantities';
import { Samples } from './Samples';
import { WeightChanges } from './WeightChanges';

export default function Curves() {
  const none = useApp((state) => allRuns(state).length === 0);
  const last = useApp((state) => Math.max(2, ...allRuns(state).map((run) => run.totalSteps || stepOf(run))));
  const [range, setRange] = useState<Range>();
  const [smoothing, setSmoothing] = useState(0.8);
  // A run may be shorter than the range that was chosen for another.
  const visible = useMemo<Range | undefined>(
    () => (range && range[0] < last ? [range[0], Math.min(range[1], last)] : undefined),
    [range, last],
  );
  if (none) {
    return (
      <Center h={320}>
        <Text c="var(--quiet)" ta="center" maw={420}>
          No run yet. Press Train, and loss, score, speed and memory of every method draw themselves here; or choose
          runs to compare under History.
        </Text>
      </Center>
    );
  }
  return (
    <Stack gap="md">
      <Watched />
      <Group gap="xl" align="center" className="curves-controls">
        <StepsShown last={last} visible={visible} onRange={setRange} />
        <Smoothing value={smoothing} onChange={setSmoothing} />
      </Group>
      <div className="curves-grid">
        {quantities.map((quantity) => (
          <Curve key={quantity.id} quantity={quantity} smoothing={smoothing} range={visible} onRange={setRange} />
        ))}
      </div>
      <BelowCurves />
    </Stack>
  );
}

function Watched() {
  const runs = useRuns();
  const all = useMemo(() => seriesOf(runs), [runs]);
  return <Examples all={all} />;
}

function BelowCurves() {
  const runs = useRuns();
  const all = useMemo(() => seriesOf(runs), [runs]);
  return (
    <>
      <Samples all={all} />
      <WeightChanges all={all} />
    </>
  );
}

const StepsShown = memo(function StepsShown({
  last,
  visible,
  onRange,
}: {
  last: number;
  visible: Range | undefined;
  onRange: (range: Range | undefined) => void;
}) {
  return (
    <div className="curves-control">
      <Text size="sm">Steps shown</Text>
      <RangeSlider
        size="sm"
        min={1}
        max={last}
        minRange={1}
        value={visible ? [...visible] : [1, last]}
        onChange={([from, to]) => onRange(from <= 1 && to >= last ? undefined : [from, to])}
        thumbFromLabel="First step shown"
        thumbToLabel="Last step shown"
        flex={1}
      />
      <Button size="compact-xs" variant="default" disabled={!visible} onClick={() => onRange(undefined)}>
        All
      </Button>
    </div>
  );
});

const Smoothing = memo(function Smoothing({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  return (
    <div className="curves-control">
      <Text size="sm">Smoothing</Text>
      <Slider
        size="sm"
        min={0}
        max={0.98}
        step={0.02}
        value={value}
        onChange={onChange}
        thumbLabel="Smoothing"
        label={(weight) => weight.toFixed(2)}
        flex={1}
      />
    </div>
  );
});
