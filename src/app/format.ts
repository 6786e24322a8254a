/** Numbers as the page writes them: three digits that matter, a thin space before the unit. */
const thin = '\u202f';
const powers = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** `1234567` → `1.23 M`. */
export function big(value: number): string {
  const power = Math.abs(value) < 1000 ? 0 : Math.min(powers.length - 1, Math.floor(Math.log10(Math.abs(value)) / 3));
  const scaled = value / 1000 ** power;
  const digits =
    power === 0 && Number.isInteger(value)
      ? String(value)
      : Math.abs(scaled) >= 999.5
        ? scaled.toFixed(0)
        : scaled.toPrecision(3);
  return power ? `${digits}${thin}${powers[power]}` : digits;
}

/** Bytes in MiB or GiB. */
export function bytes(value: number): string {
  if (value >= 2 ** 30) return `${(value / 2 ** 30).toFixed(2)}${thin}GiB`;
  if (value >= 2 ** 20) return `${(value / 2 ** 20).toFixed(value < 10 * 2 ** 20 ? 1 : 0)}${thin}MiB`;
  return `${(value / 2 ** 10).toFixed(0)}${thin}KiB`;
}

/** Seconds as `1:02:03` or `2:03`. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return `${h ? `${h}:${String(m).padStart(2, '0')}` : m}:${String(s % 60).padStart(2, '0')}`;
}

/** Seconds as a person estimates: `40 s`, `12 min`, `3.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))}${thin}s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}${thin}min`;
  return seconds < 172_800
    ? `${(seconds / 3600).toPrecision(2)}${thin}h`
    : `${Math.round(seconds / 86_400)}${thin}days`;
}

export const grouped = (value: number) => value.toLocaleString('en').replaceAll(',', thin);

/** A score such as 0.8532, four digits. */
export const score = (value: number) => (Number.isFinite(value) ? value.toFixed(4) : '–');
