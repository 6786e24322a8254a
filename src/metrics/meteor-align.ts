/**
 * The alignment of METEOR 1.5 (Denkowski and Lavie 2014): which word of an output stands for which word of a reference,
 * each at most once, found by a beam search from left to right through the reference.
 *
 * Two words match if they are equal or, of different words, if their stems are. Of two alignments the one with more
 * matches is better, then the one with fewer chunks (runs that are contiguous and equally ordered on both sides), then
 * the one whose words are moved less. The search follows METEOR's code where that says something else than its paper,
 * since scores follow the code: match counts are integers to which the half that a stem match weighs adds nothing, and
 * the distance of a match goes to the path that it leaves.
 */

/** A text's words and their stems. */
export interface StemmedWords {
  readonly words: readonly string[];
  readonly stems: readonly string[];
}

/** A word of the reference, in its order, and what it is matched with. */
export interface Match {
  readonly output: number;
  readonly reference: number;
  readonly exact: boolean;
}

const beamSize = 40;

/** Matches so far, the last one first. */
interface Chain {
  readonly match: Match;
  readonly before: Chain | undefined;
}

interface Path {
  readonly chain: Chain | undefined;
  readonly exactMatches: number;
  readonly chunks: number;
  /** Where the output would go on contiguously; -1 outside of chunks. */
  readonly next: number;
  readonly distance: number;
}

const better = (a: Path, b: Path) => b.exactMatches - a.exactMatches || a.chunks - b.chunks || a.distance - b.distance;

/** @returns the matches in the reference's order, and into how many chunks they fall */
export function align(output: StemmedWords, reference: StemmedWords): { matches: Match[]; chunks: number } {
  const candidates = candidateMatches(output, reference);
  const rivals = new Array<number>(output.words.length).fill(0);
  for (const own of candidates) for (const match of own) rivals[match.output]!++;

  let paths: Path[] = [{ chain: undefined, exactMatches: 0, chunks: 0, next: -1, distance: 0 }];
  for (const [place, own] of candidates.entries()) {
    // A match that excludes no other is certain, and nothing branches at it.
    const [first] = own;
    const certain = own.length === 1 && rivals[first!.output] === 1;
    if (paths.length > 1) paths = paths.sort(better).slice(0, beamSize);
    const following: Path[] = [];
    for (const path of paths) {
      if (certain) {
        following.push(extended(path, first!, path.distance + Math.abs(place - first!.output)));
        continue;
      }
      let { distance } = path;
      for (const match of own) {
        if (isUsed(path, match.output)) continue;
        following.push(extended(path, match, distance));
        distance += Math.abs(place - match.output);
      }
      following.push(closed(path, distance));
    }
    paths = following;
  }
  const [best] = paths.map((path) => closed(path, path.distance)).sort(better);
  const matches: Match[] = [];
  for (let link = best!.chain; link; link = link.before) matches.unshift(link.match);
  return { matches, chunks: best!.chunks };
}

function candidateMatches(output: StemmedWords, reference: StemmedWords): Match[][] {
  const same =
    output.words.length === reference.words.length && output.words.every((word, i) => word === reference.words[i]);
  return reference.words.map((word, place) => {
    const exact: Match[] = [];
    const byStem: Match[] = [];
    const stem = reference.stems[place]!;
    for (let i = 0; i < output.words.length; i++) {
      if (output.words[i] === word) exact.push({ output: i, reference: place, exact: true });
      // Of equal texts only equal words match.
      else if (!same && output.stems[i] === stem) byStem.push({ output: i, reference: place, exact: false });
    }
    return [...exact, ...byStem];
  });
}

function isUsed(path: Path, output: number): boolean {
  for (let link = path.chain; link; link = link.before) if (link.match.output === output) return true;
  return false;
}

const extended = (path: Path, match: Match, distance: number): Path => ({
  chain: { match, before: path.chain },
  exactMatches: path.exactMatches + (match.exact ? 1 : 0),
  chunks: path.chunks + (path.next !== -1 && path.next !== match.output ? 1 : 0),
  next: match.output + 1,
  distance,
});

/** The path past a word without a match. */
const closed = (path: Path, distance: number): Path => ({
  chain: path.chain,
  exactMatches: path.exactMatches,
  chunks: path.chunks + (path.next === -1 ? 0 : 1),
  next: -1,
  distance,
});
