/** One worker, one ONNX session, one run: `session.run` blocks its thread, so every session has a thread of its own. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { messageOf } from "../../../cells/errors.ts";
import type { NumberedRequest, Reply } from "./protocol.ts";
import { OnnxRun } from "./run.ts";

let run: OnnxRun | undefined;

async function answer(request: NumberedRequest): Promise<Omit<Reply, "number">> {
  if (request.kind === "open") {
    run = await OnnxRun.open(request);
    return {};
  }
  if (!run) throw new Error(`Cannot ${request.kind}: no run is open`);
  switch (request.kind) {
    case "begin_pass":
      run.beginPass(request.offsets, request.position);
      return {};
    case "advance":
      return { losses: await run.advance(request.count) };
    case "read":
      return { tensors: run.read(request.names) };
    case "close":
      await run.close();
      run = undefined;
      return {};
    default:
      return request satisfies never;
  }
}

// One request after the other: `advance` awaits, and the next request must not start in between.
let queue: Promise<unknown> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<NumberedRequest>) => {
  queue = queue.then(async () => {
    const reply = await answer(data).catch((error: unknown) => ({
      error: messageOf(error),
    }));
    const numbers = "tensors" in reply ? [...reply.tensors?.values() ?? []].map(({ buffer }) => buffer) : [];
    self.postMessage({ number: data.number, ...reply } satisfies Reply, numbers);
  });
};
