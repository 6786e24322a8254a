/** How a text is generated: the settings of `generate` of `transformers`, with its defaults. */
import { z } from 'zod';

export const generationSettings = z
  .strictObject({
    numBeams: z.number().int().min(1).max(64).default(1),
    lengthPenalty: z.number().min(-10).max(10).default(1),
    /** 0: anything may be repeated. */
    noRepeatNgramSize: z.number().int().min(0).max(64).default(0),
    maxNewTokens: z.number().int().min(1).max(1024).default(64),
    earlyStopping: z.union([z.boolean(), z.literal('never')]).default(false),
    doSample: z.boolean().default(false),
    temperature: z.number().positive().max(100).default(1),
    /** 0: all tokens. */
    topK: z.number().int().min(0).max(1_000_000).default(50),
    topP: z.number().positive().max(1).default(1),
  })
  .refine(({ doSample, numBeams }) => !doSample || numBeams === 1, {
    message: 'sampling follows one row a prompt; set numBeams to 1, or doSample to false',
    path: ['numBeams'],
  });
export type GenerationSettings = z.output<typeof generationSettings>;

/** What the settings are called and do. */
export const generationWords = {
  numBeams: { label: 'Beams', help: 'Texts that are followed side by side; the best is kept. 1 is greedy.' },
  lengthPenalty: { label: 'Length penalty', help: 'A beam’s score is divided by its length to this power.' },
  noRepeatNgramSize: { label: 'No repeated n-gram', help: 'So many tokens in a row occur once only; 0 allows all.' },
  maxNewTokens: { label: 'Longest answer', help: 'Tokens.' },
  earlyStopping: { label: 'Stop early', help: 'Ends a search once as many texts are complete as there are beams.' },
  doSample: { label: 'Sample', help: 'Draws each token instead of taking the likeliest.' },
  temperature: { label: 'Temperature', help: 'Above 1 draws are more varied, below 1 less.' },
  topK: { label: 'Top k', help: 'Draws among so many likeliest tokens; 0 is all.' },
  topP: { label: 'Top p', help: 'Draws among the likeliest tokens that together have this probability.' },
} as const;
