/** What an evaluation and its workers say to each other. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { StartRange, WindowScores } from "./state_resets.ts";
import type { SampleOptions } from "./sample_text.ts";
import type { Cut, Share, StreamScores } from "./score.ts";

/** A text, and the streams of it that one worker scores. */
export interface SharedText {
  readonly text: Tokens;
  readonly cut: Cut;
  readonly share: Share;
}

export interface EvaluateRequest extends SharedText {
  readonly model: Uint8Array;
  /** A second text; absent where none is asked for, or other workers have all its streams. */
  readonly validation?: SharedText;
  readonly windows?: { readonly tokens: number; readonly range: StartRange };
  readonly sampling?: SampleOptions;
  /** One number in shared memory; other than 0 once the evaluation is to be given up. */
  readonly stop?: Int32Array;
}

export interface ShareEvaluation extends StreamScores {
  readonly validation?: StreamScores;
  readonly windows?: WindowScores;
  readonly drawn?: Tokens;
}
