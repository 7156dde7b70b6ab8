/** Which parts of a text measures of a model's dynamics read, for those who say so without reading any. */

/** Which parts of a text are read; all of it may be absent, and each measure says what it takes then. */
export interface StreamOptions {
  /**
   * Parts that are read side by side, each from a state of its own; standard errors are over them. Stream `s` of `S` starts at token
   * `s · ⌊(length − 1) / S⌋` of the text.
   */
  readonly streams?: number;
  /** Tokens of each stream that are measured. */
  readonly tokens?: number;
  /**
   * Tokens that each stream reads before these, from a zero state; they are not measured. Where a model's forgetting time is not much shorter, what is
   * measured begins on the way from the zero state, in all streams alike: standard errors do not show it.
   */
  readonly warm_up?: number;
}

/** What is read where neither the caller nor the measure says otherwise. */
export const USUAL_STREAMS: Required<StreamOptions> = { streams: 8, tokens: 4096, warm_up: 512 };

/** The longest lag of byte recall where the caller does not say otherwise. */
export const RECALL_LAGS = 16;
