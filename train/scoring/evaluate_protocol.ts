/** What an evaluation and its workers say to each other. */
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { StartRange, WindowScores } from "./memory_gain.ts";
import type { SampleOptions } from "./sample_text.ts";
import type { Cut, Share, StreamScores } from "./score.ts";

export interface EvaluateRequest {
  readonly model: Uint8Array;
  readonly text: Tokens;
  readonly cut: Cut;
  readonly share: Share;
  readonly windows?: { readonly tokens: number; readonly range: StartRange };
  readonly sampling?: SampleOptions;
  /** One number in shared memory; other than 0 once the evaluation is to be given up. */
  readonly stop?: Int32Array;
}

export interface ShareEvaluation extends StreamScores {
  readonly windows?: WindowScores;
  readonly drawn?: Tokens;
}
