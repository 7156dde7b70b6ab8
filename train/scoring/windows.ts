/** Windows of a text that are read from a zero state, those that begin alike together. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { RowReader, ScoringModel } from "./scoring_model.ts";

/** Tokens after which few windows are alike: from there on each is read by itself, a block of tokens at a time. */
const SHARED = 8;

/** What came of some tokens of each open window. */
export interface WindowTokens {
  /** Where the windows start that are still open. */
  readonly open: Int32Array;
  /** Of each the number of its node: windows that have been alike so far share one. */
  readonly nodes: Int32Array;
  /** Cross-entropy of what follows each token, nats: `[steps, nodes]`. */
  readonly nll: Float32Array;
  /** Tokens that were read. */
  readonly steps: number;
}

/**
 * Windows, read from their starts on. Each is as long as the largest power of two that divides its start: half of them close whenever twice as
 * much has been read. What they have read is a tree of tokens, of which the deepest nodes have a state each.
 */
export class Windows {
  #open: Int32Array;
  #nodes: Int32Array;
  /** Tokens after which the next windows close. */
  #length = 1;
  /** Of each node, the states one after the other: those that are read, and those that are written. */
  #states: Float32Array;
  #next: Float32Array;
  /** Of each new node the one above it, and a window that it is of. */
  readonly #parents: Int32Array;
  readonly #windows: Int32Array;
  #reader: RowReader | undefined;

  /** @param rows that are read at once, at least 2 */
  constructor(
    private readonly model: ScoringModel,
    private readonly text: Tokens,
    starts: Int32Array,
    private readonly rows: number,
  ) {
    this.#open = starts;
    // Before the first token, a node is that token.
    this.#nodes = starts.map((start) => text[start] ?? 0);
    this.#states = new Float32Array(starts.length * model.stateNumbers);
    this.#next = new Float32Array(starts.length * model.stateNumbers);
    this.#parents = new Int32Array(starts.length);
    this.#windows = new Int32Array(starts.length);
  }

  /** Reads the open windows on, of which `t` tokens have been read. */
  async read(t: number): Promise<WindowTokens> {
    if (t === this.#length) this.#close();
    const isShared = t < SHARED, steps = isShared ? 1 : this.#length - t, count = this.#grow(t, isShared);
    const nll = new Float32Array(steps * count), chunks = Math.ceil(count / this.rows);
    // About as many rows in each chunk, and more than one: a lone row is multiplied in another order.
    const rows = Math.max(2, Math.ceil(count / chunks));
    const reader = this.#reader?.rows === rows ? this.#reader : this.#reader = this.model.reader(rows);
    const tokens = new Int32Array((steps + 1) * rows);
    for (let first = 0; first < count; first += rows) {
      const end = Math.min(count, first + rows);
      if (t === 0) reader.reset();
      else this.#take(reader, first, end);
      for (let s = 0; s <= steps; s++) {
        for (let i = first; i < end; i++) tokens[s * rows + i - first] = this.text[this.#windows[i] + t + s] ?? 0;
      }
      const part = await reader.nll(tokens, steps);
      for (let s = 0; s < steps; s++) nll.set(part.subarray(s * rows, s * rows + end - first), s * count + first);
      this.#keep(reader, first, end);
    }
    [this.#states, this.#next] = [this.#next, this.#states];
    return { open: this.#open, nodes: this.#nodes, nll, steps };
  }

  /** Closes the windows that have been read to their end. */
  #close(): void {
    this.#length *= 2;
    const isOpen = (start: number) => start % this.#length === 0;
    this.#nodes = this.#nodes.filter((_, i) => isOpen(this.#open[i]));
    this.#open = this.#open.filter(isOpen);
  }

  /** Gives each window its new node, below the one that it has; those that read and predict alike share it. Returns how many there are. */
  #grow(t: number, isShared: boolean): number {
    const known = new Map<number, number>(), nodes = this.#nodes, open = this.#open;
    // More than any token.
    const base = 2 ** 16;
    let count = 0;
    for (let i = 0; i < nodes.length; i++) {
      const key = nodes[i] * base + (this.text[open[i] + t + 1] ?? 0), node = isShared ? known.get(key) : undefined;
      if (node === undefined) {
        if (isShared) known.set(key, count);
        this.#parents[count] = nodes[i];
        this.#windows[count] = open[i];
      }
      nodes[i] = node ?? count++;
    }
    return count;
  }

  /** Gives the rows the states above nodes `first` … `end`. Plain loops: for some numbers in a row, a view takes longer than to copy them. */
  #take({ states, rows }: RowReader, first: number, end: number): void {
    const from = this.#states, parents = this.#parents, numbers = this.model.stateNumbers;
    let offset = 0;
    for (const state of states) {
      const size = state.length / rows;
      for (let node = first, to = 0; node < end; node++) {
        for (let at = parents[node] * numbers + offset, stop = at + size; at < stop;) state[to++] = from[at++];
      }
      offset += size;
    }
  }

  /** Keeps the states of the rows as those of the new nodes `first` … `end`. */
  #keep({ states, rows }: RowReader, first: number, end: number): void {
    const to = this.#next, numbers = this.model.stateNumbers;
    let offset = 0;
    for (const state of states) {
      const size = state.length / rows;
      for (let node = first, from = 0; node < end; node++) {
        for (let at = node * numbers + offset, stop = at + size; at < stop;) to[at++] = state[from++];
      }
      offset += size;
    }
  }
}
