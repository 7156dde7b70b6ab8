/** All peers. They are measured one after the other, never side by side. */
import { requireAgreement } from "./agreement.ts";
import type { Absent, Measured, Peer, PeerTask } from "./peer.ts";
import { torchPeer } from "./torch.ts";
import { workerPeer } from "./worker_peer.ts";

export const PEERS: readonly Peer[] = [
  workerPeer("tfjs, webgpu", "./tfjs.ts", "webgpu", "webgpu"),
  workerPeer("jax-js, webgpu", "./jax_js.ts", "webgpu", "webgpu"),
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

/** Measures one peer; one whose losses are not ours counts as absent, with its losses as the reason. */
export async function measurePeer(peer: Peer, task: PeerTask): Promise<Measured | Absent> {
  const result = await peer.measure(task);
  return "absent" in result ? result : requireAgreement(result, task.starts, peer.tolerance);
}
