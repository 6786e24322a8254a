/**
 * What travels with exported weights: a model card that says what was done and measured, and nothing else, and the run's results and
 * recipe. The script that goes on in Python is in `continue-script.ts`. Pure: used by the page and by the command line.
 */
import { adapterLabel } from '../gpu/device';
import { methodById } from '../peft/registry';
import { continueScript } from './continue-script';
import type { MethodResults, Results } from './events';

export interface ExportInfo {
  readonly kind: 'merged' | 'adapter';
  readonly results: Results;
  /** Which of the results' methods, e.g. `lora-2`. */
  readonly method: string;
  readonly task: {
    readonly title: string;
    readonly question: string;
    readonly kind: 'classification' | 'regression';
    readonly labelNames: readonly string[];
    /** Two texts in every example. */
    readonly paired: boolean;
  };
  /** Which weights are in the export: those of the best evaluation (a run that has ended), or those of the last step (a paused one). */
  readonly weights: 'best' | 'last';
}

/** The method of an export with its part of the recipe. Throws an `Error` where the results do not have it. */
export function exportedMethod({ results, method }: Pick<ExportInfo, 'results' | 'method'>) {
  const index = results.methods.findIndex(({ id }) => id === method);
  const found = results.methods[index];
  if (!found) throw new Error(`the results have no method ${method}`);
  const settings = (results.recipe['methods'] as Record<string, unknown>[])[index]!;
  const checkpoint = String(results.recipe['checkpoint']);
  // A folder of the visitor's, or one that comes with this project, is on no hub.
  const onHub = /^[\w.-]+(\/[\w.-]+)?$/.test(checkpoint) && !/^[.~]/.test(checkpoint);
  return { found, settings, checkpoint, onHub, title: methodById(found.method)?.title ?? found.method };
}

/** Text from outside inside Markdown: shown as it is, never read as markup. */
function literal(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const fence = '`'.repeat(Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length)) + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  // A pipe would end a table's cell even here.
  return `${fence}${pad}${line.replaceAll('|', '\\|')}${pad}${fence}`;
}

const rows = (entries: readonly (readonly [string, string])[]) =>
  ['| | |', '|---|---|', ...entries.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');

const number = (value: number) => value.toLocaleString('en-US');

function frontMatter(
  { kind, results, task }: ExportInfo,
  { onHub, checkpoint, found }: ReturnType<typeof exportedMethod>,
): string {
  const lines = [
    `library_name: ${kind === 'adapter' && found.method !== 'hut' ? 'peft' : 'transformers'}`,
    'pipeline_tag: text-classification',
    ...(onHub ? [`base_model: ${JSON.stringify(checkpoint)}`] : []),
    `tags: ${JSON.stringify([found.method, task.kind === 'regression' ? 'text-regression' : 'text-classification'])}`,
    `metrics: ${JSON.stringify([results.primaryMetric])}`,
  ];
  return ['---', ...lines, '---'].join('\n');
}

function measured({ results, weights }: ExportInfo, { best, steps, stopped }: MethodResults): string {
  const { examples, adapter, primaryMetric } = results;
  const where = `on ${adapterLabel(adapter)}`;
  const early = stopped ? `\n\nThe method ended early: ${literal(stopped.message)}` : '';
  if (!best) return `Nothing: the run ended before its first evaluation.${early}`;
  const table = [
    '| metric | value |',
    '|---|---|',
    ...Object.entries(best.metrics).map(([name, value]) => `| ${literal(name)} | ${value.toFixed(4)} |`),
  ].join('\n');
  const last = steps.at(-1)?.step ?? 0;
  const which =
    weights === 'best' || best.step === last
      ? `These are the weights of that evaluation. It was the best by ${literal(primaryMetric)} of those made in the run, chosen on these same examples, so expect a little less on new text.`
      : `**The exported weights are later ones**, of step ${number(last)}, taken from a paused run; they have not been evaluated themselves.`;
  return `On the ${number(examples.validation)} validation examples, after step ${number(best.step)}, ${where}:\n\n${table}\n\n${which}${early}`;
}

function loading(info: ExportInfo, { found, onHub, checkpoint }: ReturnType<typeof exportedMethod>): string {
  const base = onHub ? checkpoint : 'the base checkpoint’s folder';
  if (info.kind === 'merged') {
    const code = `from transformers import pipeline\n\nprint(pipeline("text-classification", model=".")("…"))`;
    return `The method is merged into the weights: this is an ordinary \`transformers\` model, with its tokenizer.\n\n\`\`\`python\n${code}\n\`\`\``;
  }
  const how =
    found.method === 'hut'
      ? 'PEFT does not know HUT; `continue.py` applies the adapter with a few lines of PyTorch.'
      : 'A PEFT adapter, with the trained head in it.';
  const argument = onHub ? '' : ' --base FOLDER';
  return `${how} It goes on top of ${literal(base)}.\n\n\`\`\`\npython continue.py${argument}\n\`\`\``;
}

/** `README.md` of an export, as Hugging Face's model cards are written. */
export function modelCard(info: ExportInfo): string {
  const { results, kind, task } = info;
  const method = exportedMethod(info);
  const { found, settings, checkpoint, title } = method;
  const { method: _id, adapter: start, ...own } = settings;
  const training = results.recipe['training'] as Record<string, unknown>;
  const revision = results.recipe['revision'];
  const values = (record: Record<string, unknown>) =>
    Object.entries(record).map(
      ([name, value]) => [name, literal(Array.isArray(value) ? value.join(', ') : String(value))] as const,
    );
  const { learningRate: _shared, ...shared } = training;
  const paper = methodById(found.method)?.paper;
  return `${frontMatter(info, method)}

# ${literal(checkpoint)} tuned with ${title} on ${literal(task.title)}

${kind === 'merged' ? 'Merged weights' : 'Adapter'} from a run of HUT Playground, which fine-tunes encoders in a web browser on WebGPU.

${rows([
  ['Method', `${title}${paper ? ` (${paper})` : ''}`],
  ['Base checkpoint', literal(checkpoint) + (revision === undefined ? '' : `, revision ${literal(String(revision))}`)],
  ...(start === undefined ? [] : ([['Started from adapter', literal(String(start))]] as const)),
  ['Task', `${literal(task.title)}: ${literal(task.question)}`],
  [
    'Answers',
    task.kind === 'regression' ? 'a score' : task.labelNames.map((label, id) => `${id} = ${literal(label)}`).join(', '),
  ],
  ['Input', task.paired ? 'two texts' : 'one text'],
  ['Training examples', number(results.examples.train)],
  ['Trained values', `${number(found.trainableParameters)} of the method, ${number(found.headParameters)} of the head`],
])}

## Measured

${measured(info, found)}

## How to load it

${loading(info, method)}

\`continue.py\` loads this folder, answers, and trains on from it.

## How it was trained

${number(found.steps.at(-1)?.step ?? 0)} of ${number(results.totalSteps)} steps of AdamW; the encoder’s own weights were frozen. The whole recipe is in \`recipe.json\`, every step’s loss in \`results.json\`.

${rows([...values(own), ...values(shared).map(([name, value]) => [`training: ${name}`, value] as const)])}

## What to know

Nothing but the validation split above was measured: not other domains or languages, not fairness, not calibration. What the base checkpoint’s licence and the data set’s allow holds for this model, too.
`;
}

/** Everything that goes beside the weights, by file name. */
export function exportExtras(info: ExportInfo): Map<string, string> {
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([
    ['README.md', modelCard(info)],
    ['continue.py', continueScript(info)],
    ['results.json', json(info.results)],
    ['recipe.json', json(info.results.recipe)],
  ]);
}
