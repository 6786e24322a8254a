/** `README.md` of an export: a model card that says what was done and measured, and nothing else. */
import { adapterLabel } from '../gpu/device';
import type { MethodResults } from '../train/events';
import { exportedMethod, type ExportedMethod, type ExportInfo } from './info';

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

function frontMatter({ kind, results, task }: ExportInfo, { onHub, checkpoint, method }: ExportedMethod): string {
  const lines = [
    `library_name: ${kind === 'adapter' && method.adapter?.inPeft ? 'peft' : 'transformers'}`,
    `pipeline_tag: ${task.export.pipelineTag}`,
    ...(onHub ? [`base_model: ${JSON.stringify(checkpoint)}`] : []),
    `tags: ${JSON.stringify([method.id, ...task.export.tags])}`,
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

function loading({ kind, task }: ExportInfo, { method, onHub, checkpoint }: ExportedMethod): string {
  const base = onHub ? checkpoint : 'the base checkpoint’s folder';
  if (kind === 'merged') {
    const code = `from transformers import pipeline\n\nprint(pipeline("${task.export.pipelineTag}", model=".")("…"))`;
    return `The method is merged into the weights: this is an ordinary \`transformers\` model, with its tokenizer.\n\n\`\`\`python\n${code}\n\`\`\``;
  }
  const how = method.adapter?.inPeft
    ? 'A PEFT adapter, with the trained head in it.'
    : `PEFT does not know ${method.title}; \`continue.py\` applies the adapter with a few lines of PyTorch.`;
  const argument = onHub ? '' : ' --base FOLDER';
  return `${how} It goes on top of ${literal(base)}.\n\n\`\`\`\npython continue.py${argument}\n\`\`\``;
}

/** `README.md` of an export, as Hugging Face's model cards are written. */
export function modelCard(info: ExportInfo): string {
  const { results, kind, task } = info;
  const exported = exportedMethod(info);
  const { found, settings, checkpoint, method } = exported;
  const { title, citation } = method;
  const { method: _id, adapter: start, ...own } = settings;
  const training = results.recipe['training'] as Record<string, unknown>;
  const revision = results.recipe['revision'];
  const values = (record: Record<string, unknown>) =>
    Object.entries(record).map(
      ([name, value]) => [name, literal(Array.isArray(value) ? value.join(', ') : String(value))] as const,
    );
  const { learningRate: _shared, ...shared } = training;
  return `${frontMatter(info, exported)}

# ${literal(checkpoint)} tuned with ${title} on ${literal(task.title)}

${kind === 'merged' ? 'Merged weights' : 'Adapter'} from a run of HUT Playground, which fine-tunes language models in a web browser on WebGPU.

${rows([
  ['Method', citation.url ? `${title} ([${citation.title}](${citation.url}))` : title],
  ['Base checkpoint', literal(checkpoint) + (revision === undefined ? '' : `, revision ${literal(String(revision))}`)],
  ...(start === undefined ? [] : ([['Started from adapter', literal(String(start))]] as const)),
  ['Task', `${literal(task.title)}: ${literal(task.question)}`],
  ...task.export.facts.map(([name, words]) => [name, literal(words)] as const),
  ['Training examples', number(results.examples.train)],
  ['Trained values', `${number(found.trainableParameters)} of the method, ${number(found.headParameters)} of the head`],
])}

## Measured

${measured(info, found)}

## How to load it

${loading(info, exported)}

\`continue.py\` loads this folder, answers, and trains on from it.

## How it was trained

${number(found.steps.at(-1)?.step ?? 0)} of ${number(results.totalSteps)} steps of AdamW; what the method does not train was frozen. The whole recipe is in \`recipe.json\`, every step’s loss in \`results.json\`.

${rows([...values(own), ...values(shared).map(([name, value]) => [`training: ${name}`, value] as const)])}

## What to know

Nothing but the validation split above was measured: not other domains or languages, not fairness, not calibration. What the base checkpoint’s licence and the data set’s allow holds for this model, too.
`;
}
