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
 * Cross-entropy of `text[1…]`, each token scored once, given all tokens before it (within its stream and the warm-up).
 *
 * Stream `s` scores tokens `1 + s·length …`; it first reads `warm_up` tokens that are another stream's to score. The first
 * stream has nothing before it: it waits with a zero state.
 *
 * @param model opened for scores, with as many rows as the share has streams
 * @param each of so many tokens from the beginning of the text, the cross-entropy is kept
 */
export async function scoreStreams(
  model: LoadedModel,
  text: Tokens,
  cut: Cut,
  { first, streams }: Share,
  each: number = 0,
): Promise<StreamScores> {
  const last = text.length - 1;
  const length = Math.ceil(last / cut.streams);
  const begin = first * length, end = Math.min(each, begin + streams * length);
  const scores = {
    nats: new Float64Array(streams),
    tokens: new Uint32Array(streams),
    each: new Float32Array(Math.max(0, end - begin)),
  };
  const tokens = new Uint16Array(streams), targets = new Uint16Array(streams);
  for (let t = -cut.warm_up; t < length; t++) {
    for (let row = 0; row < streams; row++) {
      const at = begin + row * length + t;
      tokens[row] = text[at] ?? 0;
      targets[row] = text[at + 1] ?? 0;
      if (at === 0) model.forget(row);
    }
    const nll = await model.nll(tokens, targets);
    if (t < 0) continue;
    for (let row = 0; row < streams; row++) {
      const at = begin + row * length + t;
      if (at >= last) continue;
      scores.nats[row] += nll[row];
      scores.tokens[row]++;
      // Beyond its end, an array ignores what is written.
      scores.each[at - begin] = nll[row];
    }
  }
  return scores;
}
