/** One worker, one ONNX session: scores a model and ends. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { Cut } from "./evaluate.ts";
import { LoadedModel } from "./model.ts";
import { scoreText } from "./score.ts";

interface Request {
  readonly model: Uint8Array;
  readonly text: Uint8Array;
  readonly threads: number;
  readonly cut: Cut;
}

self.onmessage = async ({ data: { model, text, threads, cut } }: MessageEvent<Request>) => {
  try {
    const loaded = await LoadedModel.open(model, { rows: cut.streams, threads });
    const score = await scoreText(loaded, text, cut);
    await loaded.close();
    self.postMessage(score);
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
