/** The programs by which a tuned model generates text: fetched with the decoder, by whoever writes. */
import { languageModelLogits } from '../graph/ops/language-model';
import { selectLast } from '../graph/ops/select';
import type { ParameterLayout } from '../graph/parameter-layout';
import { compile, type Program } from '../graph/plan';
import type { BatchShape } from '../models/core/model';
import { PromptScope, TokenScope, type DecodingShape } from './decoding-scope';
import type { ProgramOptions, TunedModel } from './tuned-model';

/** The programs of a shape: `prompt` once, then `token` for each step. Their outputs `scores…` are those of each word to come next. */
export interface DecodingPrograms {
  readonly prompt: Program;
  readonly token: Program;
}

/** Throws an `Error` where the model's head generates no text. */
export function decodingPrograms(
  tuned: TunedModel,
  shape: DecodingShape,
  layout: ParameterLayout,
  options: Omit<ProgramOptions, 'training' | 'dropout'>,
): DecodingPrograms {
  const { prompts, promptLength, beams } = shape;
  const { head } = tuned;
  const compiled = (Scope: typeof PromptScope | typeof TokenScope, batch: BatchShape) => {
    const scope = new Scope(tuned.surroundings({ ...options, training: false }).scope, shape);
    const { graph } = scope;
    const hidden = tuned.options.model.trace(scope, batch);
    const lengths = graph.input('lengths', [batch.batchSize], 'u32');
    const last = batch.length > 1 ? selectLast(graph, hidden, lengths, batch.length) : hidden;
    if (!head.table) throw new Error(`${head.className} generates no text`);
    const scores = languageModelLogits(graph, last, head.table(scope));
    const outputs = [
      ...scores.map((tensor, i) => [`scores${i}`, tensor] as const),
      ...scope.caches.map((tensor, i) => [`cache${i}`, tensor] as const),
    ];
    return compile(graph, Object.fromEntries(outputs), new Map(), layout, options);
  };
  return {
    prompt: compiled(PromptScope, { batchSize: prompts, length: promptLength }),
    token: compiled(TokenScope, { batchSize: prompts * beams, length: 1 }),
  };
}
