/** A short piece of a line, as it is drawn, or a dot: colour and dash. Decoration; the name stands beside it. */
export function Swatch({ colour, dash, dot }: { colour: string; dash: string | undefined; dot?: boolean | undefined }) {
  return (
    <svg width={dot ? 10 : 24} height="8" aria-hidden="true" style={{ flex: 'none' }}>
      {dot ? (
        <circle cx="5" cy="4" r="4" fill={colour} />
      ) : (
        <line x1="0" y1="4" x2="24" y2="4" stroke={colour} strokeWidth="2" strokeDasharray={dash} />
      )}
    </svg>
  );
}
