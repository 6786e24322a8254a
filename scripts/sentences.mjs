/**
 * Writes the bundled sample, `public/data/sample/`: sentences that praise or complain. Some are written by hand as a whole
 * (`sentences/whole.txt`), the others are drawn from hand-written patterns (`sentences/patterns.txt`) and phrases (`sentences/topics.txt`).
 * Run: node scripts/sentences.mjs
 *
 * The split is by content: what is said of a thing (the soup: "was cold in the middle") belongs either to training or to validation, so
 * that a validation sentence puts known words together in a way that training has not shown. Every choice is drawn from a seeded
 * generator, so that the files are the same each time.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { article, choose, randomOf, shuffled } from './drawing.mjs';

const counts = { 'train.tsv': 1200, 'validation.tsv': 300 };
/** Of what can be said of the things, this share belongs to validation. */
const heldOut = 0.25;
/** And this share of the pairs that were written as a whole. */
const wholeHeldOut = 0.2;
/** How often a phrase is one that goes with every topic. */
const commonShare = 0.4;
/** A validation sentence shares at most this much of its runs of three words with any one training sentence. */
const mostShared = 0.6;
/** What visitors are asked to try: in neither file. */
const keptOut = ['This is terrible and I hate it.', 'What a lovely evening, I would come again.'];

const objects = { it: 'it', he: 'him', she: 'her' };
const determiners = ['the', 'the', 'the', 'our', 'this', 'that'];
const epithets = ['new', 'old', 'second', 'first', 'little'];
const people = (
  'my sister, my brother, my aunt, the neighbour, our guide, my boss, her husband, a friend of mine, the advertisement, ' +
  'the man at the door, everybody else, the critic, my teacher, a stranger'
).split(', ');
const openers = (
  'to be honest, | in my opinion, | if you ask me, | looking back, | as far as I could tell, | I must say that | ' +
  'we both thought that | I can only say that | I have to report that | on the day | as it happened,'
).split(' | ');

const linesOf = (name) =>
  readFileSync(new URL(`sentences/${name}.txt`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));

/** `[{ pronoun, things: [{ noun, mass }], phrases, adjectives }]`; phrases and adjectives by label, complaint first. */
function readTopics() {
  const topics = [];
  for (const line of linesOf('topics')) {
    const [field, value] = line.split(': ');
    const items = value?.split(' | ');
    if (!items) topics.push({ pronoun: 'it' });
    const topic = topics.at(-1);
    if (field === 'pronoun') topic.pronoun = value;
    if (field === 'things')
      topic.things = items.map((item) => ({ noun: item.replace('*', ''), mass: item.startsWith('*') }));
    if (field === 'good') topic.good = items;
    if (field === 'bad') topic.phrases = [items, topic.good];
    if (field === 'pairs') topic.adjectives = [1, 0].map((side) => items.map((pair) => pair.split('/')[side]));
  }
  return topics;
}

/** `[{ kind, share, lines: [by label] }]`: the kinds of sentences, their shares in hundredths, and their patterns. */
function readKinds(name) {
  const kinds = [];
  for (const line of linesOf(name)) {
    if (line.startsWith('kind ')) {
      const [, kind, share] = line.split(' ');
      kinds.push({ kind, share: Number(share), lines: [[], []] });
    } else for (const label of [0, 1]) if (line[0] !== '+-'[label]) kinds.at(-1).lines[label].push(line.slice(2));
  }
  return kinds;
}

/** The text with a capital at the beginning of each sentence. */
const capitals = (text) => text.replace(/(^|[.!] )[a-z]/g, (start) => start.toUpperCase());

/** Draws one sentence of a pattern for a label: its text, and what it says of which thing. */
function fill(random, [common, ...topics], pattern, label) {
  const topic = choose(random, topics);
  const things = pattern.includes('{one') ? topic.things.filter(({ mass }) => !mass) : topic.things;
  const [S, O] = shuffled(random, things);
  const determiner = choose(random, determiners);
  const epithet = pattern.includes('{n}') || random() < 0.65 || / /.test(S.noun) ? '' : `${choose(random, epithets)} `;
  const said = new Set();
  const say = (thing, kind, side) => {
    const from = random() < commonShare ? common : topic;
    const left = from[kind][side].filter((phrase) => !said.has(`${thing.noun}: ${phrase}`));
    const phrase = choose(random, left);
    said.add(`${thing.noun}: ${phrase}`);
    return phrase;
  };
  const a = ({ mass }, words) => (mass ? words : `${article(words)} ${words}`);
  const text = pattern
    .replace(/\[([^\]]*)\]/g, (_, options) => choose(random, options.split('|')))
    .replace(/\{([^}]*)\}/g, (_, slot) => {
      if (slot === 'S') return `${determiner} ${epithet}${S.noun}`;
      if (slot === 'O') return `the ${O.noun}`;
      if (slot === 'n') return S.noun;
      if (slot === 'it') return topic.pronoun;
      if (slot === 'him') return objects[topic.pronoun];
      if (slot === 'who') return choose(random, people);
      const side = slot.endsWith('+') ? label : 1 - label;
      const adjective = () => say(slot.includes('O') ? O : S, 'adjectives', side);
      if (slot.startsWith('a')) return adjective();
      if (slot.startsWith('A')) return a(S, `${adjective()} ${S.noun}`);
      if (slot.startsWith('one')) return a(S, `${adjective()} one`);
      return say(slot.includes('O') ? O : S, 'phrases', side);
    });
  const opened = /^\{S\}/.test(pattern) && random() < 0.15 ? `${choose(random, openers)} ${text}` : text;
  return { text: capitals(opened), said: [...said] };
}

/** A share in [0, 1) that is the text's own (FNV-1a): which side of the split it is on. */
function shareOf(text) {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return randomOf(hash)();
}

const wordsOf = (text) => text.toLowerCase().match(/[a-z'é]+/g);
const runsOf = (text) => {
  const words = wordsOf(text);
  return new Set(words.slice(2).map((_, i) => words.slice(i, i + 3).join(' ')));
};

/** Whether the validation sentence is nearly in the training sentence. */
function near(validation, train) {
  let shared = 0;
  for (const run of validation.runs) if (train.runs.has(run)) shared++;
  return shared > mostShared * validation.runs.size;
}

/** The files by name. */
export function sampleFiles() {
  const random = randomOf(20260902);
  const topics = readTopics();
  const whole = readKinds('whole');
  const files = { 'validation.tsv': [], 'train.tsv': [] };
  const known = new Set(keptOut);
  const add = (made, text, label) => {
    const sentence = { text, label, runs: runsOf(text) };
    if (known.has(text) || files['validation.tsv'].some((validation) => near(validation, sentence))) return;
    known.add(text);
    made.push(sentence);
  };
  for (const [file, made] of Object.entries(files)) {
    const isHere = (text, share) => shareOf(text) < share === (file === 'validation.tsv');
    for (const { kind, share, lines } of readKinds('patterns')) {
      const written = whole.find((other) => other.kind === kind).lines;
      for (const label of [0, 1]) {
        const wanted = made.length + (counts[file] * share) / 200;
        written[label].forEach((text, i) => isHere(written[1][i], wholeHeldOut) && add(made, text, label));
        for (let drawn = 0; made.length < wanted; drawn++) {
          if (drawn > 200_000) throw new Error(`${file} has too few sentences of the kind ${kind}.`);
          const { text, said } = fill(random, topics, choose(random, lines[label]), label);
          if (said.every((what) => isHere(what, heldOut))) add(made, text, label);
        }
      }
    }
  }
  return Object.fromEntries(
    Object.entries(files).map(([file, made]) => [
      file,
      `sentence\tlabel\n${shuffled(
        random,
        made.map(({ text, label }) => `${text}\t${label}\n`),
      ).join('')}`,
    ]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('../public/data/sample/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(sampleFiles())) writeFileSync(new URL(name, folder), text);
}
