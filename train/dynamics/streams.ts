/** How a text is read by measures of a model's dynamics: in parallel streams, from a state that is not the zero one. */
import { checkWhole } from "../../cells/bounds.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { INPUTS } from "../../cells/language_model.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { checkTokens } from "../engines/engine.ts";
import { type StreamOptions, USUAL_STREAMS } from "./stream_options.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** A text, and which parts of it are read. */
export interface Streams extends Required<StreamOptions> {
  readonly text: Tokens;
  /** Where each stream starts in the text, warm-up included. */
  readonly starts: readonly number[];
}

/**
 * Cuts a text.
 *
 * @param action what an error says was being done
 * @param absent what is taken where an option is absent
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 */
export function cutStreams(
  text: Tokens,
  options: StreamOptions,
  { sizes }: Pick<CheckedModel, "sizes">,
  action: string,
  absent: Required<StreamOptions> = USUAL_STREAMS,
): Streams {
  const { streams = absent.streams, tokens = absent.tokens, warm_up = absent.warm_up } = options;
  checkWhole(action, "streams", streams, 1);
  checkWhole(action, "tokens", tokens, 1);
  checkWhole(action, "warm_up", warm_up, 0);
  const needed = streams * (warm_up + tokens) + 1;
  if (text.length < needed) {
    throw new RangeError(
      `Cannot ${action}: the text has ${text.length} tokens, must have at least ${needed} ` +
        `for ${streams} streams of ${warm_up} + ${tokens}`,
    );
  }
  checkTokens(action, text, sizes.vocabulary);
  const length = Math.floor((text.length - 1) / streams);
  return { text, streams, tokens, warm_up, starts: Array.from({ length: streams }, (_, s) => s * length) };
}

/** What a step of an evaluation graph reads of each stream at a position, counted from the stream's start. */
export function tokenFeeds(
  text: Tokens,
  starts: readonly number[],
  position: number,
): [name: string, tokens: Values][] {
  const read = Float64Array.from(starts, (start) => text[start + position]);
  return [INPUTS.bytes, INPUTS.tokens].map((name) => [name, read]);
}

/** The states before each measured token, by name: for each stream `[tokens, size]`, row-major. */
export type VisitedStates = ReadonlyMap<string, readonly Values[]>;

/** Streams that a model has read, with the states that it visited. */
export interface Trajectory {
  readonly streams: Streams;
  readonly states: VisitedStates;
}

/** The first `tokens` of each stream: for a measure that reads fewer than were walked through. Nothing is copied. */
export function firstTokens({ streams, states }: Trajectory, tokens: number): Trajectory {
  const shorter = (own: Values) => own.subarray(0, own.length / streams.tokens * tokens);
  return {
    streams: { ...streams, tokens },
    states: new Map([...states].map(([name, each]) => [name, each.map(shorter)])),
  };
}
