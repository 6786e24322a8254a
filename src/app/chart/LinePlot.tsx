/** Lines over steps: hover tells every line's value there, dragging zooms, a double click shows all again. */
import { memo, useState } from 'react';
import {
  CartesianGrid,
  Line as PlotLine,
  LineChart,
  ReferenceArea,
  ReferenceDot,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import {
  extent,
  logTicks,
  mergeRows,
  nearest,
  stepTicks,
  thin,
  within,
  type Line,
  type Point,
  type Range,
} from './series';
import { Swatch } from './Swatch';

export interface LinePlotProps {
  /** What a screen reader calls it. */
  readonly label: string;
  readonly lines: readonly Line[];
  /** Faint lines beneath, e.g. what was smoothed; keyed as the line they belong to. */
  readonly faint?: readonly Line[];
  /** Points of note, e.g. the best evaluation. */
  readonly marks?: readonly (Point & { readonly key: string; readonly colour: string })[];
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

const positive = (lines: readonly Line[]) =>
  lines.map((line) => ({ ...line, points: line.points.filter(({ y }) => y > 0) }));

export const LinePlot = memo(function LinePlot({
  label,
  lines,
  faint = [],
  marks = [],
  dots = false,
  log,
  last,
  range,
  onRange,
  format,
}: LinePlotProps) {
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const cut = (all: readonly Line[]) =>
    (log ? positive(all) : all).map((line) => ({ ...line, points: within(line.points, range) }));
  const [main, under] = [cut(lines), cut(faint)];
  const shown = extent([...main, ...under]);
  const rows = mergeRows([
    ...main.map(({ key, points }) => ({ key, points: thin(points) })),
    ...under.map(({ key, points }) => ({ key: `faint ${key}`, points: thin(points) })),
  ]);
  const domain: Range = range ?? [1, Math.max(2, last)];
  const finish = () => {
    if (drag && Math.abs(drag.to - drag.from) >= 1)
      onRange([Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]);
    setDrag(undefined);
  };
  const step = (value: unknown) => (value === undefined ? undefined : Number(value));
  return (
    <div onDoubleClick={() => onRange(undefined)} style={{ height: '100%' }}>
      <ResponsiveContainer width="100%" height="100%" debounce={50}>
        <LineChart
          data={rows}
          aria-label={label}
          margin={{ top: 8, right: 12, bottom: 0, left: 0 }}
          onMouseDown={({ activeLabel }) => {
            const from = step(activeLabel);
            if (from !== undefined) setDrag({ from, to: from });
          }}
          onMouseMove={({ activeLabel }) => {
            const to = step(activeLabel);
            if (drag && to !== undefined && to !== drag.to) setDrag({ ...drag, to });
          }}
          onMouseUp={finish}
          onMouseLeave={finish}
        >
          <CartesianGrid vertical={false} />
          <XAxis
            dataKey="x"
            type="number"
            domain={[...domain]}
            ticks={stepTicks(domain)}
            padding={dots ? { left: 8, right: 8 } : { left: 0, right: 0 }}
            allowDataOverflow
            minTickGap={16}
            tickLine={false}
          />
          <YAxis
            width={56}
            scale={log ? 'log' : 'linear'}
            domain={log && shown ? [...shown] : ['auto', 'auto']}
            {...(log && shown && { ticks: logTicks(shown) })}
            allowDataOverflow={log}
            tickFormatter={format}
            tickLine={false}
            axisLine={false}
            tickCount={5}
          />
          {under.map(({ key, colour }) => (
            <PlotLine
              key={`faint ${key}`}
              dataKey={`faint ${key}`}
              stroke={colour}
              strokeOpacity={0.25}
              strokeWidth={1}
              dot={false}
              activeDot={false}
              connectNulls
              isAnimationActive={false}
            />
          ))}
          {main.map(({ key, title, colour, dash }) => (
            <PlotLine
              key={key}
              dataKey={key}
              name={title}
              stroke={colour}
              strokeWidth={2}
              {...(dash !== undefined && { strokeDasharray: dash })}
              dot={dots && rows.length <= 60 ? { r: 3, strokeDasharray: '0' } : false}
              activeDot={{ r: 4 }}
              connectNulls
              isAnimationActive={false}
            />
          ))}
          {marks.map(({ key, x, y, colour }) =>
            !range || (x >= range[0] && x <= range[1]) ? (
              <ReferenceDot key={key} x={x} y={y} r={7} fill="none" stroke={colour} strokeWidth={2} />
            ) : null,
          )}
          {drag && drag.from !== drag.to && (
            <ReferenceArea x1={drag.from} x2={drag.to} fill="var(--quiet)" fillOpacity={0.15} />
          )}
          <Tooltip
            isAnimationActive={false}
            content={({ active, label: at }) =>
              active && at !== undefined ? <Tip x={Number(at)} lines={lines} faint={faint} format={format} /> : null
            }
          />
        </LineChart>
      </ResponsiveContainer>
      {!shown && (
        <div className="chart-empty">
          {log && lines.some(({ points }) => points.length)
            ? 'Nothing above zero to show on a logarithmic axis.'
            : 'No values yet.'}
        </div>
      )}
    </div>
  );
});

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
