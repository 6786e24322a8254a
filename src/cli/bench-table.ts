/**
 * A benchmark's table: medians and spreads, in Markdown.
 *
 * Runs are put together within one adapter and browser only; a software adapter is called so wherever its times stand.
 */
import { adapterLabel } from '../gpu/device';
import type { BenchRun, Report } from './bench-schema';
import { big } from './progress';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const grouped = <T>(items: readonly T[], key: (item: T) => string): [string, T[]][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups];
};

/** `0.62 (0.60 … 0.63)`: median, and lowest and highest where there are several. */
export function spread(values: readonly (number | null)[], format: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return '–';
  const middle = format(median(known));
  return known.length === 1
    ? middle
    : `${middle} (${format(known.reduce((a, b) => Math.min(a, b)))} … ${format(known.reduce((a, b) => Math.max(a, b)))})`;
}

const cellText = (text: string) => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').replaceAll('<', '&lt;');
const row = (cells: readonly string[]) => `| ${cells.map(cellText).join(' | ')} |`;
const four = (value: number) => value.toFixed(4);

/** A table an adapter and browser, a row a recipe, setting and method, over seeds and repeats. */
export function markdown({ planned, runs, failures }: Report): string {
  const lines = ['# Benchmark', '', `${runs.length} of ${planned.length} runs; median (lowest … highest) over n runs.`];
  for (const [place, here] of grouped(runs, ({ adapter, browser }) => `${adapterLabel(adapter)}, ${browser}`)) {
    const settings = [...new Set(here.flatMap((one) => Object.keys(one.settings)))];
    lines.push('', `## ${place}`, '');
    if (here[0]!.adapter.software)
      lines.push('Times are those of a CPU doing a GPU’s work, and say nothing about GPUs.', '');
    const names = ['score', 'final loss', 'seconds', 'tokens/s', 'trained', 'FLOPs a step', 'n'];
    lines.push(row(['recipe', ...settings, 'method', ...names]));
    lines.push(`|${'---|'.repeat(settings.length + 2)}${'---:|'.repeat(names.length)}`);
    const results = here.flatMap((one) => one.methods.map((of) => ({ one, of })));
    for (const [, same] of grouped(results, ({ one, of }) => JSON.stringify([one.recipe, one.settings, of.id]))) {
      const { one, of } = same[0]!;
      const over = (pick: (of: BenchRun['methods'][number]) => number | null, format: (value: number) => string) =>
        spread(
          same.map((item) => pick(item.of)),
          format,
        );
      const ended = same.filter((item) => item.of.stopped !== undefined).length;
      lines.push(
        row([
          one.recipe,
          ...settings.map((place) => JSON.stringify(one.settings[place]) ?? ''),
          ended ? `${of.id} (${ended} ended early)` : of.id,
          `${one.primaryMetric} ${over(({ bestMetric }) => bestMetric, four)}`,
          over(({ finalLoss }) => finalLoss, four),
          over(
            ({ seconds }) => seconds,
            (value) => value.toPrecision(3),
          ),
          over(
            ({ tokensPerSecond }) => tokensPerSecond,
            (value) => value.toFixed(0),
          ),
          big(of.trainableParameters),
          big(of.flopsPerStep),
          String(same.length),
        ]),
      );
    }
  }
  const done = new Set([...runs, ...failures].map(({ name }) => name));
  const missing = planned.filter((name) => !done.has(name));
  if (failures.length)
    lines.push(
      '',
      '## Failed',
      '',
      ...failures.map(({ name, message }) => `- ${cellText(name)}: ${cellText(message)}`),
    );
  if (missing.length) lines.push('', '## Not run here', '', ...missing.map((name) => `- ${cellText(name)}`));
  return `${lines.join('\n')}\n`;
}
