/**
 * How prompts go on: greedily, drawn at random, or by beam search, token for token as `generate` of `transformers` 5 does it
 * (`generation/utils.py`). The model is a `Decoder`; which token comes next is decided here, on the host.
 */
import { createRandom } from '../random';
import { BeamSearch } from './beam-search';
import type { Decoder } from './decoder';
import { bannedTokens, draw, likeliest } from './next-token';
import type { GenerationSettings } from './settings';

export interface GenerateOptions {
  readonly eosTokenId: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called after each step with what a prompt's text is so far: of several beams the best. */
  readonly onTokens?: (prompt: number, tokenIds: readonly number[]) => void;
}

export interface Generated {
  /** After the prompt, with the end-of-text where it was reached. */
  readonly tokenIds: readonly number[];
}

/**
 * @param prompts at least one token each; none needs padding, and those of one call are one batch of `generate`
 * @returns one text a prompt, in their order
 */
export async function generate(
  decoder: Decoder,
  prompts: readonly Uint32Array[],
  settings: GenerationSettings,
  options: GenerateOptions,
): Promise<Generated[]> {
  if (prompts.length === 0) return [];
  const longest = Math.max(...prompts.map(({ length }) => length));
  // `generate` pads on the left, and what it must not repeat may begin in the padding.
  const padded = prompts.map((ids) => [...new Array<number>(longest - ids.length).fill(options.eosTokenId), ...ids]);
  const follow = settings.numBeams > 1 ? byBeams : oneByOne;
  return follow(decoder, prompts, padded, settings, options);
}

/** Greedy search and sampling: one row a prompt. */
async function oneByOne(
  decoder: Decoder,
  prompts: readonly Uint32Array[],
  padded: readonly (readonly number[])[],
  settings: GenerationSettings,
  { eosTokenId, seed, signal, onTokens }: GenerateOptions,
): Promise<Generated[]> {
  const { maxNewTokens, noRepeatNgramSize, doSample } = settings;
  const { vocabSize } = decoder;
  const written = prompts.map((): number[] => []);
  const ended = (tokens: readonly number[]) => tokens.at(-1) === eosTokenId || tokens.length >= maxNewTokens;
  const randoms = prompts.map((_, i) => createRandom(seed, i));
  const rows = Uint32Array.from(prompts.keys());
  let scores = await decoder.begin(prompts, 1, maxNewTokens);
  for (;;) {
    signal?.throwIfAborted();
    written.forEach((tokens, i) => {
      if (ended(tokens)) return;
      const own = scores.subarray(i * vocabSize, (i + 1) * vocabSize);
      const banned = bannedTokens(padded[i]!, tokens, noRepeatNgramSize);
      tokens.push(doSample ? draw(own, banned, settings, randoms[i]!()) : likeliest(own, banned));
      onTokens?.(i, tokens);
    });
    if (written.every(ended)) return written.map((tokenIds) => ({ tokenIds }));
    scores = await decoder.step(
      Uint32Array.from(written, (tokens) => tokens.at(-1)!),
      rows,
    );
  }
}

async function byBeams(
  decoder: Decoder,
  prompts: readonly Uint32Array[],
  padded: readonly (readonly number[])[],
  settings: GenerationSettings,
  { eosTokenId, signal, onTokens }: GenerateOptions,
): Promise<Generated[]> {
  const { numBeams, maxNewTokens } = settings;
  const { vocabSize } = decoder;
  const searches = padded.map((ids) => new BeamSearch(ids, settings, eosTokenId));
  let scores = await decoder.begin(prompts, numBeams, maxNewTokens);
  for (let first = true; ; first = false) {
    signal?.throwIfAborted();
    searches.forEach((search, i) => {
      if (search.ended) return;
      // After the prompt all beams are the same row.
      const width = first ? vocabSize : numBeams * vocabSize;
      search.advance(scores.subarray(i * width, (i + 1) * width), vocabSize);
      onTokens?.(i, search.leading);
    });
    if (searches.every((search) => search.ended)) return searches.map(({ best }) => ({ tokenIds: best }));
    const tokens = new Uint32Array(prompts.length * numBeams);
    const parents = new Uint32Array(tokens.length);
    searches.forEach((search, i) =>
      search.running.forEach(({ tokens: own, parent }, beam) => {
        const row = i * numBeams + beam;
        tokens[row] = own.at(-1)!;
        parents[row] = first ? i : i * numBeams + (search.ended ? beam : parent);
      }),
    );
    scores = await decoder.step(tokens, parents);
  }
}
