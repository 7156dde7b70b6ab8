/**
 * The embedded corpus: text from a small grammar, drawn from a seed, so that everything works with no network. Its entropy
 * rate is known from its construction, so that a loss can be compared with the best that is possible.
 *
 * A sentence has a topic, which its first word announces and all later words obey: a model must carry it to the end.
 * The text is a walk on a finite graph. Each state gives each token a probability; the token decides the next state; and the
 * tokens of a state are prefix-free as bytes (a word ends in its only space, the full stop is not a letter). So the bytes tell
 * the walk, and the entropy rate per byte is `Σ_s π(s) H(s) / Σ_s π(s) L(s)`, with the stationary distribution π, the entropy H
 * and the mean length L of a state's tokens. Source: Cover and Thomas, "Elements of Information Theory", theorem 4.2.4.
 */
import { randomStream } from "./random.ts";

/** One way on: these bytes, with this probability, to that state. */
interface Edge {
  readonly text: string;
  readonly probability: number;
  readonly next: string;
}

/** The edges of each state. */
export type Grammar = ReadonlyMap<string, readonly Edge[]>;

const TOPICS = 6;
/** Words of each kind in each topic. */
const WORDS = { noun: 24, verb: 16, adjective: 12 } as const;
const CONNECTIVES = ["and ", "while ", "because ", "until "];
const PARTICLES = ["the ", "a ", "every ", "some "];
/** Where a walk starts: before the first word of a sentence. */
const START = "start";

const CONSONANTS = [
  "b",
  "br",
  "d",
  "dr",
  "f",
  "g",
  "gl",
  "h",
  "k",
  "l",
  "m",
  "n",
  "p",
  "pl",
  "r",
  "s",
  "st",
  "t",
  "th",
  "v",
];
const VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
const ENDINGS = ["", "", "n", "r", "s", "l", "nd", "rt"];

/** Draws words that nobody drew before. */
function wordMaker(seed: number): () => string {
  const stream = randomStream(seed, "corpus/words");
  const pick = (list: readonly string[]) => list[stream.integer(0, list.length - 1)];
  const taken = new Set([...CONNECTIVES, ...PARTICLES].map((word) => word.trim()));
  return () => {
    for (;;) {
      const syllables = Array.from({ length: stream.integer(1, 3) }, () => pick(CONSONANTS) + pick(VOWELS));
      const word = syllables.join("") + pick(ENDINGS);
      if (!taken.has(word)) {
        taken.add(word);
        return word;
      }
    }
  };
}

/** Edges over words with Zipf's law: the k-th has a weight of 1/k. */
function zipf(words: readonly string[], share: number, next: string): Edge[] {
  const total = words.reduce((sum, _, k) => sum + 1 / (k + 1), 0);
  return words.map((word, k) => ({ text: `${word} `, probability: share / (k + 1) / total, next }));
}

const capital = (word: string) => word[0].toUpperCase() + word.slice(1);

/** The grammar of a seed: topics with their own words, sentences of noun phrases and verbs, joined by connectives. */
export function buildGrammar(seed: number): Grammar {
  const makeWord = wordMaker(seed);
  const words = (count: number) => Array.from({ length: count }, makeWord);
  const grammar = new Map<string, Edge[]>();
  const openers: Edge[] = [];
  for (let topic = 0; topic < TOPICS; topic++) {
    const state = (name: string) => `${topic}/${name}`;
    const nouns = words(WORDS.noun), verbs = words(WORDS.verb), adjectives = words(WORDS.adjective);
    openers.push({ text: `${capital(makeWord())} `, probability: 1 / TOPICS, next: state("verb") });
    grammar.set(state("verb"), zipf(verbs, 1, state("particle")));
    grammar.set(state("particle"), zipf(PARTICLES.map((word) => word.trim()), 1, state("noun phrase")));
    grammar.set(state("noun phrase"), [
      ...zipf(adjectives, 0.4, state("noun")),
      ...zipf(nouns, 0.6, state("after noun")),
    ]);
    grammar.set(state("noun"), zipf(nouns, 1, state("after noun")));
    grammar.set(state("after noun"), [
      ...zipf(CONNECTIVES.map((word) => word.trim()), 0.3, state("subject")),
      ...zipf(verbs, 0.3, state("particle")),
      { text: ".\n", probability: 0.4, next: START },
    ]);
    grammar.set(state("subject"), zipf(nouns, 1, state("verb")));
  }
  return new Map([[START, openers], ...grammar]);
}

/** Share of tokens that each state gives, in the long run: π = πP, by repeated multiplication. */
function stationary(grammar: Grammar): Map<string, number> {
  const states = [...grammar.keys()], place = new Map(states.map((state, i) => [state, i]));
  const edges = [...grammar.values()].flatMap((edges, from) => edges.map((edge) => ({ ...edge, from })));
  // In arrays of numbers: each edge is passed two thousand times.
  const from = Uint16Array.from(edges, (edge) => edge.from),
    to = Uint16Array.from(edges, ({ next }) => place.get(next)!);
  const probability = Float64Array.from(edges, (edge) => edge.probability);
  let share = new Float64Array(states.length).fill(1 / states.length);
  for (let round = 0; round < 2000; round++) {
    // Half of the old share is kept: the walk has a period (a sentence), which would never settle.
    const next = share.map((p) => p / 2);
    for (let i = 0; i < edges.length; i++) next[to[i]] += share[from[i]] * probability[i] / 2;
    share = next;
  }
  return new Map(states.map((state, i) => [state, share[i]]));
}

/** Entropy rate of a grammar's text, in nats per byte. */
export function entropyRate(grammar: Grammar): number {
  const share = stationary(grammar);
  let nats = 0, bytes = 0;
  for (const [state, edges] of grammar) {
    for (const { text, probability } of edges) {
      nats -= share.get(state)! * probability * Math.log(probability);
      bytes += share.get(state)! * probability * text.length;
    }
  }
  return nats / bytes;
}

export interface EmbeddedText {
  readonly text: Uint8Array<ArrayBuffer>;
  /** Nats per byte. */
  readonly entropy_rate: number;
}

/**
 * The embedded corpus.
 *
 * @param seed decides words, probabilities and the walk
 * @param length bytes; the last sentence is cut there
 */
export function generateEmbedded(seed: number, length: number): EmbeddedText {
  const grammar = buildGrammar(seed);
  const stream = randomStream(seed, "corpus/walk");
  const parts: string[] = [];
  let state = START;
  for (let bytes = 0; bytes < length;) {
    const edges = grammar.get(state)!;
    let rest = stream.uniform();
    const edge = edges.find(({ probability }) => (rest -= probability) < 0) ?? edges[edges.length - 1];
    parts.push(edge.text);
    bytes += edge.text.length;
    state = edge.next;
  }
  const text = new TextEncoder().encode(parts.join("")).slice(0, length);
  return { text, entropy_rate: entropyRate(grammar) };
}
