/** Compare: methods and runs side by side, score against cost, mistakes and disagreements. */
import { Center, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { seriesOf, useRuns } from '../../chart/runs';
import './compare.css';
import { CostScatter } from './CostScatter';
import { Details } from './Details';
import { rowsOf } from './rows';
import { RunTable } from './RunTable';

export default function Compare() {
  const runs = useRuns(2000);
  const rows = useMemo(() => rowsOf(seriesOf(runs)), [runs]);
  if (!rows.length) {
    return (
      <Center h={320}>
        <Text c="var(--quiet)" ta="center" maw={420}>
          Nothing to compare yet. Train a few methods at once, or choose finished runs under History.
        </Text>
      </Center>
    );
  }
  return (
    <Stack gap="lg">
      <RunTable rows={rows} />
      <CostScatter rows={rows} />
      <Details />
    </Stack>
  );
}
