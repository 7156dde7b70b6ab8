/** A peer in JavaScript, in a worker of its own: what it holds of the device, and whatever it leaves running, ends with it. */
import { messageOf } from "../../../cells/errors.ts";
import { type Absent, LIMIT_SECONDS, type Peer, type Trained, type WorkerRequest } from "./peer.ts";

/** @param script beside this module */
export function workerPeer(what: string, script: string, backend: string, device: Peer["device"]): Peer {
  return {
    what,
    device,
    async open(task) {
      const absent = (why: string): Absent => ({ what, absent: why.split("\n")[0] });
      if (device === "gpu" && !await navigator.gpu?.requestAdapter()) return absent("no WebGPU adapter is here");
      const worker = new Worker(new URL(script, import.meta.url), { type: "module" });
      try {
        const trained = await ask<Trained>(worker, { task, backend });
        return {
          ...trained,
          round: (steps) => ask<number>(worker, { steps }),
          close: () => Promise.resolve(worker.terminate()),
        };
      } catch (error) {
        worker.terminate();
        return absent(messageOf(error));
      }
    },
  };
}

/** Asks a worker, and waits for its answer, for so long as a peer may take. */
function ask<Reply>(worker: Worker, request: WorkerRequest): Promise<Reply> {
  let timer: ReturnType<typeof setTimeout>;
  return new Promise<Reply>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not finish within ${LIMIT_SECONDS} s`)), 1000 * LIMIT_SECONDS);
    worker.onmessage = ({ data }: MessageEvent<Reply | { error: string }>) => {
      if (typeof data === "object" && data !== null && "error" in data) reject(new Error(data.error));
      else resolve(data as Reply);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(request);
  }).finally(() => clearTimeout(timer));
}
