/** One worker: scores a share of a text's streams, draws a sample where one is wanted, and ends. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { messageOf } from "../cells/errors.ts";
import type { Tokens } from "./corpus/tokens/tokenizer.ts";
import type { Cut } from "./evaluate.ts";
import { scoreWindows, type StartRange, type WindowScores } from "./memory_gain.ts";
import { LoadedModel } from "./model.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import { scoreStreams, type Share, type StreamScores } from "./score.ts";

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

/** Windows that are scored side by side. */
const WINDOW_ROWS = 128;

self.onmessage = async ({ data }: MessageEvent<EvaluateRequest>) => {
  const { model, text, cut, share, windows: asked, sampling } = data;
  try {
    const loaded = await LoadedModel.open(model, { rows: share.streams, scores: true });
    const scores = await scoreStreams(loaded, text, cut, share, asked?.tokens);
    const windows = asked && await scoreWindows(loaded.withRows(WINDOW_ROWS), text, asked.tokens, asked.range);
    await loaded.close();
    const drawn = sampling && await drawText(model, sampling);
    self.postMessage({ ...scores, windows, drawn } satisfies ShareEvaluation);
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
