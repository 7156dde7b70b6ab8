/** One worker: scores a share of a text's streams, and draws a sample where one is wanted. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { EvaluateRequest, ScoreRequest, ShareEvaluation, WindowsRequest } from "./evaluate_protocol.ts";
import { scoreWindows } from "./state_resets.ts";
import { LoadedModel } from "./model.ts";
import { checkProvider } from "./provider_check.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import { scoreTexts } from "./score.ts";
import { ScoringModel } from "./scoring_model.ts";
import { type Numbered, type Refusal, refusalOf } from "../process/worker_reply.ts";

self.onmessage = async ({ data }: MessageEvent<Numbered<EvaluateRequest>>) => {
  const reply = await answer(data).catch(refusalOf);
  self.postMessage({ number: data.number, ...reply } satisfies Numbered<ShareEvaluation | Refusal>);
};

async function answer(request: EvaluateRequest): Promise<ShareEvaluation> {
  if ("check" in request) {
    await checkProvider(request.check);
    return {};
  }
  const { model, scores, windows, sampling, stop } = request;
  const isStopped = () => stop !== undefined && Atomics.load(stop, 0) !== 0;
  return {
    ...await score(model, scores, windows, isStopped),
    drawn: sampling && await drawText(model, sampling, isStopped),
  };
}

async function score(
  bytes: Uint8Array,
  asked: ScoreRequest | undefined,
  windows: WindowsRequest | undefined,
  isStopped: () => boolean,
): Promise<Pick<ShareEvaluation, "scores" | "windows">> {
  if (!asked && !windows) return {};
  // Opened once for all that is scored: that takes as long as to score some thousand tokens.
  const model = await ScoringModel.open(bytes, { provider: asked?.provider, isStopped });
  try {
    return {
      scores: asked && await scoreShare(model, asked),
      windows: windows && await scoreWindows(model, windows.text, windows.tokens, windows.range),
    };
  } finally {
    await model.close();
  }
}

async function scoreShare(
  model: ScoringModel,
  { test: text, validation: second }: ScoreRequest,
): Promise<NonNullable<ShareEvaluation["scores"]>> {
  const [test, validation] = await scoreTexts(model, second ? [text, second] : [text]);
  return { test, validation };
}

/** On the CPU: a sample does not depend on where the score is computed. */
async function drawText(model: Uint8Array, sampling: SampleOptions, isStopped: () => boolean): Promise<Tokens> {
  const loaded = await LoadedModel.open(model, { isStopped });
  try {
    return await sampleText(loaded, sampling);
  } finally {
    await loaded.close();
  }
}
