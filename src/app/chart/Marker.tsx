/** A marker at a place of a chart, filled, or hollow for what is not a run of this page. */
interface MarkerProps {
  /** Pixels; recharts leaves them out for points that it does not draw. */
  readonly cx?: number | undefined;
  readonly cy?: number | undefined;
  /** SVG path around the origin. */
  readonly path: string;
  readonly colour: string;
  readonly hollow?: boolean;
  readonly opacity?: number;
}

export function Marker({ cx, cy, path, colour, hollow = false, opacity }: MarkerProps) {
  if (cx === undefined || cy === undefined) return null;
  return (
    <path
      d={path}
      transform={`translate(${cx} ${cy})`}
      fill={hollow ? 'var(--mantine-color-body)' : colour}
      stroke={hollow ? colour : 'none'}
      strokeWidth="1.5"
      opacity={opacity}
    />
  );
}
