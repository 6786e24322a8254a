/** Lines over steps: hover tells every line's value there, dragging zooms, a double click shows all again. */
import { memo, useEffect, useMemo, useRef, type PointerEvent } from 'react';
import {
  CartesianGrid,
  getNiceTickValues,
  Line as PlotLine,
  LineChart,
  ResponsiveContainer,
  Tooltip,
  useXAxisInverseScale,
  XAxis,
  YAxis,
} from 'recharts';
import { Paths, type Mark } from './Paths';
import { extent, logTicks, nearest, stepTicks, thin, within, type Line, type Range } from './series';
import { Swatch } from './Swatch';

export interface LinePlotProps {
  /** What a screen reader calls it. */
  readonly label: string;
  readonly lines: readonly Line[];
  /** Faint lines beneath, e.g. what was smoothed; keyed as the line they belong to. */
  readonly faint?: readonly Line[];
  /** Points of note, e.g. the best evaluation. */
  readonly marks?: readonly Mark[];
  /** A dot at every point: for lines of few. */
  readonly dots?: boolean;
  readonly log: boolean;
  /** Last step of the runs shown, so that all curves end alike. */
  readonly last: number;
  /** Visible steps; undefined is all. */
  readonly range: Range | undefined;
  readonly onRange: (range: Range | undefined) => void;
  readonly format: (value: number) => string;
}

type Inverse = (pixel: number) => unknown;
const none: readonly never[] = [];

export const LinePlot = memo(function LinePlot(props: LinePlotProps) {
  const { label, lines, faint = none, marks = none, dots = false, log, last, range, onRange, format } = props;
  const drawn = useMemo(() => {
    const cut = (all: readonly Line[]) =>
      all.map((line) => ({
        ...line,
        points: thin(within(log ? line.points.filter(({ y }) => y > 0) : line.points, range)),
      }));
    const [main, under] = [cut(lines), cut(faint)];
    // What the pointer and the arrow keys stop at: the points of the longest line.
    const stops = main.reduce<Line | undefined>(
      (most, line) => (line.points.length > (most?.points.length ?? 0) ? line : most),
      undefined,
    );
    const shown = extent([...main, ...under]);
    const ticks = !shown ? [] : log ? logTicks(shown) : getNiceTickValues([...shown], 5);
    const domain: Range | undefined = log || !shown ? shown : [ticks[0]!, ticks.at(-1)!];
    return { main, under, rows: stops?.points ?? none, ticks, domain };
  }, [lines, faint, log, range]);
  // What was known before the first step stands at 0.
  const first = lines.some(({ points }) => points[0]?.x === 0) ? 0 : 1;
  const steps: Range = range ?? [first, Math.max(2, last)];
  const inverse = useRef<Inverse>(undefined);
  const zoom = useZoom(inverse, steps, onRange);
  return (
    <div className="chart-plot" onDoubleClick={() => onRange(undefined)} {...zoom.handlers}>
      <ResponsiveContainer width="100%" height="100%" debounce={50}>
        <LineChart data={drawn.rows} aria-label={label} margin={{ top: 8, right: 12, bottom: 0, left: 0 }}>
          <CartesianGrid vertical={false} />
          <XAxis
            dataKey="x"
            type="number"
            domain={[...steps]}
            ticks={stepTicks(steps)}
            padding={dots ? { left: 8, right: 8 } : { left: 0, right: 0 }}
            allowDataOverflow
            minTickGap={16}
            tickLine={false}
          />
          <YAxis
            width={56}
            scale={log ? 'log' : 'linear'}
            domain={drawn.domain ? [...drawn.domain] : [0, 1]}
            ticks={drawn.ticks}
            interval={0}
            allowDataOverflow
            tickFormatter={format}
            tickLine={false}
            axisLine={false}
          />
          <PlotLine dataKey="y" stroke="none" dot={false} activeDot={false} isAnimationActive={false} />
          <Paths lines={drawn.main} faint={drawn.under} marks={marks} dots={dots} />
          <KeepInverse into={inverse} />
          <Tooltip
            isAnimationActive={false}
            content={({ active, label: at }) =>
              active && at !== undefined ? <Tip x={Number(at)} lines={lines} faint={faint} format={format} /> : null
            }
          />
        </LineChart>
      </ResponsiveContainer>
      <div className="chart-zoom" ref={zoom.shade} hidden />
      {!drawn.domain && (
        <div className="chart-empty">
          {log && lines.some(({ points }) => points.length)
            ? 'Nothing above zero to show on a logarithmic axis.'
            : 'No values yet.'}
        </div>
      )}
    </div>
  );
});

/** Gives the code around the chart the way from pixels to steps. */
function KeepInverse({ into }: { into: { current: Inverse | undefined } }) {
  const inverse = useXAxisInverseScale();
  useEffect(() => {
    into.current = inverse;
  }, [inverse, into]);
  return null;
}

/** Dragging marks a range of steps. The mark is moved without drawing the chart anew. */
function useZoom(
  inverse: { readonly current: Inverse | undefined },
  [first, last]: Range,
  onRange: LinePlotProps['onRange'],
) {
  const shade = useRef<HTMLDivElement>(null);
  const from = useRef<number>(undefined);
  const offset = (event: PointerEvent<HTMLElement>) => event.clientX - event.currentTarget.getBoundingClientRect().left;
  const show = (to?: number) => {
    const style = shade.current;
    if (!style) return;
    style.hidden = to === undefined || from.current === undefined || Math.abs(to - from.current) < 4;
    if (to === undefined || from.current === undefined) return;
    style.style.left = `${Math.min(from.current, to)}px`;
    style.style.width = `${Math.abs(to - from.current)}px`;
  };
  const stepAt = (pixel: number) => Math.round(Math.min(last, Math.max(first, Number(inverse.current?.(pixel)))));
  const cancel = () => {
    from.current = undefined;
    show();
  };
  return {
    shade,
    handlers: {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        // A finger scrolls; the slider above zooms.
        if (event.pointerType === 'mouse' && event.button === 0) from.current = offset(event);
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        if (from.current !== undefined) show(offset(event));
      },
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        const [start, end] = [from.current, offset(event)];
        cancel();
        if (start === undefined || Math.abs(end - start) < 4) return;
        const [left, right] = [stepAt(Math.min(start, end)), stepAt(Math.max(start, end))];
        if (right > left) onRange([left, right]);
      },
      onPointerLeave: cancel,
    },
  };
}

function Tip({
  x,
  lines,
  faint,
  format,
}: {
  x: number;
  lines: readonly Line[];
  faint: readonly Line[];
  format: (value: number) => string;
}) {
  return (
    <div className="chart-tip">
      step {x}
      <table>
        <tbody>
          {lines.map(({ key, title, colour, dash, points }) => {
            const point = nearest(points, x);
            const raw = faint.find((line) => line.key === key);
            const exact = raw && nearest(raw.points, x);
            return point ? (
              <tr key={key}>
                <td>
                  <Swatch colour={colour} dash={dash} />
                </td>
                <td>{title}</td>
                <td>
                  {format(point.y)}
                  {exact && <span className="quiet"> ({format(exact.y)})</span>}
                </td>
              </tr>
            ) : null;
          })}
        </tbody>
      </table>
    </div>
  );
}
