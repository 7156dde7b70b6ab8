/** One worker: measures the dynamics of one model after the other. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { type Numbered, type ProgressMessage, type Refusal, refusalOf } from "../process/worker_reply.ts";
import { cellFrom, type DynamicsProgress, type DynamicsRequest } from "./dynamics_protocol.ts";
import type { MeasuredModel } from "./measure.ts";
import { measureModel } from "./measure_model.ts";
import { modelFromOnnx } from "./weighted_model.ts";

/** Milliseconds between two looks at whether to stop, and between two words on how far it is, at least. */
const LOOK_MILLISECONDS = 50, TELL_MILLISECONDS = 200;

self.onmessage = async ({ data }: MessageEvent<Numbered<DynamicsRequest>>) => {
  const { number } = data;
  const tell = (told: DynamicsProgress) =>
    self.postMessage({ number, told } satisfies Numbered<ProgressMessage<DynamicsProgress>>);
  const reply = await answer(data, tell).catch(refusalOf);
  self.postMessage({ number, ...reply } satisfies Numbered<MeasuredModel | Refusal>);
};

async function answer(
  { model, file, cell, text, settings, stop }: DynamicsRequest,
  tell: (told: DynamicsProgress) => void,
): Promise<MeasuredModel> {
  const controller = new AbortController();
  const look = () => Atomics.load(stop, 0) !== 0 && controller.abort();
  // Measures give the event loop a turn between two chunks of work: this timer is heard then.
  const timer = setInterval(look, LOOK_MILLISECONDS);
  let told = performance.now();
  const onProgress = (share: number) => {
    look();
    if (performance.now() - told < TELL_MILLISECONDS) return;
    told = performance.now();
    tell({ share });
  };
  try {
    const weighted = modelFromOnnx(model, { cell: cellFrom(cell), file });
    return await measureModel(weighted, text, settings, { onProgress, signal: controller.signal });
  } finally {
    clearInterval(timer);
  }
}
