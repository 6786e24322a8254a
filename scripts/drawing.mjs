/** Seeded draws and an article: what the scripts that write bundled data share. */
/** A small generator of pseudo-random numbers (mulberry32). */
export function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** One of the items, each as likely. */
export const choose = (random, items) => items[Math.floor(random() * items.length)];

/** The items in a random order. */
export function shuffled(random, items) {
  const left = [...items];
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [left[i], left[j]] = [left[j], left[i]];
  }
  return left;
}

/** The indefinite article that a noun phrase takes, by its first letter. */
export const article = (words) => (/^[aeiou]/i.test(words) ? 'an' : 'a');
