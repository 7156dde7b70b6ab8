/** One worker, one run at a time: `session.run` blocks its thread, so every session has a thread of its own. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { type Numbered, type Refusal, refusalOf } from "../../process/worker_reply.ts";
import type { Reply, Request } from "./protocol.ts";
import { OnnxRun } from "./run.ts";

let run: OnnxRun | undefined;

async function answer(request: Request): Promise<Reply> {
  if (request.kind === "open") {
    if (run) throw new Error("Cannot open a run: the one before is still open");
    run = await OnnxRun.open(request);
    return {};
  }
  if (!run) throw new Error(`Cannot ${request.kind}: no run is open`);
  switch (request.kind) {
    case "begin_pass":
      run.beginPass(request.offsets, request.position);
      return {};
    case "advance":
      return { losses: await run.advance(request) };
    case "read":
      return { tensors: run.read(request.names) };
    case "close":
      try {
        await run.close();
      } finally {
        run = undefined;
      }
      return {};
    default:
      return request satisfies never;
  }
}

// One request after the other: `advance` awaits, and the next request must not start in between.
let queue: Promise<unknown> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<Numbered<Request>>) => {
  queue = queue.then(async () => {
    const reply = await answer(data).catch(refusalOf);
    const numbers = "tensors" in reply ? [...reply.tensors?.values() ?? []].map(({ buffer }) => buffer) : [];
    self.postMessage({ number: data.number, ...reply } satisfies Numbered<Reply | Refusal>, numbers);
  });
};
