/** Checks of `config.json` that architectures share, in our words. */
import type { z } from 'zod';
import { UserError } from '../../errors';
import type { Activation } from '../../graph/ops/elementwise';

/** What `transformers` calls our activations. */
const activationNames: ReadonlyMap<string, Activation> = new Map([
  ['gelu', 'gelu'],
  ['gelu_new', 'gelu_tanh'],
  ['gelu_pytorch_tanh', 'gelu_tanh'],
  ['relu', 'relu'],
]);

export type Refuse = (problem: string) => never;

/** Throws `model/config` with a sentence about one field. */
export function refuseIn(label: string): Refuse {
  return (problem) => {
    throw new UserError('model/config', `config.json of ${label}: ${problem}.`);
  };
}

/** @throws UserError `model/config` */
export function checkConfig<Schema extends z.ZodType>(schema: Schema, json: unknown, label: string): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  return refuseIn(label)(`${issue.path.join('.')}: ${issue.message}`);
}

/** @param field what the family calls it */
export function activationOf(name: string, refuse: Refuse, field = 'hidden_act'): Activation {
  return (
    activationNames.get(name) ??
    refuse(`${field} "${name}" is not supported; ${[...activationNames.keys()].join(', ')} are`)
  );
}

/** Attention's kernels take heads of a multiple of four values. @param fields what the family calls the two sizes */
export function checkHeads(
  hiddenSize: number,
  numAttentionHeads: number,
  refuse: Refuse,
  fields = ['hidden_size', 'num_attention_heads'],
): void {
  if (hiddenSize % numAttentionHeads)
    refuse(`${fields[0]} ${hiddenSize} is not a multiple of ${fields[1]} ${numAttentionHeads}`);
  if ((hiddenSize / numAttentionHeads) % 4)
    refuse(`a head size of ${hiddenSize / numAttentionHeads} is not supported; it must be a multiple of 4`);
}
