/** What an evaluation and its workers say to each other. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { StartRange, WindowScores } from "./state_resets.ts";
import type { SampleOptions } from "./sample_text.ts";
import type { ScoreProvider } from "./providers.ts";
import type { SharedText, StreamScores } from "./score.ts";

/** What one worker is to do: try a provider, or something with a model. */
export type EvaluateRequest = { readonly check: ScoreProvider } | ModelRequest;

export interface ModelRequest {
  readonly model: Uint8Array;
  readonly scores?: ScoreRequest;
  readonly windows?: WindowsRequest;
  readonly sampling?: SampleOptions;
  /** One number in shared memory; other than 0 once the evaluation is to be given up. */
  readonly stop?: Int32Array;
}

/** What one worker is to score. */
export interface ScoreRequest {
  readonly provider: ScoreProvider;
  readonly test: SharedText;
  /** A second text; absent where none is asked for, or other workers have all its streams. */
  readonly validation?: SharedText;
}

/** Windows that one worker is to score with resets, on the CPU. */
export interface WindowsRequest {
  readonly text: Tokens;
  /** Tokens of the text that all windows are of. */
  readonly tokens: number;
  readonly range: StartRange;
}

/** What came of each part of a request. */
export interface ShareEvaluation {
  readonly scores?: { readonly test: StreamScores; readonly validation?: StreamScores };
  readonly windows?: WindowScores;
  readonly drawn?: Tokens;
}
