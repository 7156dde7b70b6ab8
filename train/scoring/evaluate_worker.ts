/** One worker: scores a share of a text's streams, and draws a sample where one is wanted. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { EvaluateRequest, ShareEvaluation } from "./evaluate_protocol.ts";
import { scoreWindows } from "./state_resets.ts";
import { LoadedModel } from "./model.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import { scoreStreams } from "./score.ts";
import { type Numbered, type Refusal, refusalOf } from "../process/worker_reply.ts";

/** Windows that are scored side by side. */
const WINDOW_ROWS = 128;

self.onmessage = async ({ data }: MessageEvent<Numbered<EvaluateRequest>>) => {
  const reply = await answer(data).catch(refusalOf);
  self.postMessage({ number: data.number, ...reply } satisfies Numbered<ShareEvaluation | Refusal>);
};

async function answer(request: EvaluateRequest): Promise<ShareEvaluation> {
  const scores = await scoreShare(request);
  const drawn = request.sampling && await drawText(request.model, request.sampling, isSet(request.stop));
  return { ...scores, drawn };
}

function isSet(stop: Int32Array | undefined): () => boolean {
  return () => stop !== undefined && Atomics.load(stop, 0) !== 0;
}

async function scoreShare(
  { model, text, cut, share, validation: second, windows: asked, stop }: EvaluateRequest,
): Promise<ShareEvaluation> {
  // One session for all that is scored: to open it takes as long as to score some thousand tokens.
  const loaded = await LoadedModel.open(model, { rows: share.streams, scores: true, isStopped: isSet(stop) });
  try {
    const scores = await scoreStreams(loaded, text, cut, share, asked?.tokens);
    const validation = second &&
      await scoreStreams(loaded.withRows(second.share.streams), second.text, second.cut, second.share);
    const windows = asked && await scoreWindows(loaded.withRows(WINDOW_ROWS), text, asked.tokens, asked.range);
    return { ...scores, validation, windows };
  } finally {
    await loaded.close();
  }
}

/** One row: a sample does not depend on how the score was computed. */
async function drawText(model: Uint8Array, sampling: SampleOptions, isStopped: () => boolean): Promise<Tokens> {
  const loaded = await LoadedModel.open(model, { isStopped });
  try {
    return await sampleText(loaded, sampling);
  } finally {
    await loaded.close();
  }
}
