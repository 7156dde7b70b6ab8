/** One worker: scores a share of a text's streams, and draws a sample where one is wanted. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { EvaluateRequest, ShareEvaluation } from "./evaluate_protocol.ts";
import { scoreWindows } from "./state_resets.ts";
import { LoadedModel } from "./model.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import { scoreTexts } from "./score.ts";
import { type Numbered, type Refusal, refusalOf } from "../process/worker_reply.ts";

/** Windows that are scored side by side. */
const WINDOW_ROWS = 256;

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
  { model, test, validation, windows: asked, stop }: EvaluateRequest,
): Promise<ShareEvaluation> {
  // One session for all that is scored: to open it takes as long as to score some thousand tokens.
  const loaded = await LoadedModel.open(model, { scores: true, isStopped: isSet(stop) });
  try {
    const [scores, ...second] = await scoreTexts(loaded, validation ? [test, validation] : [test]);
    const windows = asked &&
      await scoreWindows(loaded.withRows(WINDOW_ROWS), test.text, asked.tokens, asked.range);
    return { test: scores, validation: second[0], windows };
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
