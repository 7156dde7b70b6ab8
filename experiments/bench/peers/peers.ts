/** All peers. They are measured one after the other, each in turns with ours. */
import { messageOf } from "../../../cells/errors.ts";
import { CONTEST, contest, type ContestTiming } from "../contest.ts";
import type { OpenContender } from "../measure.ts";
import { disagreement } from "./agreement.ts";
import type { Absent, Measured, Peer, PeerTask } from "./peer.ts";
import { torchPeer } from "./torch.ts";
import { workerPeer } from "./worker_peer.ts";

export const PEERS: readonly Peer[] = [
  workerPeer("tfjs, webgpu", "./tfjs.ts", "webgpu", "gpu"),
  workerPeer("jax-js, webgpu", "./jax_js.ts", "webgpu", "gpu"),
  workerPeer("tfjs, wasm", "./tfjs.ts", "wasm", "cpu"),
  workerPeer("jax-js, wasm", "./jax_js.ts", "wasm", "cpu"),
  torchPeer("eager", {}),
  torchPeer("CUDA graph", { graph: true }),
  torchPeer("compiled, CUDA graph", { compile: true, graph: true }),
  torchPeer("compiled, CUDA graph, TF32", { compile: true, graph: true, tf32: true }),
  torchPeer("vmap", { vmap: true }),
  torchPeer("vmap, CUDA graph", { vmap: true, graph: true }),
  torchPeer("vmap, compiled, CUDA graph", { vmap: true, compile: true, graph: true }),
  torchPeer("vmap, compiled, CUDA graph, TF32", { vmap: true, compile: true, graph: true, tf32: true }),
];

/**
 * Lets a peer and ours take turns. One whose losses are not ours counts as absent, with its losses as the reason, and so does one
 * that breaks down.
 *
 * @param openOurs opens as many runs of ours as it is given
 */
export async function measurePeer(
  peer: Peer,
  task: PeerTask,
  openOurs: (runs: number) => Promise<OpenContender>,
  timing: ContestTiming = CONTEST,
): Promise<Measured | Absent> {
  const { what } = peer;
  const opened = await peer.open(task);
  if ("absent" in opened) return opened;
  let ours: OpenContender | undefined;
  try {
    const wrong = disagreement(opened, task.starts, peer.tolerance);
    if (wrong) return wrong;
    ours = await openOurs(opened.runs);
    const theirs = { name: opened.what, round: (steps: number) => opened.round(steps) };
    const [mine, its] = await contest([ours, theirs], timing);
    return {
      what: opened.what,
      runs: opened.runs,
      ms_per_step: its.ms_per_step,
      ours_ms_per_step: mine.ms_per_step,
      ratio: its.ratio,
    };
  } catch (error) {
    return { what, absent: messageOf(error) };
  } finally {
    try {
      await ours?.close();
    } finally {
      await opened.close();
    }
  }
}
