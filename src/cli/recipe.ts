/**
 * `npm run recipe -- FILE --out DIR`: trains a recipe without a browser and writes what the page would let you download.
 * `--dry-run` prints parameters, costs and memory; it needs neither a device nor weights.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkWritable, writeFolder } from '../checkpoint/node';
import { UserError } from '../errors';
import { RunHighlights } from '../explain/run-highlights';
import { adapterFolder, exportExtras, mergedFolder, predictionFiles } from '../export/index';
import { adapterLabel } from '../gpu/device';
import type { RunEvent } from '../train/events';
import { open, tunedModels } from '../train/open';
import { largestShapes, plan, usualLimits } from '../train/plan';
import { prepare } from '../train/prepare';
import { parseRecipe, taskEntry, type Recipe } from '../train/recipe';
import { Run } from '../train/run';
import { nodeEnvironment } from './environment';
import { ProgressLine, bytes, big } from './progress';
import { readRecipeJson } from './recipe-file';

const usage = 'usage: npm run recipe -- FILE --out DIR | npm run recipe -- FILE --dry-run';

/** Costs at the recipe's batch size and `maxLength`, the largest a step can be. */
async function dryRun(recipe: Recipe, base: string): Promise<object> {
  const opened = await open(recipe, nodeEnvironment(base, process.cwd()));
  const shapes = largestShapes(recipe.training);
  const { costs, peakBytes } = plan(tunedModels(opened, taskEntry(recipe).describe(recipe)), recipe.training, {
    ...usualLimits,
    shapes,
  });
  return {
    checkpoint: recipe.checkpoint,
    batch: shapes.training,
    peakBytes,
    methods: opened.contenders.map(({ id, method }, i) => {
      const { trainableParameters, headParameters, paper, step, memory, largestWeight } = costs[i]!;
      return {
        id,
        method: method.id,
        trainableParameters,
        headParameters,
        cost: { paper, step },
        memory,
        largestWeight,
      };
    }),
  };
}

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { out: { type: 'string' }, 'dry-run': { type: 'boolean' } },
  });
  const [file] = positionals;
  if (!file || (!values.out && !values['dry-run'])) {
    console.error(usage);
    return 2;
  }
  try {
    const recipe = parseRecipe(await readRecipeJson(file));
    if (values['dry-run']) {
      console.log(JSON.stringify(await dryRun(recipe, path.dirname(file)), null, 2));
      return 0;
    }
    return await train(recipe, path.dirname(file), values.out!);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`\n${error.message}`);
    return 1;
  }
}

async function train(recipe: Recipe, base: string, out: string): Promise<number> {
  await checkWritable(out);
  const line = new ProgressLine();
  const onEvent = (event: RunEvent) => {
    if (event.type === 'plan') {
      line.print(`Adapter: ${adapterLabel(event.adapter)}`);
      for (const { id, cost } of event.methods)
        line.print(
          `${id}: ${big(cost.trainableParameters)} trained values (head ${big(cost.headParameters)}), ${big(cost.step.flops)} FLOP and ${cost.step.dispatches} dispatches a step${cost.paper.adapterFlops === undefined ? '' : `, paper ${big(cost.paper.adapterFlops)} FLOP`}`,
        );
      line.print(`${event.totalSteps} steps, at most ${bytes(event.peakBytes)} on the device`);
    }
    line.event(event);
  };
  const prepared = await prepare(recipe, nodeEnvironment(base, process.cwd()), { onEvent });
  if (!prepared.headFromCheckpoint)
    line.print(
      `The checkpoint has no head for ${prepared.loaded.task.title}: it starts from seed ${recipe.training.seed}.`,
    );
  const run = new Run(prepared);
  let failure: UserError | undefined;
  try {
    await run.train({ onEvent });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'train/diverged') throw error;
    failure = error;
  }
  line.end();

  const results = run.results();
  await writeFolder(out, new Map([['results.json', encode(JSON.stringify(results, null, 2))]]));
  const { task } = prepared.loaded;
  for (const { id, method } of prepared.contenders) {
    const folder = path.join(out, id);
    const answers = run.bestAnswers(id);
    if (recipe.output.predictions && answers !== undefined)
      await writeFolder(
        folder,
        new Map([...predictionFiles(prepared, answers)].map(([name, text]) => [name, encode(text)])),
      );
    if (recipe.output.highlights > 0) await writeHighlights(run, id, folder, line);
    const write = async (kind: 'adapter' | 'merged', files: Map<string, Uint8Array>) => {
      const extras = exportExtras({ kind, results, method: id, task, weights: 'best' });
      for (const [name, text] of extras) files.set(name, encode(text));
      await writeFolder(path.join(folder, kind), files);
    };
    if (recipe.output.adapter && method.adapter) await write('adapter', await adapterFolder(prepared, id));
    if (recipe.output.merged && method.merge) await write('merged', await mergedFolder(prepared, id));
    const [lack, instead] = method.merge
      ? ['has no adapter', 'merged']
      : ['cannot be merged into the weights', 'adapter'];
    if (!method.adapter || !method.merge) line.print(`${id}: ${method.title} ${lack}; see ${instead}/.`);
  }
  for (const { id, best, stopped } of results.methods) {
    const metrics = Object.entries(best?.metrics ?? {}).map(([name, value]) => `${name} ${value.toFixed(4)}`);
    console.log(
      `${id}: ${metrics.join(', ') || 'not evaluated'}${best ? ` (step ${best.step})` : ''}${stopped ? `; ${stopped.message}` : ''}`,
    );
  }
  console.log(`Written to ${out}`);
  await run.dispose();
  return failure || results.methods.some((method) => method.stopped) ? 1 : 0;
}

/** What the words did for the answers of the first validation examples. */
async function writeHighlights(run: Run, id: string, folder: string, line: ProgressLine): Promise<void> {
  const { loaded, recipe } = run.prepared;
  if (!loaded.task.explaining) {
    line.print(`${loaded.task.title} has no highlights.`);
    return;
  }
  const highlights = new RunHighlights(run, (model) =>
    Promise.resolve(run.prepared.trainers.find((trainer) => trainer.id === model)!),
  );
  const onProgress = (done: number, total: number) =>
    line.event({ type: 'progress', phase: 'export', done, total, label: `highlights of ${id}` });
  const files = await highlights.files(id, recipe.output.highlights, { onProgress });
  await highlights.dispose();
  await writeFolder(folder, new Map([...files].map(([name, text]) => [name, encode(text)])));
}

const encode = (text: string) => new TextEncoder().encode(`${text.trimEnd()}\n`);
