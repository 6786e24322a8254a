/** Lines of a chart as plain numbers: smoothed, cut to a range, thinned to what a screen can show, merged into rows. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  /** Unique in its chart. */
  readonly key: string;
  readonly title: string;
  /** CSS colour. */
  readonly colour: string;
  /** SVG dash pattern; undefined is solid. */
  readonly dash: string | undefined;
  /** In ascending x. */
  readonly points: readonly Point[];
}

export type Range = readonly [from: number, to: number];

/** Points that one line is drawn with, at most: more than a chart is wide in pixels is not seen, only waited for. */
export const mostPoints = 500;

/**
 * Exponential moving average, corrected for its start: `y_t = Σ w^(t-i) x_i / Σ w^(t-i)`.
 *
 * @param weight of the past, 0 (nothing smoothed) up to, not including, 1
 */
export function smooth(points: readonly Point[], weight: number): Point[] {
  let [sum, total] = [0, 0];
  return points.map(({ x, y }) => {
    sum = weight * sum + y;
    total = weight * total + 1;
    return { x, y: sum / total };
  });
}

/** Index of the first point with `x >= at`. */
export function firstAt(points: readonly Point[], at: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.x < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The points in a range, and the neighbour on either side, so that a line runs to the chart's edge. */
export function within(points: readonly Point[], range: Range | undefined): readonly Point[] {
  if (!range) return points;
  const [from, to] = [firstAt(points, range[0]), firstAt(points, range[1])];
  return points.slice(Math.max(0, from - 1), Math.min(points.length, to + 1 + (points[to]?.x === range[1] ? 1 : 0)));
}

/** The point nearest to `x`. */
export function nearest(points: readonly Point[], x: number): Point | undefined {
  const after = firstAt(points, x);
  const [left, right] = [points[after - 1], points[after]];
  if (!left || !right) return left ?? right;
  return x - left.x <= right.x - x ? left : right;
}

/**
 * At most `count` of the points that keep a line's look: Largest Triangle Three Buckets (Steinarsson 2013). First and last stay; of
 * each bucket in between, the point that spans the largest triangle with the one chosen before and the mean of the bucket after.
 *
 * @param count at least 3
 */
export function thin(points: readonly Point[], count = mostPoints): readonly Point[] {
  if (points.length <= count) return points;
  const size = (points.length - 2) / (count - 2);
  const start = (bucket: number) => Math.min(points.length - 1, 1 + Math.floor(bucket * size));
  const chosen = [points[0]!];
  for (let bucket = 0; bucket < count - 2; bucket++) {
    const [from, to] = [start(bucket), start(bucket + 1)];
    const next = points.slice(to, Math.max(to + 1, start(bucket + 2)));
    const meanX = next.reduce((sum, { x }) => sum + x, 0) / next.length;
    const meanY = next.reduce((sum, { y }) => sum + y, 0) / next.length;
    const last = chosen.at(-1)!;
    let [best, largest] = [points[from]!, -1];
    for (let i = from; i < to; i++) {
      const { x, y } = points[i]!;
      const area = Math.abs((last.x - meanX) * (y - last.y) - (last.x - x) * (meanY - last.y));
      if (area > largest) [best, largest] = [points[i]!, area];
    }
    chosen.push(best);
  }
  return [...chosen, points.at(-1)!];
}

/** Rows `{ x, [key]: y }` in ascending x; a line without a point at an x has no entry there. */
export function mergeRows(
  lines: readonly { readonly key: string; readonly points: readonly Point[] }[],
): Record<string, number>[] {
  const rows = new Map<number, Record<string, number>>();
  for (const { key, points } of lines) {
    for (const { x, y } of points) {
      const row = rows.get(x) ?? { x };
      row[key] = y;
      rows.set(x, row);
    }
  }
  return [...rows.values()].sort((a, b) => a['x']! - b['x']!);
}

/** Lowest and highest y of the lines; undefined where there is no point. */
export function extent(lines: readonly { readonly points: readonly Point[] }[]): Range | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const { points } of lines) for (const { y } of points) [low, high] = [Math.min(low, y), Math.max(high, y)];
  return low <= high ? [low, high] : undefined;
}

/** Ticks for a logarithmic axis: powers of ten, with their doubles and fives where there are few. */
export function logTicks([low, high]: Range): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = last - first <= 2 ? [1, 2, 5] : [1];
  const every = Math.ceil((last - first) / 6);
  const ticks: number[] = [];
  for (let power = first; power <= last; power++) {
    if ((power - first) % every) continue;
    for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(1)));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** At most seven whole steps, evenly spaced at a round distance. */
export function stepTicks([first, last]: Range): number[] {
  const rough = Math.max(1, (last - first) / 6);
  const power = 10 ** Math.floor(Math.log10(rough));
  const every = Math.max(
    1,
    [1, 2, 5, 10].map((factor) => factor * power).find((distance) => distance >= rough)!,
  );
  const from = Math.ceil(first / every) * every;
  return Array.from({ length: Math.max(0, Math.floor((last - from) / every) + 1) }, (_, i) => from + i * every);
}

/** An x with what each line has there, as the tooltip and the CSV tell it. */
export function csvOfLines(xTitle: string, lines: readonly Line[]): string {
  const rows = mergeRows(lines);
  return csv(
    [xTitle, ...lines.map(({ title }) => title)],
    rows.map((row) => [row['x']!, ...lines.map(({ key }) => row[key])]),
  );
}

/** RFC 4180; numbers in full, missing ones empty. */
export function csv(header: readonly string[], rows: readonly (readonly (string | number | undefined)[])[]): string {
  const cell = (value: string | number | undefined) => {
    const text = value === undefined ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}
