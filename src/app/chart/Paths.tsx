/** The lines themselves, one path each: recharts draws axes, grid and tooltip, but a line of its own costs a hundred times as much. */
import { useId, useMemo } from 'react';
import { useActiveTooltipLabel, useIsTooltipActive, usePlotArea, useXAxisScale, useYAxisScale } from 'recharts';
import { nearest, type Line, type Point } from './series';

export interface Mark extends Point {
  readonly key: string;
  readonly colour: string;
}

export interface PathsProps {
  readonly lines: readonly Line[];
  readonly faint: readonly Line[];
  readonly marks: readonly Mark[];
  readonly dots: boolean;
}

const mostDots = 60;

export function Paths({ lines, faint, marks, dots }: PathsProps) {
  const id = useId();
  const [scaleX, scaleY, area] = [useXAxisScale(), useYAxisScale(), usePlotArea()];
  const at = useMemo(() => {
    if (!scaleX || !scaleY) return undefined;
    // Tenths of a pixel: shorter paths, the same picture.
    return ({ x, y }: Point) => [Math.round(10 * scaleX(x)!) / 10, Math.round(10 * scaleY(y)!) / 10] as const;
  }, [scaleX, scaleY]);
  if (!at || !area) return null;
  const path = (points: readonly Point[]) =>
    points.map((point, i) => `${i ? 'L' : 'M'}${at(point).join(' ')}`).join('');
  const circle = (key: string, point: Point, radius: number, colour: string, filled: boolean) => {
    const [cx, cy] = at(point);
    return (
      <circle
        key={key}
        cx={cx}
        cy={cy}
        r={radius}
        stroke={colour}
        strokeWidth="2"
        fill={filled ? 'var(--mantine-color-body)' : 'none'}
      />
    );
  };
  return (
    <g fill="none" strokeLinejoin="round">
      <clipPath id={id}>
        <rect x={area.x - 9} y={area.y - 9} width={area.width + 18} height={area.height + 18} />
      </clipPath>
      <g clipPath={`url(#${id})`}>
        {faint.map(({ key, colour, points }) => (
          <path key={`faint ${key}`} className="chart-line" d={path(points)} stroke={colour} strokeOpacity="0.25" />
        ))}
        {lines.map(({ key, colour, dash, points }) => (
          <path
            key={key}
            className="chart-line"
            d={path(points)}
            stroke={colour}
            strokeWidth="2"
            strokeDasharray={dash}
          />
        ))}
        {dots &&
          lines.flatMap(({ key, colour, points }) =>
            points.length <= mostDots ? points.map((point) => circle(`${key} ${point.x}`, point, 3, colour, true)) : [],
          )}
        {marks.map(({ key, colour, ...point }) => circle(key, point, 7, colour, false))}
        <Hovered lines={lines} circle={circle} />
      </g>
    </g>
  );
}

/** A dot on every line where the pointer (or the arrow keys) stands. Apart, so that only it is drawn anew. */
function Hovered({
  lines,
  circle,
}: {
  lines: readonly Line[];
  circle: (key: string, point: Point, radius: number, colour: string, filled: boolean) => React.ReactNode;
}) {
  const active = useIsTooltipActive();
  const label = useActiveTooltipLabel();
  if (!active || label === undefined) return null;
  return lines.map(({ key, colour, points }) => {
    const point = nearest(points, Number(label));
    return point ? circle(`hover ${key}`, point, 4, colour, true) : null;
  });
}
