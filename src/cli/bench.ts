/**
 * `npm run bench -- RECIPE…`: recipes × grid × seeds × repeats, each run in the page by Playwright, one report.
 *
 * This part plans, starts Playwright (`e2e/bench.config.ts`) and merges; it needs no device itself.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../errors';
import type { RecipeJson } from '../train/recipe';
import { parseAxis, planRuns, type NamedRecipe } from './bench-plan';
import { mergeReports, readReport, writeReport } from './bench-report';
import { markdown } from './bench-table';
import { readRecipeJson } from './recipe-file';

const usage = `usage: npm run bench -- RECIPE… [--seeds a,b,c] [--repeat n] [--grid PATH=VALUE,VALUE…]… [--shard i/n] [--gpu] [--out DIR]
       npm run bench -- --merge DIR… [--out DIR]`;

const options = {
  seeds: { type: 'string' },
  repeat: { type: 'string', default: '1' },
  grid: { type: 'string', multiple: true },
  shard: { type: 'string' },
  gpu: { type: 'boolean', default: false },
  merge: { type: 'boolean', default: false },
  out: { type: 'string', default: 'out/bench' },
} as const;

function whole(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < least)
    throw new UserError('bench/arguments', `--${option}: "${text}" is no whole number from ${least} on.`);
  return value;
}

async function readRecipes(files: readonly string[]): Promise<NamedRecipe[]> {
  const recipes = await Promise.all(
    files.map(async (file) => ({
      name: path.basename(file, '.json'),
      json: (await readRecipeJson(file)) as RecipeJson,
      base: path.dirname(file),
    })),
  );
  const twice = recipes.find(({ name }, i) => recipes.findIndex((other) => other.name === name) !== i);
  if (twice)
    throw new UserError(
      'bench/arguments',
      `Two recipes are called ${twice.name}; the report tells them apart by name.`,
    );
  return recipes;
}

export async function main(args: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (positionals.length === 0 || (values.shard !== undefined && !/^\d+\/\d+$/.test(values.shard))) {
    console.error(usage);
    return 2;
  }
  const out = path.resolve(values.out);
  try {
    if (values.merge) {
      const parts = await Promise.all(positionals.map(async (from) => ({ from, report: await readReport(from) })));
      await mkdir(out, { recursive: true });
      await writeReport(out, mergeReports(parts));
      return await tell(out);
    }
    const cells = planRuns(await readRecipes(positionals), {
      axes: (values.grid ?? []).map(parseAxis),
      seeds: values.seeds?.split(',').map((seed) => whole('seeds', seed, 0)),
      repeat: whole('repeat', values.repeat, 1),
    });
    await mkdir(out, { recursive: true });
    await writeFile(path.join(out, 'plan.json'), `${JSON.stringify(cells, null, 1)}\n`);
    await writeReport(out, { planned: cells.map(({ name }) => name), runs: [], failures: [] });
    const command = ['node_modules/@playwright/test/cli.js', 'test', '-c', 'e2e/bench.config.ts'];
    const { status } = spawnSync(
      process.execPath,
      [...command, ...(values.shard === undefined ? [] : [`--shard=${values.shard}`, '--pass-with-no-tests'])],
      { stdio: 'inherit', env: browserEnvironment(out, values.gpu) },
    );
    await tell(out);
    return status ?? 1;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    return 1;
  }
}

/** With `gpu`, without the software driver that `scripts/node.mjs` finds for Dawn under Node: Chromium would take it too. */
function browserEnvironment(out: string, gpu: boolean): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, BENCH_OUT: out };
  if (!gpu) return environment;
  if (environment['VK_ICD_FILENAMES']?.endsWith('vk_swiftshader_icd.json')) delete environment['VK_ICD_FILENAMES'];
  return { ...environment, GPU: '1' };
}

async function tell(out: string): Promise<number> {
  const report = await readReport(out);
  console.log(`\n${markdown(report)}\nWritten to ${out}`);
  return report.runs.length === report.planned.length ? 0 : 1;
}
