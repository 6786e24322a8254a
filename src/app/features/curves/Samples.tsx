/** What each method writes for the same few examples, at the evaluation that is chosen; from before the first step on. */
import { Slider, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { RunSeries } from '../../chart/runs';
import { Swatch } from '../../chart/Swatch';

const stepsOf = (all: readonly RunSeries[]) =>
  [
    ...new Set(all.flatMap(({ series }) => series.evaluations.flatMap(({ step, samples }) => (samples ? [step] : [])))),
  ].sort((a, b) => a - b);

export function Samples({ all }: { all: readonly RunSeries[] }) {
  const steps = stepsOf(all);
  // Undefined follows the newest evaluation.
  const [chosen, setChosen] = useState<number>();
  const last = steps.length - 1;
  if (last < 0) return null;
  const at = Math.min(chosen ?? last, last);
  const written = all.map((one) => ({
    ...one,
    samples: one.series.evaluations.findLast(({ step, samples }) => samples && step <= steps[at]!)?.samples ?? [],
  }));
  const inputs = [...new Set(written.flatMap(({ samples }) => samples.map(({ input }) => input)))];
  return (
    <section aria-labelledby="samples-title">
      <Text id="samples-title" component="h3" fw={600} size="sm" m={0}>
        What they write
      </Text>
      <div className="samples-control">
        <Text size="sm" style={{ whiteSpace: 'nowrap' }}>
          {steps[at] === 0 ? 'Before training' : `After step ${steps[at]}`}
        </Text>
        {last > 0 && (
          <Slider
            size="sm"
            flex={1}
            min={0}
            max={last}
            step={1}
            value={at}
            onChange={(value) => setChosen(value === last ? undefined : value)}
            marks={steps.map((_, value) => ({ value }))}
            label={null}
            thumbLabel="Evaluation whose texts are shown"
          />
        )}
      </div>
      <Stack gap="sm">
        {inputs.map((input) => (
          <div key={input} className="sample">
            <Text size="xs" className="quiet">
              {input}
            </Text>
            <dl>
              {written.map(({ key, title, colour, dash, samples }) => (
                <div key={key}>
                  <dt>
                    <Swatch colour={colour} dash={dash} /> {title}
                  </dt>
                  <dd>{samples.find((sample) => sample.input === input)?.output || '(nothing)'}</dd>
                </div>
              ))}
            </dl>
          </div>
        ))}
      </Stack>
    </section>
  );
}
