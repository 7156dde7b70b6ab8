/** The score itself: cross-entropy of a text under a model, over parallel streams with carried state. */
import { maxOf, minOf } from "../../cells/extremes.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { RowReader, ScoringModel } from "./scoring_model.ts";

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

/**
 * Scores texts, all at once as far as they are few rows: half of what a step of a small model takes does not depend on its rows.
 *
 * @returns of each text
 */
export async function scoreTexts(model: ScoringModel, texts: readonly SharedText[]): Promise<StreamScores[]> {
  if (rowsOf(texts) <= model.rows) return await scoreStreams(model, texts);
  const scores: StreamScores[] = [];
  for (const text of texts) {
    const parts: StreamScores[] = [];
    for (const part of partsOf(text, model.rows)) {
      const [scores] = await scoreStreams(model, [part]);
      parts.push(scores);
    }
    scores.push(joined(parts));
  }
  return scores;
}

const rowsOf = (texts: readonly SharedText[]) => texts.reduce((sum, { share }) => sum + share.streams, 0);

/** The streams of a share, so many at a time. */
function partsOf(text: SharedText, rows: number): SharedText[] {
  const { first, streams } = text.share, parts = Math.ceil(streams / rows);
  return Array.from({ length: parts }, (_, i) => {
    const begin = i * rows;
    return { ...text, share: { first: first + begin, streams: Math.min(rows, streams - begin) } };
  });
}

function joined(parts: readonly StreamScores[]): StreamScores {
  return {
    nats: Float64Array.from(parts.flatMap(({ nats }) => [...nats])),
    tokens: Uint32Array.from(parts.flatMap(({ tokens }) => [...tokens])),
    each: Float32Array.from(parts.flatMap(({ each }) => [...each])),
  };
}

/** Cross-entropy of `text[1…]` of each text, each token scored once, given all tokens before it (within its stream and the warm-up). */
async function scoreStreams(model: ScoringModel, texts: readonly SharedText[]): Promise<StreamScores[]> {
  const rows = rowsOf(texts), reader = model.reader(rows);
  let row = 0;
  const streams = texts.map((text) => {
    const each = new Streams(text, row, rows);
    row += text.share.streams;
    return each;
  });
  try {
    const steps = maxOf(streams.map(({ steps }) => steps)), text = new Int32Array((reader.steps + 1) * rows);
    for (let step = 0; step < steps;) {
      for (const each of streams) each.forget(step, reader);
      const count = minOf(streams.map((each) => each.untilForget(step)), Math.min(reader.steps, steps - step));
      for (const each of streams) each.read(step, count, text);
      const nll = await reader.nll(text, count);
      for (const each of streams) each.score(step, count, nll);
      step += count;
    }
  } finally {
    reader.close();
  }
  return streams.map(({ scores }) => scores);
}

/**
 * The streams of a text in consecutive rows of a reader. Stream `s` scores tokens `1 + s·length …`; it first reads `warm_up` tokens that are
 * another stream's to score. A stream whose warm-up would begin before the text waits: at the text's beginning it forgets what it read.
 */
class Streams {
  readonly scores: StreamScores;
  /** Tokens that each stream reads. */
  readonly steps: number;
  /** Of the first stream: the position of its part in the text. */
  readonly #begin: number;
  readonly #length: number;

  /**
   * @param row the first of their rows
   * @param rows of the reader
   */
  constructor(private readonly shared: SharedText, private readonly row: number, private readonly rows: number) {
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

  /** Has the streams forget that are at the beginning of the text. */
  forget(step: number, reader: RowReader): void {
    const stream = -this.#at(0, step) / this.#length;
    if (Number.isInteger(stream) && stream >= 0 && stream < this.shared.share.streams) reader.forget(this.row + stream);
  }

  /** Steps from this one to the next at which a stream forgets. */
  untilForget(step: number): number {
    // Stream `s` forgets when `s · length` tokens are left to the first one's beginning of the text: the last that has not is the next.
    const left = -this.#at(0, step), stream = Math.min(this.shared.share.streams, Math.ceil(left / this.#length)) - 1;
    return stream < 0 ? Infinity : left - stream * this.#length;
  }

  /** Puts what is read at `count` steps, and what follows, into the rows. */
  read(step: number, count: number, tokens: Int32Array): void {
    const { text, share: { streams } } = this.shared;
    for (let t = 0; t <= count; t++) {
      let at = this.#at(0, step + t), to = t * this.rows + this.row;
      for (let stream = 0; stream < streams; stream++, at += this.#length) tokens[to++] = text[at] ?? 0;
    }
  }

  /** Takes what came of `count` steps. */
  score(step: number, count: number, nll: Float32Array): void {
    for (let t = 0; t < count; t++) this.#scoreStep(step + t, nll, t * this.rows + this.row);
  }

  #scoreStep(step: number, nll: Float32Array, from: number): void {
    const { text, cut, share: { streams } } = this.shared, { nats, tokens, each } = this.scores;
    if (step < cut.warm_up || step >= this.steps) return;
    for (let stream = 0; stream < streams; stream++) {
      const at = this.#at(stream, step);
      if (at >= text.length - 1) continue;
      const value = nll[from + stream];
      nats[stream] += value;
      tokens[stream]++;
      // Beyond its end, an array ignores what is written.
      each[at - this.#begin] = value;
    }
  }
}
