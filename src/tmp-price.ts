import { readFileSync } from 'node:fs';
import { testEnvironment } from './cli/runs.node';
import { Gpu } from './gpu/device';
import { staticChoice } from './graph/variants';
import { drawnContender, weightChanges } from './train/drawn-layer';
import { prepare } from './train/prepare';
import { parseRecipe } from './train/recipe';
import { Run, shownExamples } from './train/run';
import { Snapshots } from './train/snapshots';

export async function main(args: string[]) {
  const gpu = await Gpu.open();
  const recipe = parseRecipe(JSON.parse(readFileSync(args[0]!, 'utf8')));
  const prepared = await prepare(recipe, testEnvironment(gpu, { choice: async ({ identity }: Gpu) => staticChoice(identity) }));
  const run = new Run(prepared);
  const started = performance.now();
  let atFirst = 0;
  await run.train({ onEvent: (event) => { if (event.type === 'step' && !atFirst) atFirst = performance.now() - started; } });
  const whole = (performance.now() - started) / 1000;
  console.log('run s', whole.toFixed(1), 'until first step', (atFirst / 1000).toFixed(1));
  const evals = run.results().methods[0]!.evaluations.length;
  let strips = 0, reads = 0, bytes = 0, exa = 0, snap = 0;
  for (const trainer of prepared.trainers) {
    let t = performance.now();
    const parameters = await trainer.flat.parameters.read();
    reads += performance.now() - t;
    bytes += [...parameters.values()].reduce((n, v) => n + v.byteLength, 0);
    t = performance.now();
    const drawn = drawnContender(trainer.options.tuned, recipe.training.seed, (name) => parameters.get(name));
    await weightChanges(prepared.reader, prepared.model, drawn, prepared.source.label);
    strips += performance.now() - t;
    t = performance.now();
    new Snapshots(1e9).add(0, parameters);
    snap += performance.now() - t;
    const answers = run.bestAnswers(trainer.id);
    const { rows } = prepared.splits.get(run.deciding)!;
    t = performance.now();
    shownExamples(rows.length).map((i) => ({ ...prepared.loaded.task.answerView(answers, i), right: prepared.loaded.task.isRight?.(rows, answers, i) }));
    exa += performance.now() - t;
  }
  let t = performance.now();
  await run.evaluate(9);
  const one = (performance.now() - t) / 1000;
  console.log({ evals, oneEvaluationS: one, readMs: reads, stripsMs: strips, snapshotMs: snap, examplesMs: exa, bytes });
  for (const { program } of []) console.log(program);
  await run.dispose();
  gpu.close();
  return 0;
}
