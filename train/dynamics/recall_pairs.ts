/** Pairs of a state and a token that was read some steps before it: which of them are fitted to, and which are scored. */
import type { Values } from "../../cells/graph/interpreter.ts";
import { type RandomStream, randomStream } from "../corpus/random.ts";
import type { ReadoutRows } from "./readout.ts";
import type { Streams, Trajectory } from "./streams.ts";
import { whiten } from "./whitening.ts";

/** How many states of each stream are for what; they stand one after the other. */
interface Shares {
  /** The first state that has read enough tokens for the longest lag. */
  readonly first: number;
  readonly fitted: number;
  readonly validated: number;
  readonly scored: number;
}

/** Rows that choose a readout's scale, of all streams together, at most: enough for one number. */
const MOST_VALIDATED = 1024;

/** The last quarter of the states is scored; of those before it, the last eighth or less chooses the readout's scale. */
function sharesOf({ streams, tokens, warm_up }: Streams, lags: number): Shares {
  const first = Math.max(0, lags + 1 - warm_up), count = tokens - first, scored = Math.floor(count / 4);
  const validated = Math.min(Math.ceil((count - scored) / 8), Math.ceil(MOST_VALIDATED / streams));
  return { first, fitted: count - scored - validated, validated, scored };
}

/** Tokens that each stream must have, so that there is a state for each purpose. */
export function leastTokens(warm_up: number, lags: number): number {
  return Math.max(0, lags + 1 - warm_up) + 4;
}

/** Whitened states with what each has read. */
export class RecallPairs {
  readonly #classOf: ReadonlyMap<number, number>;

  private constructor(
    readonly rows: ReadoutRows,
    /** Tokens that occur, in ascending order: the classes of readouts. */
    readonly tokens: readonly number[],
    /** Of each row: where in the text stands the token that was read last. */
    private readonly ends: Int32Array,
    private readonly streams: Streams,
  ) {
    this.#classOf = new Map(tokens.map((token, i) => [token, i]));
  }

  /** Puts the visited states of all streams together, and whitens them by those that are fitted to. */
  static async of({ streams, states }: Trajectory, lags: number): Promise<RecallPairs> {
    const shares = sharesOf(streams, lags), { text, starts, tokens, warm_up } = streams;
    const order = rowsInOrder(shares, streams.streams);
    const parts = [...states.values()].map((own) => ({ own, width: own[0].length / tokens }));
    // A model that carries nothing has one number, which is always 0.
    const size = parts.reduce((sum, { width }) => sum + width, 0) || 1;
    const all = new Float64Array(order.length * size);
    order.forEach(({ stream, index }, row) => {
      let at = row * size;
      for (const { own, width } of parts) {
        all.set(own[stream].subarray(index * width, (index + 1) * width), at);
        at += width;
      }
    });
    const fitted = shares.fitted * streams.streams, validated = shares.validated * streams.streams;
    await whiten(all, size, fitted);
    const ends = Int32Array.from(order, ({ stream, index }) => starts[stream] + warm_up + index - 1);
    const read = new Set<number>();
    for (const end of ends) for (let lag = 0; lag <= lags; lag++) read.add(text[end - lag]);
    const rows = { states: all, size, fitted, validated, streams: streams.streams, scored: shares.scored };
    return new RecallPairs(rows, [...read].sort((a, b) => a - b), ends, streams);
  }

  /** For each row, the class of the token that was read `lag` steps before its last one. */
  classes(lag: number): Values {
    const classes = new Float64Array(this.ends.length), { text } = this.streams;
    for (let row = 0; row < classes.length; row++) classes[row] = this.#classOf.get(text[this.ends[row] - lag])!;
    return classes;
  }

  /** The same of lag 0, shuffled: within all rows that are fitted to, within those that choose the scale, and within those of each stream. */
  shuffledClasses(): Values {
    const classes = this.classes(0), random = randomStream(0, "byte recall: shuffled pairs");
    const { fitted, validated, streams, scored } = this.rows;
    shuffle(classes.subarray(0, fitted), random);
    shuffle(classes.subarray(fitted, fitted + validated), random);
    for (let stream = 0, first = fitted + validated; stream < streams; stream++, first += scored) {
      shuffle(classes.subarray(first, first + scored), random);
    }
    return classes;
  }
}

interface Row {
  readonly stream: number;
  /** Number of the state in its stream. */
  readonly index: number;
}

/** Rows as {@linkcode ReadoutRows} has them. */
function rowsInOrder({ first, fitted, validated, scored }: Shares, streams: number): Row[] {
  const part = (from: number, count: number): Row[] =>
    Array.from({ length: streams * count }, (_, i) => ({
      stream: Math.floor(i / count),
      index: from + i % count,
    }));
  const fit = part(first, fitted);
  shuffle(fit, randomStream(0, "byte recall: order of rows"));
  return [...fit, ...part(first + fitted, validated), ...part(first + fitted + validated, scored)];
}

/** In place, each order equally likely. Source: Fisher and Yates, in Durstenfeld's form, 1964. */
function shuffle<T>(values: { readonly length: number; [i: number]: T }, random: RandomStream): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    [values[i], values[j]] = [values[j], values[i]];
  }
}
