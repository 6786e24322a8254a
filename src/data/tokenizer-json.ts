/** `tokenizer.json`, as far as it is looked into here. */
import { z } from 'zod';

export const tokenizerJsonSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional(), vocab: z.unknown() }),
  post_processor: z.looseObject({ type: z.string() }).nullish(),
  normalizer: z.unknown().nullable().default(null),
  pre_tokenizer: z.unknown().nullable().default(null),
  decoder: z.unknown().nullable().default(null),
  added_tokens: z.array(z.looseObject({ id: z.number(), content: z.string() })).default([]),
});
export type TokenizerJson = z.output<typeof tokenizerJsonSchema>;
