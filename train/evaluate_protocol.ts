/** What an evaluation and its workers say to each other. */
import type { Tokens } from "./corpus/tokens/tokenizer.ts";
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
}

export interface ShareEvaluation extends StreamScores {
  readonly windows?: WindowScores;
  readonly drawn?: Tokens;
}
