/** What an evaluation and its workers say to each other. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { StartRange, WindowScores } from "./state_resets.ts";
import type { SampleOptions } from "./sample_text.ts";
import type { SharedText, StreamScores } from "./score.ts";

export interface EvaluateRequest {
  readonly model: Uint8Array;
  readonly test: SharedText;
  /** A second text; absent where none is asked for, or other workers have all its streams. */
  readonly validation?: SharedText;
  /** Windows of the first text that are scored with resets, among so many of its tokens. */
  readonly windows?: { readonly tokens: number; readonly range: StartRange };
  readonly sampling?: SampleOptions;
  /** One number in shared memory; other than 0 once the evaluation is to be given up. */
  readonly stop?: Int32Array;
}

export interface ShareEvaluation {
  readonly test: StreamScores;
  readonly validation?: StreamScores;
  readonly windows?: WindowScores;
  readonly drawn?: Tokens;
}
