/** One worker: scores a model, draws a sample from it where one is wanted, and ends. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { Cut } from "./evaluate.ts";
import { LoadedModel } from "./model.ts";
import { type SampleOptions, sampleText } from "./sample_text.ts";
import { scoreText } from "./score.ts";

interface Request {
  readonly model: Uint8Array;
  readonly text: Uint8Array;
  readonly threads: number;
  readonly cut: Cut;
  readonly sampling?: SampleOptions;
}

self.onmessage = async ({ data: { model, text, threads, cut, sampling } }: MessageEvent<Request>) => {
  try {
    const loaded = await LoadedModel.open(model, { rows: cut.streams, threads });
    const score = await scoreText(loaded, text, cut);
    await loaded.close();
    self.postMessage({ ...score, ...(sampling ? { drawn: await drawText(model, sampling) } : {}) });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};

/** One row and one thread: a sample does not depend on how the score was computed. */
async function drawText(model: Uint8Array, sampling: SampleOptions): Promise<Uint8Array> {
  const loaded = await LoadedModel.open(model);
  const drawn = await sampleText(loaded, sampling);
  await loaded.close();
  return drawn;
}
