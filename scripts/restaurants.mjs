/**
 * Writes the bundled restaurant data, `public/data/restaurants/`: meaning representations in the form of the E2E NLG Challenge, and
 * sentences that a small grammar makes of them. Names, values and sentences are this project's own. Run: node scripts/restaurants.mjs
 *
 * A text is one sentence about what the place is, which takes up some of the slots as adjectives and phrases, and one or two more that
 * say the rest. Every choice is drawn from a seeded generator, so that the files are the same each time.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { article, choose, randomOf, shuffled } from './drawing.mjs';

const names = [
  'The Copper Kettle',
  'Willow House',
  'Blue Lantern',
  'The Old Mill',
  'Green Table',
  'The Red Door',
  'Harbour Light',
  'Stone Bridge',
  'The Quiet Corner',
  'River Garden',
];
const landmarks = [
  'the Market Hall',
  'Station Square',
  'the Town Library',
  'Castle Gate',
  'the Rose Theatre',
  'Mill Park',
];
const eatTypes = ['restaurant', 'pub', 'coffee shop'];

/** How each value of a slot is said: before the noun, after it, or as a sentence about "it". */
const phrases = {
  food: Object.fromEntries(
    ['Italian', 'Indian', 'French', 'Chinese', 'English', 'Japanese'].map((food) => [
      food,
      {
        before: [food],
        after: [`serving ${food} food`, `with ${food} food`],
        about: [`serves ${food} food`, `offers ${food} dishes`],
      },
    ]),
  ),
  priceRange: {
    cheap: { before: ['cheap', 'low-priced'], about: ['is cheap', 'has low prices'] },
    moderate: { before: ['moderately priced', 'mid-priced'], about: ['is moderately priced', 'has moderate prices'] },
    high: { before: ['expensive', 'high-priced'], about: ['is expensive', 'has high prices'] },
  },
  'customer rating': Object.fromEntries(
    ['low', 'average', 'high', '1 out of 5', '3 out of 5', '5 out of 5'].map((rating) => [
      rating,
      {
        after: [`with a customer rating of ${rating}`],
        about: [`has a customer rating of ${rating}`, `is rated ${rating} by its customers`],
      },
    ]),
  ),
  area: {
    'city centre': {
      after: ['in the city centre', 'in the centre of the city'],
      about: ['is in the city centre', 'lies in the centre of the city'],
    },
    riverside: {
      after: ['by the riverside', 'in the riverside area'],
      about: ['is in the riverside area', 'lies by the riverside'],
    },
  },
  familyFriendly: {
    yes: { before: ['family-friendly', 'child-friendly'], about: ['is family-friendly', 'welcomes families'] },
    no: { before: ['adults-only'], about: ['is not family-friendly', 'is not for families'] },
  },
  near: Object.fromEntries(
    landmarks.map((place) => [
      place,
      { after: [`near ${place}`, `close to ${place}`], about: [`is near ${place}`, `is close to ${place}`] },
    ]),
  ),
};
const optional = Object.keys(phrases);

const joined = (parts) => (parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`);

/** A meaning: name, kind, and two to five of the other slots in their usual order. */
function drawMeaning(random) {
  const chosen = shuffled(random, optional).slice(0, 2 + Math.floor(random() * 4));
  const slots = { name: choose(random, names), eatType: choose(random, eatTypes) };
  for (const slot of optional) if (chosen.includes(slot)) slots[slot] = choose(random, Object.keys(phrases[slot]));
  return slots;
}

const written = (slots) =>
  Object.entries(slots)
    .map(([slot, value]) => `${slot}[${value}]`)
    .join(', ');

/** One of the many ways to say a meaning. */
function say(random, { name, eatType, ...rest }) {
  const slots = shuffled(random, Object.entries(rest)).map(([slot, value]) => phrases[slot][value]);
  const first = { before: [], after: [] };
  const later = [];
  for (const phrase of slots) {
    const fits = ['before', 'after'].filter((place) => phrase[place] && first[place].length < 2);
    if (fits.length && random() < 0.65) {
      const place = choose(random, fits);
      first[place].push(choose(random, phrase[place]));
    } else later.push(choose(random, phrase.about));
  }
  const noun = [...first.before, eatType].join(' ');
  const what = [`${article(noun)} ${noun}`, ...first.after].join(' ');
  const opening = choose(random, [`${name} is ${what}.`, `${name} is ${what}.`, `There is ${what} called ${name}.`]);
  const sentences = later.length > 2 ? [later.slice(0, 2), later.slice(2)] : later.length ? [later] : [];
  return [opening, ...sentences.map((about) => `It ${joined(about)}.`)].join(' ');
}

const quoted = (cell) => `"${cell.replaceAll('"', '""')}"`;

/** The files by name. */
export function restaurantFiles() {
  const random = randomOf(20260901);
  const known = new Set();
  const split = (meanings, references) => {
    const lines = ['mr,ref'];
    for (let i = 0; i < meanings; i++) {
      let slots = drawMeaning(random);
      while (known.has(written(slots))) slots = drawMeaning(random);
      known.add(written(slots));
      const texts = new Set();
      for (let tries = 0; texts.size < references && tries < 40; tries++) texts.add(say(random, slots));
      for (const text of texts) lines.push(`${quoted(written(slots))},${quoted(text)}`);
    }
    return `${lines.join('\n')}\n`;
  };
  return { 'train.csv': split(480, 2), 'validation.csv': split(40, 4) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('../public/data/restaurants/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(restaurantFiles())) writeFileSync(new URL(name, folder), text);
}
