/**
 * The programs that look into a tuned model: fetched by whoever asks what its words do.
 *
 *     look      one row: what the head gives, the final states, the words' embeddings, and the attention of every layer
 *     answer    a batch of rows: what the head gives
 *     gradient  a batch of rows whose words lie between a baseline and themselves: the score's gradient at the words, times the words and
 *               times their distance from the baseline
 *
 * Words are rows of the word table as they are looked up, before positions and types are added: the gradient there is the gradient of
 * the sum, and a sum of tables on the way between two rows is the way between two sums.
 */
import { differentiate } from '../graph/differentiate';
import type { Graph } from '../graph/graph';
import { attentionProbabilities, interpolate, rowDot } from '../graph/ops/diagnostics';
import { tableRows } from '../graph/ops/embedding';
import { scale, add } from '../graph/ops/elementwise';
import type { ParameterLayout } from '../graph/parameter-layout';
import { compile, type Program } from '../graph/plan';
import type { Tensor } from '../graph/tensor';
import type { Attention, BatchShape } from '../models/core/model';
import type { Explaining } from '../tasks/core/task';
import { TraceScope } from '../train/trace-scope';
import type { ProgramOptions, TunedModel } from '../train/tuned-model';

type Options = Omit<ProgramOptions, 'training' | 'dropout'>;

/** Keeps the context of every attention, and the blocks of the word table. */
class LookScope extends TraceScope {
  readonly contexts: Tensor[] = [];
  words: readonly Tensor[] = [];

  override embed(words: readonly Tensor[], lookUp: (ids: Tensor) => Tensor, shape: BatchShape): Tensor {
    this.words = words;
    return super.embed(words, lookUp, shape);
  }

  protected override attendTo(layer: number, given: Attention, batch: BatchShape): Tensor {
    const context = super.attendTo(layer, given, batch);
    this.contexts.push(context);
    return context;
  }
}

/** Embeds rows between a baseline and themselves. */
class PathScope extends TraceScope {
  /** What the gradient is taken at. */
  embeddedWords: Tensor | undefined;
  words: readonly Tensor[] = [];

  override embed(words: readonly Tensor[], lookUp: (ids: Tensor) => Tensor, { batchSize, length }: BatchShape): Tensor {
    const { graph } = this;
    this.words = words;
    const start = lookUp(graph.input('baselineIds', [batchSize * length], 'u32'));
    const end = lookUp(graph.input('inputIds', [batchSize * length], 'u32'));
    return (this.embeddedWords = interpolate(graph, { start, end, share: graph.input('shares', [batchSize]) }));
  }
}

const named = (name: string, tensors: readonly Tensor[]) =>
  Object.fromEntries(tensors.map((tensor, i) => [`${name}${i}`, tensor]));

interface Traced<Scope extends TraceScope> {
  readonly scope: Scope;
  readonly graph: Graph;
  readonly hidden: Tensor;
  readonly asked: ReturnType<Explaining['trace']>;
}

function traced<Scope extends TraceScope>(
  tuned: TunedModel,
  shape: BatchShape,
  options: Options,
  Scope: new (options: ConstructorParameters<typeof TraceScope>[0]) => Scope,
): Traced<Scope> {
  const { model, task } = tuned.options;
  const scope = new Scope(tuned.surroundings({ ...options, training: false }).scope);
  const hidden = model.trace(scope, shape);
  const asked = task.explaining!.trace(scope, tuned.head.trace(scope, hidden, shape), shape, tuned.head);
  return { scope, graph: scope.graph, hidden, asked };
}

/** Outputs `read…`, `hidden`, `words`, `mean…` of every layer over its heads, `heads` of the last. For one row. */
export function lookProgram(tuned: TunedModel, length: number, layout: ParameterLayout, options: Options): Program {
  const { scope, graph, hidden, asked } = traced(tuned, { batchSize: 1, length }, options, LookScope);
  const words = tableRows(graph, graph.input('inputIds', [length], 'u32'), scope.words);
  const outputs = {
    ...named('read', asked.read),
    ...named(
      'mean',
      scope.contexts.map((context) => attentionProbabilities(graph, context, true)),
    ),
    heads: attentionProbabilities(graph, scope.contexts.at(-1)!, false),
    hidden,
    words,
  };
  return compile(graph, outputs, new Map(), layout, options);
}

/** Outputs `read…`. */
export function answerProgram(
  tuned: TunedModel,
  shape: BatchShape,
  layout: ParameterLayout,
  options: Options,
): Program {
  const { graph, asked } = traced(tuned, shape, options, TraceScope);
  return compile(graph, named('read', asked.read), new Map(), layout, options);
}

/** Outputs `read…`, and for each token `timesWord` and `timesDistance` `[batchSize · length]`. */
export function gradientProgram(
  tuned: TunedModel,
  shape: BatchShape,
  layout: ParameterLayout,
  options: Options,
): Program {
  const { scope, graph, asked } = traced(tuned, shape, options, PathScope);
  const gradient = differentiate(graph, asked.of, { seed: asked.seed, withRespectTo: [scope.embeddedWords!] }).get(
    scope.embeddedWords!,
  )!;
  const tokens = shape.batchSize * shape.length;
  const rows = (name: string) => tableRows(graph, graph.input(name, [tokens], 'u32'), scope.words);
  const [words, baseline] = [rows('inputIds'), rows('baselineIds')];
  return compile(
    graph,
    {
      ...named('read', asked.read),
      timesWord: rowDot(graph, gradient, words),
      timesDistance: rowDot(graph, gradient, add(graph, words, scale(graph, baseline, -1))),
    },
    new Map(),
    layout,
    options,
  );
}
