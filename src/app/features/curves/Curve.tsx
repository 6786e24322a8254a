/** One quantity of all runs, kept up to date while it is in view. */
import { ActionIcon, NativeSelect } from '@mantine/core';
import { useInViewport } from '@mantine/hooks';
import { memo, useEffect, useMemo, useState } from 'react';
import { Figure } from '../../chart/Figure';
import { LinePlot } from '../../chart/LinePlot';
import { seriesOf, useRuns } from '../../chart/runs';
import { csvOfLines, type Line, type Range } from '../../chart/series';
import { takeTurn } from '../../chart/turns';
import { stepOf } from '../../run-record';
import { guessLines, linesOf, metricNames, metricTitle, type Quantity } from './quantities';

export interface CurveProps {
  readonly quantity: Quantity;
  readonly smoothing: number;
  readonly range: Range | undefined;
  readonly onRange: (range: Range | undefined) => void;
}

const interval = 1000;

/** Seven frames with their menus are as much work as a chart: they, too, come one after the other. */
export const Curve = memo(function Curve(props: CurveProps) {
  const [turn, setTurn] = useState(false);
  useEffect(() => takeTurn(() => setTurn(true)), []);
  return turn ? <CurveFigure {...props} /> : <div className="curve-waiting" />;
});

function CurveFigure({ quantity, smoothing, range, onRange }: CurveProps) {
  const { ref, inViewport } = useInViewport<HTMLDivElement>();
  const runs = useRuns(interval, inViewport);
  // Out of sight, nothing is drawn at all.
  const [drawn, setDrawn] = useState(false);
  useEffect(() => (inViewport ? takeTurn(() => setDrawn(true)) : undefined), [inViewport]);
  const [log, setLog] = useState(false);
  const [chosen, setChosen] = useState<string>();
  const names = useMemo(() => metricNames(runs), [runs]);
  const metric = chosen !== undefined && names.includes(chosen) ? chosen : (names[0] ?? '');
  const isMetric = quantity.id === 'metric';
  const title = isMetric ? `${metricTitle(metric || 'score')}, validation` : quantity.title;
  const all = useMemo(() => seriesOf(runs), [runs]);
  const last = Math.max(1, ...runs.map(stepOf));
  const { lines, faint } = useMemo(() => {
    const drawn = linesOf(quantity, all, metric, smoothing);
    return isMetric ? { ...drawn, lines: [...drawn.lines, ...guessLines(runs, metric, last)] } : drawn;
  }, [quantity, all, metric, smoothing, isMetric, runs, last]);
  const marks = useMemo(() => (isMetric ? all.flatMap((one) => bestOf(one, metric)) : []), [isMetric, all, metric]);
  const summary = lines
    .map(({ title: name, points }) =>
      points.length
        ? `${name}: ${quantity.format(points.at(-1)!.y)} at step ${points.at(-1)!.x}.`
        : `${name}: no values yet.`,
    )
    .join(' ');
  const legend = lines.map(({ key, title: name, colour, dash, points }) => ({
    key,
    title: name,
    colour,
    dash,
    value: points.length ? quantity.format(points.at(-1)!.y) : '–',
  }));
  const controls = (
    <>
      {isMetric && names.length > 1 && (
        <NativeSelect
          size="xs"
          aria-label="Score shown"
          value={metric}
          onChange={(event) => setChosen(event.currentTarget.value)}
          data={names.map((name) => ({ value: name, label: metricTitle(name) }))}
        />
      )}
      <ActionIcon
        variant={log ? 'light' : 'subtle'}
        color={log ? 'blue' : 'gray'}
        w={36}
        aria-label={`${title}: logarithmic axis`}
        aria-pressed={log}
        title="Logarithmic axis"
        onClick={() => setLog(!log)}
        fz="xs"
      >
        log
      </ActionIcon>
    </>
  );
  return (
    <div ref={ref}>
      <Figure
        title={title}
        summary={summary}
        legend={legend}
        csv={() => csvOfLines('step', named(lines, faint))}
        controls={controls}
      >
        {drawn && (
          <LinePlot
            label={title}
            lines={lines}
            faint={faint}
            marks={marks}
            dots={quantity.dots ?? false}
            log={log}
            last={last}
            range={range}
            onRange={onRange}
            format={quantity.format}
          />
        )}
      </Figure>
    </div>
  );
}

/** The evaluation whose weights are kept. */
function bestOf({ key, colour, series }: ReturnType<typeof seriesOf>[number], metric: string) {
  const best = series.evaluations.find(({ step }) => step === series.bestStep);
  const y = best?.metrics[metric];
  return best && y !== undefined ? [{ key: `best ${key}`, x: best.step, y, colour }] : [];
}

/** For the CSV: what was measured first, then what was made of it. */
const named = (lines: readonly Line[], faint: readonly Line[]): Line[] =>
  faint.length
    ? [...faint, ...lines.map((line) => ({ ...line, key: `smoothed ${line.key}`, title: `${line.title}, smoothed` }))]
    : [...lines];
