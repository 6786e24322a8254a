/**
 * Charts take turns: each is drawn in a task of its own, and between two the page can answer the visitor. All at once, as after a
 * change of state, they would hold it up for as long as their sum.
 */
const waiting = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Milliseconds from a turn to the next one: longer than a frame, so that the browser paints in between. */
const apart = 25;

function next(): void {
  timer = undefined;
  const [turn] = waiting;
  if (!turn) return;
  waiting.delete(turn);
  timer = setTimeout(next, apart);
  turn();
}

/** Calls `turn` once, when those who asked before have had theirs. @returns gives the turn back, if it has not come yet */
export function takeTurn(turn: () => void): () => void {
  // Without others waiting, still in a task of its own: whoever asks may be in the middle of one.
  waiting.add(turn);
  timer ??= setTimeout(next, 0);
  return () => void waiting.delete(turn);
}
