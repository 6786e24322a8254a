/** A short piece of a line, as it is drawn: colour and dash. Decoration; the name stands beside it. */
export function Swatch({ colour, dash }: { colour: string; dash: string | undefined }) {
  return (
    <svg width="24" height="8" aria-hidden="true" style={{ flex: 'none' }}>
      <line x1="0" y1="4" x2="24" y2="4" stroke={colour} strokeWidth="2" strokeDasharray={dash} />
    </svg>
  );
}
