/** The score itself: cross-entropy of a text under a model, over parallel streams with carried state. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { LoadedModel } from "./model.ts";

/** How a text is cut for scoring: `streams` parts side by side, each after `warm_up` unscored tokens. */
export interface Cut {
  /** Parts, each with a state of its own; at least 1. */
  readonly streams: number;
  /** Tokens that a stream reads before its part, to have a state when it begins; 0: it begins with zeros. */
  readonly warm_up: number;
}

/** Some streams of a cut that one worker reads: `streams` of them, from number `first`. */
export interface Share {
  readonly first: number;
  readonly streams: number;
}

/** A text, and the streams of it that one worker scores. */
export interface SharedText {
  readonly text: Tokens;
  readonly cut: Cut;
  readonly share: Share;
  /** Of so many tokens from the beginning of the text, the cross-entropy is kept; absent: of none. */
  readonly each?: number;
}

/** What a stream scored. */
export interface StreamScores {
  /** Summed cross-entropy of each stream, nats. */
  readonly nats: Float64Array;
  /** Tokens that each scored. */
  readonly tokens: Uint32Array;
  /** Cross-entropy of each token of the first streams, as far as they are asked for, one stream after the other. */
  readonly each: Float32Array;
}

/** Rows that are read at once: logits of 256 rows of the largest vocabulary take 64 MiB. */
const MOST_ROWS = 256;

/**
 * Scores texts: {@linkcode scoreStreams} of all at once, as far as they are few rows. Half of what a step of a small model takes does not
 * depend on its rows.
 *
 * @param model opened for scores
 * @returns of each text
 */
export async function scoreTexts(model: LoadedModel, texts: readonly SharedText[]): Promise<StreamScores[]> {
  const rows = (each: readonly SharedText[]) => each.reduce((sum, { share }) => sum + share.streams, 0);
  if (rows(texts) <= MOST_ROWS) return await scoreStreams(model.withRows(rows(texts)), texts);
  const scores: StreamScores[] = [];
  for (const text of texts) {
    const [own] = await scoreStreams(model.withRows(rows([text])), [text]);
    scores.push(own);
  }
  return scores;
}

/**
 * Cross-entropy of `text[1…]` of each text, each token scored once, given all tokens before it (within its stream and the warm-up).
 *
 * @param model opened for scores, with as many rows as the shares have streams
 */
async function scoreStreams(model: LoadedModel, texts: readonly SharedText[]): Promise<StreamScores[]> {
  let rows = 0;
  const readers = texts.map((text) => {
    const reader = new StreamReader(text, rows);
    rows += text.share.streams;
    return reader;
  });
  const tokens = new Uint16Array(rows), targets = new Uint16Array(rows);
  const steps = readers.reduce((most, reader) => Math.max(most, reader.steps), 0);
  for (let step = 0; step < steps; step++) {
    for (const reader of readers) reader.read(step, tokens, targets, model);
    const nll = await model.nll(tokens, targets);
    for (const reader of readers) reader.score(step, nll);
  }
  return readers.map(({ scores }) => scores);
}

/**
 * The streams of a text in consecutive rows of a model. Stream `s` scores tokens `1 + s·length …`; it first reads `warm_up` tokens that are
 * another stream's to score. The first stream has nothing before it: it waits with a zero state.
 */
class StreamReader {
  readonly scores: StreamScores;
  /** Tokens that each stream reads. */
  readonly steps: number;
  /** Of the first stream: the position of its part in the text. */
  readonly #begin: number;
  readonly #length: number;

  /** @param row the first of its rows */
  constructor(private readonly shared: SharedText, private readonly row: number) {
    const { text, cut, share: { first, streams }, each = 0 } = shared;
    this.#length = Math.ceil((text.length - 1) / cut.streams);
    this.#begin = first * this.#length;
    this.steps = cut.warm_up + this.#length;
    const kept = Math.min(each, this.#begin + streams * this.#length) - this.#begin;
    this.scores = {
      nats: new Float64Array(streams),
      tokens: new Uint32Array(streams),
      each: new Float32Array(Math.max(0, kept)),
    };
  }

  /** Position in the text of what a stream reads at a step. */
  #at(stream: number, step: number): number {
    return this.#begin + stream * this.#length + step - this.shared.cut.warm_up;
  }

  /** Puts what is read at a step, and what follows it, into the rows. */
  read(step: number, tokens: Uint16Array, targets: Uint16Array, model: LoadedModel): void {
    const { text, share: { streams } } = this.shared;
    for (let stream = 0, row = this.row; stream < streams; stream++, row++) {
      const at = this.#at(stream, step);
      tokens[row] = text[at] ?? 0;
      targets[row] = text[at + 1] ?? 0;
      if (at === 0) model.forget(row);
    }
  }

  /** Takes what came of a step. */
  score(step: number, nll: Float32Array): void {
    const { text, cut, share: { streams } } = this.shared, { nats, tokens, each } = this.scores;
    if (step < cut.warm_up || step >= this.steps) return;
    for (let stream = 0; stream < streams; stream++) {
      const at = this.#at(stream, step);
      if (at >= text.length - 1) continue;
      const value = nll[this.row + stream];
      nats[stream] += value;
      tokens[stream]++;
      // Beyond its end, an array ignores what is written.
      each[at - this.#begin] = value;
    }
  }
}
