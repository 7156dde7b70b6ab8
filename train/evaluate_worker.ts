/** One worker: scores a share of a text's streams, draws a sample where one is wanted, and ends. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { messageOf } from "../cells/errors.ts";
import type { Tokens } from "./corpus/tokens/tokenizer.ts";
import type { Cut } from "./evaluate.ts";
import { LoadedModel } from "./model.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import { scoreStreams, type Share, type StreamScores } from "./score.ts";

export interface EvaluateRequest {
  readonly model: Uint8Array;
  readonly text: Tokens;
  readonly cut: Cut;
  readonly share: Share;
  readonly sampling?: SampleOptions;
}

export interface ShareEvaluation extends StreamScores {
  readonly drawn?: Tokens;
}

self.onmessage = async ({ data: { model, text, cut, share, sampling } }: MessageEvent<EvaluateRequest>) => {
  try {
    const loaded = await LoadedModel.open(model, { rows: share.streams, scores: true });
    const scores = await scoreStreams(loaded, text, cut, share);
    await loaded.close();
    const drawn = sampling && await drawText(model, sampling);
    self.postMessage({ ...scores, drawn } satisfies ShareEvaluation);
  } catch (error) {
    self.postMessage({ error: messageOf(error) });
  }
};

/** One row: a sample does not depend on how the score was computed. */
async function drawText(model: Uint8Array, sampling: SampleOptions): Promise<Tokens> {
  const loaded = await LoadedModel.open(model);
  const drawn = await sampleText(loaded, sampling);
  await loaded.close();
  return drawn;
}
