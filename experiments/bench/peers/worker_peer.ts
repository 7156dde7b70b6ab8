/** A peer in JavaScript, in a worker of its own: what it holds of the device, and whatever it leaves running, ends with it. */
import { messageOf } from "../../../cells/errors.ts";
import type { Absent, Measured, Peer, WorkerRequest } from "./peer.ts";

/** @param script beside this module */
export function workerPeer(what: string, script: string, backend: string, device: Peer["device"]): Peer {
  return {
    what,
    device,
    async measure(task) {
      const absent = (why: string): Absent => ({ what, absent: why.split("\n")[0] });
      if (device === "webgpu" && !await navigator.gpu?.requestAdapter()) return absent("no WebGPU adapter is here");
      try {
        const reply = await askWorker(script, { task, backend });
        return "error" in reply ? absent(reply.error) : reply;
      } catch (error) {
        return absent(messageOf(error));
      }
    },
  };
}

function askWorker(script: string, request: WorkerRequest): Promise<Measured | { error: string }> {
  const { limitSeconds } = request.task.timing;
  const worker = new Worker(new URL(script, import.meta.url), { type: "module" });
  let timer: ReturnType<typeof setTimeout>;
  return new Promise<Measured | { error: string }>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it was not through after ${limitSeconds} s`)), 1000 * limitSeconds);
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(request);
  }).finally(() => {
    clearTimeout(timer);
    worker.terminate();
  });
}
