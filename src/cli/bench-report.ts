/** A benchmark's report: `results.json` with the numbers of every run; parts of it from several machines merge into one. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors';
import type { Results } from '../train/events';
import type { Cell } from './bench-plan';
import { report, type BenchRun, type Report } from './bench-schema';
import { markdown, median } from './bench-table';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** @param results what the page offers as `results.json` @param browser e.g. `Chromium 156.0.7` */
export function runOf(cell: Cell, results: Results, browser: string): BenchRun {
  const { name, recipe, settings, seed, repeat, json } = cell;
  const { adapter, primaryMetric, totalSteps, memory, methods } = results;
  return {
    ...{ name, recipe, settings, seed, repeat, adapter, browser, json: { ...json }, primaryMetric, totalSteps },
    peakBytes: memory.peakBytes,
    methods: methods.map(({ id, method: of, steps, best, stopped, cost, trainableParameters, headParameters }) => ({
      id,
      method: of,
      bestMetric: best?.metrics[primaryMetric] ?? null,
      bestStep: best?.step ?? null,
      finalLoss: steps.at(-1)?.loss ?? null,
      seconds: sum(steps.map(({ milliseconds }) => milliseconds)) / 1000,
      tokensPerSecond: steps.length
        ? median(steps.map(({ tokens, milliseconds }) => (1000 * tokens) / milliseconds))
        : null,
      trainableParameters,
      headParameters,
      flopsPerStep: cost.step.flops,
      paperFlops: cost.paper.adapterFlops ?? null,
      losses: steps.map(({ loss }) => loss),
      ...(stopped && { stopped: stopped.message }),
    })),
  };
}

/** The parts of one benchmark, from several machines, as one. @throws UserError `bench/merge` where a run is in two of them */
export function mergeReports(parts: readonly { readonly from: string; readonly report: Report }[]): Report {
  const planned = [...new Set(parts.flatMap((part) => part.report.planned))];
  const runs = new Map<string, { from: string; run: BenchRun }>();
  for (const { from, report: part } of parts)
    for (const one of part.runs) {
      const twin = runs.get(one.name);
      if (twin)
        throw new UserError(
          'bench/merge',
          `The run "${one.name}" is in ${twin.from} and in ${from}; give each part once.`,
        );
      runs.set(one.name, { from, run: one });
    }
  return {
    planned,
    runs: planned.flatMap((name) => runs.get(name)?.run ?? []),
    failures: parts.flatMap((part) => part.report.failures).filter(({ name }) => !runs.has(name)),
  };
}

/** @throws UserError `bench/report` */
export async function readReport(folder: string): Promise<Report> {
  const file = path.join(folder, 'results.json');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UserError('bench/report', `${file} cannot be read: ${(error as Error).message}.`);
  }
  const parsed = report.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: place, message } = parsed.error.issues[0]!;
  throw new UserError(
    'bench/report',
    `${file} is no benchmark's report: ${place.join('.') || 'at its root'}: ${message}.`,
  );
}

/** Writes `results.json` and `results.md`. */
export async function writeReport(folder: string, whole: Report): Promise<void> {
  await writeFile(path.join(folder, 'results.json'), `${JSON.stringify(whole, null, 1)}\n`);
  await writeFile(path.join(folder, 'results.md'), markdown(whole));
}
