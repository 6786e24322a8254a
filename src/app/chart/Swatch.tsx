/** A short piece of a line, or a marker, as it is drawn in a chart. Decoration; the name stands beside it. */
import type { Look } from '../method-colours';

type SwatchProps = Pick<Look, 'colour' | 'dash'> & {
  /** SVG path around the origin; drawn instead of a line. */
  readonly marker?: string | undefined;
  readonly hollow?: boolean | undefined;
};

export function Swatch({ colour, dash, marker, hollow }: SwatchProps) {
  return (
    <svg
      className="swatch"
      width={marker ? 14 : 24}
      height={marker ? 14 : 8}
      viewBox={marker ? '-7 -7 14 14' : '0 -4 24 8'}
      aria-hidden="true"
    >
      {marker ? (
        <path d={marker} fill={hollow ? 'none' : colour} stroke={hollow ? colour : 'none'} strokeWidth="1.5" />
      ) : (
        <path d="M0,0H24" stroke={colour} strokeWidth="2.5" strokeDasharray={dash} />
      )}
    </svg>
  );
}
