/** The score itself: cross-entropy of a text under a model, over parallel streams with carried state. */
import type { Tokens } from "./corpus/tokens/tokenizer.ts";
import type { Cut } from "./evaluate.ts";
import type { LoadedModel } from "./model.ts";

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
}

/**
 * Cross-entropy of `text[1…]`, each token scored once, given all tokens before it (within its stream and the warm-up).
 *
 * Stream `s` scores tokens `1 + s·length …`; it first reads `warm_up` tokens that are another stream's to score. The first
 * stream has nothing before it: it waits with a zero state.
 *
 * @param model opened for scores, with as many rows as the share has streams
 */
export async function scoreStreams(
  model: LoadedModel,
  text: Tokens,
  cut: Cut,
  { first, streams }: Share,
): Promise<StreamScores> {
  const last = text.length - 1;
  const length = Math.ceil(last / cut.streams);
  const scores = { nats: new Float64Array(streams), tokens: new Uint32Array(streams) };
  const tokens = new Uint16Array(streams), targets = new Uint16Array(streams);
  for (let t = -cut.warm_up; t < length; t++) {
    for (let row = 0; row < streams; row++) {
      const at = (first + row) * length + t;
      tokens[row] = text[at] ?? 0;
      targets[row] = text[at + 1] ?? 0;
      if (at === 0) model.forget(row);
    }
    const surprise = await model.surprise(tokens, targets);
    if (t < 0) continue;
    for (let row = 0; row < streams; row++) {
      if ((first + row) * length + t >= last) continue;
      scores.nats[row] += surprise[row];
      scores.tokens[row]++;
    }
  }
  return scores;
}
