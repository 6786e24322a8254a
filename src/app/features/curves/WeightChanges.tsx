/** How far every weight has moved since the start, block by block: a strip for each method, darker where the weight changed more. */
import { Button, Stack, Text } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { WeightChange } from '../../../train/events';
import type { RunSeries } from '../../chart/runs';
import { Swatch } from '../../chart/Swatch';
import { Feature } from '../../ui/Feature';

const percent = (change: number) => (change === 0 ? '0' : (100 * change).toPrecision(2));

export function WeightChanges({ all }: { all: readonly RunSeries[] }) {
  const [drawn, setDrawn] = useState(false);
  const moved = all.flatMap((one) => {
    const last = one.series.evaluations.findLast(({ changes }) => changes);
    return last ? [{ ...one, step: last.step, changes: last.changes! }] : [];
  });
  if (moved.length === 0) return null;
  const largest = Math.max(...moved.flatMap(({ changes }) => changes.map(({ change }) => change)));
  return (
    <section aria-labelledby="changes-title">
      <Text id="changes-title" component="h3" fw={600} size="sm" m={0}>
        How far the weights have moved
      </Text>
      <Text size="xs" className="quiet">
        ‖W_new − W₀‖ / ‖W₀‖ in percent, at the last evaluation; the full colour is {percent(largest)} %.
      </Text>
      <Stack gap="sm" mt="xs">
        {moved.map(({ key, title, colour, dash, changes, step }) => (
          <div key={key} className="changes" role="region" aria-label={`Weight changes of ${title}`} tabIndex={0}>
            <Strip {...{ changes, colour, largest }}>
              <Swatch colour={colour} dash={dash} /> {title}, step {step}
            </Strip>
          </div>
        ))}
      </Stack>
      <Button size="compact-xs" variant="default" mt="sm" aria-expanded={drawn} onClick={() => setDrawn(!drawn)}>
        {drawn ? 'Hide the drawing' : 'Draw one weight'}
      </Button>
      {drawn && (
        <Text size="xs" className="quiet" mt={4}>
          Of this page’s run, as it is now: drawn anew at every evaluation, and at the end with the weights that are
          kept.
        </Text>
      )}
      {drawn && (
        <div style={{ marginTop: 12 }}>
          <Feature name="method-picture" />
        </div>
      )}
    </section>
  );
}

interface StripProps {
  readonly changes: readonly WeightChange[];
  readonly colour: string;
  readonly largest: number;
  readonly children: ReactNode;
}

function Strip({ changes, colour, largest, children }: StripProps) {
  const layers = [...new Set(changes.map(({ layer }) => layer))].sort((a, b) => a - b);
  const roles = [...new Set(changes.map(({ role }) => role))];
  const share = (change: number) => (largest === 0 ? 0 : Math.round((40 * change) / largest));
  return (
    <table>
      <caption>{children}</caption>
      <thead>
        <tr>
          <th scope="col">Block</th>
          {layers.map((layer) => (
            <th key={layer} scope="col">
              {layer + 1}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {roles.map((role) => (
          <tr key={role}>
            <th scope="row">{role}</th>
            {layers.map((layer) => {
              const change = changes.find((one) => one.role === role && one.layer === layer)?.change;
              if (change === undefined) return <td key={layer} />;
              const background = `color-mix(in srgb, ${colour} ${share(change)}%, transparent)`;
              return (
                <td key={layer} className="number" style={{ background }} title={`${(100 * change).toPrecision(4)} %`}>
                  {percent(change)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
