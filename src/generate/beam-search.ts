/**
 * Beam search for one prompt, as `_beam_search` of `transformers` 5 does it: of all continuations of all beams the best two for each beam
 * are looked at; complete ones among the best `numBeams` compete by `score / length^lengthPenalty` with those found before, the best
 * that are not complete go on.
 */
import { bannedTokens } from './next-token';
import type { GenerationSettings } from './settings';

interface Beam {
  readonly tokens: readonly number[];
  /** Sum of log-probabilities. */
  readonly score: number;
  /** The beam of the step before that it continues. */
  readonly parent: number;
}

interface Hypothesis {
  readonly tokens: readonly number[];
  /** By length; `lowest` where there is none yet. */
  readonly score: number;
  readonly complete: boolean;
}

/** What `transformers` takes off the score of what must not be chosen. */
const lowest = -1e9;

/** Inserts into the first places of a list in descending order of score, in which equals keep their order. */
function insert<Item extends { readonly score: number }>(list: Item[], item: Item, most: number): void {
  if (list.length >= most && item.score <= list.at(-1)!.score) return;
  let at = list.length;
  while (at > 0 && list[at - 1]!.score < item.score) at--;
  list.splice(at, 0, item);
  if (list.length > most) list.pop();
}

/** `log Σ e^score` of a row. */
function logSumExp(scores: Float32Array): number {
  let peak = -Infinity;
  for (const score of scores) if (score > peak) peak = score;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - peak);
  return peak + Math.log(sum);
}

export class BeamSearch {
  /** The beams that go on. */
  running: readonly Beam[];
  #found: Hypothesis[];
  #ended = false;

  /** @param prompt as `generate` pads it */
  constructor(
    readonly prompt: readonly number[],
    readonly settings: GenerationSettings,
    readonly eosTokenId: number,
  ) {
    const { numBeams } = settings;
    this.running = Array.from({ length: numBeams }, (_, i) => ({ tokens: [], score: i === 0 ? 0 : lowest, parent: 0 }));
    this.#found = this.running.map(() => ({ tokens: [], score: lowest, complete: false }));
  }

  /** Whether no step could change the result. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The result so far: complete, once the search has ended. */
  get best(): readonly number[] {
    return this.#found[0]!.tokens;
  }

  /** What to show while the search goes on. */
  get leading(): readonly number[] {
    return this.#ended ? this.best : this.running[0]!.tokens;
  }

  /** @param scores of the next token, a row of `vocabSize` a beam; one row where all beams are the prompt itself */
  advance(scores: Float32Array, vocabSize: number): void {
    const { numBeams, maxNewTokens, lengthPenalty, earlyStopping } = this.settings;
    const candidates = this.#continuations(scores, vocabSize);
    const length = candidates[0]!.tokens.length;
    const ends = candidates.map(({ tokens }) => tokens.at(-1) === this.eosTokenId || length >= maxNewTokens);

    const running: Beam[] = [];
    candidates.forEach((beam, i) =>
      insert(running, ends[i] ? { ...beam, score: beam.score + lowest } : beam, numBeams),
    );
    this.running = running;

    // Among the best only; the others are looked at so that enough beams are left to go on.
    const full = earlyStopping === true && this.#found.every(({ complete }) => complete);
    const found: Hypothesis[] = [];
    for (const hypothesis of this.#found) insert(found, hypothesis, numBeams);
    candidates.forEach(({ tokens, score }, i) => {
      const complete = ends[i]! && i < numBeams;
      const hidden = (complete ? 0 : lowest) + (full ? lowest : 0);
      insert(found, { tokens, score: score / length ** lengthPenalty + hidden, complete }, numBeams);
    });
    this.#found = found;

    const longest = earlyStopping === 'never' && lengthPenalty > 0 ? maxNewTokens : length;
    const possible = running[0]!.score / longest ** lengthPenalty;
    const worst = Math.min(...found.map(({ score }) => score));
    const canImprove = found.some(({ complete }) => possible > (complete ? worst : lowest));
    const allComplete = earlyStopping === true && found.every(({ complete }) => complete);
    this.#ended = !canImprove || allComplete || ends.every(Boolean);
  }

  /** The best `2 · numBeams` continuations, best first. */
  #continuations(scores: Float32Array, vocabSize: number): Beam[] {
    const { numBeams, noRepeatNgramSize } = this.settings;
    const most = 2 * numBeams;
    const first = scores.length === vocabSize;
    const chosen: { readonly score: number; readonly beam: number; readonly token: number }[] = [];
    // After the prompt all beams are the same row, and only the first counts.
    for (const [beam, { tokens, score: before }] of this.running.slice(0, first ? 1 : numBeams).entries()) {
      const own = scores.subarray(beam * vocabSize, (beam + 1) * vocabSize);
      const offset = before - logSumExp(own);
      const banned = bannedTokens(this.prompt, tokens, noRepeatNgramSize);
      let least = chosen.length < most ? -Infinity : chosen.at(-1)!.score - offset;
      for (let token = 0; token < vocabSize; token++) {
        if (own[token]! <= least) continue;
        if (banned.has(token)) continue;
        insert(chosen, { score: own[token]! + offset, beam, token }, most);
        if (chosen.length >= most) least = chosen.at(-1)!.score - offset;
      }
    }
    return chosen.map(({ score, beam, token }) => ({
      tokens: [...this.running[beam]!.tokens, token],
      score,
      parent: beam,
    }));
  }
}
