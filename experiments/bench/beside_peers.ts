/** Measures peers beside ours: each in turns with the engine on its device. */
import type { CellConfig } from "../../cells/config.ts";
import { maxOf } from "../../cells/extremes.ts";
import type { Engine, EngineEntry } from "../../train/engines/engine.ts";
import { WEBGPU_ENGINE } from "../../train/engines/webgpu/engine.ts";
import type { ContestTiming } from "./contest.ts";
import { shapeOf } from "./experiment_01.ts";
import { copies, groupContender, takeTurns, withEngine } from "./measure.ts";
import type { BenchSizes } from "./on_cpu.ts";
import type { Absent, Measured, Peer, PeerTask } from "./peers/peer.ts";
import { measurePeer } from "./peers/peers.ts";
import { peerTask } from "./peers/task.ts";
import { fastestOf, threadsInWords } from "./threads.ts";

/** A peer in the table. */
export interface PeerRow extends Measured {
  readonly model: string;
  /** Our engine, and on how many threads where it is on the CPU. */
  readonly ours: string;
}

/** The peers' rows, and why others have none. */
export interface PeersMeasured {
  readonly rows: readonly PeerRow[];
  readonly absent: readonly Absent[];
}

/** What the GPU of this machine is, if it has one. */
export type Gpu = "real" | "software" | "none";

/** The engines beside which peers are measured. */
interface Engines {
  readonly onCpu: Engine;
  readonly onGpu?: Engine;
  readonly gpu: Gpu;
}

const cores = navigator.hardwareConcurrency;

/** Opens the engines that peers are measured beside, and measures them. @param cpuEntry absent: none trains on the CPU */
export async function benchPeers(
  cpuEntry: EngineEntry | undefined,
  gpu: Gpu,
  progress: (what: string) => void,
  sizes: BenchSizes,
  peers: readonly Peer[],
): Promise<PeersMeasured> {
  const absent = (reason: Absent) => ({ rows: [], absent: [reason] });
  if (!cpuEntry) return absent({ what: "peers", absent: "no engine trains on the CPU" });
  const measured = await withEngine(cpuEntry, async (onCpu) => {
    const onGpu = gpu === "none" ? undefined : await WEBGPU_ENGINE.open();
    try {
      return await measurePeers({ onCpu, onGpu, gpu }, peers, sizes, progress);
    } finally {
      await onGpu?.close();
    }
  });
  return "rows" in measured ? measured : absent(measured);
}

/** Measures each peer in turns with ours: those on the CPU with the engine there, those on a GPU with the engine there. */
async function measurePeers(
  engines: Engines,
  peers: readonly Peer[],
  sizes: BenchSizes,
  progress: (what: string) => void,
): Promise<PeersMeasured> {
  const { onCpu, onGpu, gpu } = engines;
  const runs = gpu === "real" ? 64 : cores;
  const tasks = new Map<CellConfig, PeerTask>();
  for (const config of [sizes.best, sizes.small]) tasks.set(config, await peerTask(onCpu, config, runs));
  const threadsOf = fastestThreads(onCpu, sizes.timing);
  const rows: PeerRow[] = [], absent: Absent[] = [];
  for (const peer of peers) {
    if (peer.device === "gpu" && gpu === "none") {
      absent.push({ what: peer.what, absent: "no adapter was measured with ours" });
      continue;
    }
    const usesGpu = peer.device === "gpu" || peer.device === "python" && gpu === "real";
    const engine = usesGpu && onGpu ? onGpu : onCpu;
    for (const config of modelsFor(peer, gpu, sizes)) {
      const model = shapeOf(config);
      progress(`${peer.what}, ${model}`);
      // WebAssembly has one thread, and of several runs each has one; PyTorch takes as many as are fastest, and so do we.
      const threads = engine === onCpu && peer.device === "python" && !peer.manyRuns
        ? await threadsOf(config)
        : ONE_THREAD;
      const openOurs = (count: number) => groupContender(engine, copies(config, count), threads.count);
      const result = await measurePeer(peer, tasks.get(config)!, openOurs, sizes.timing);
      if ("absent" in result) {
        absent.push(result);
        break;
      }
      rows.push({ ...result, model, ours: engine === onCpu ? `${engine.name}, ${threads.words}` : engine.name });
    }
  }
  return { rows, absent };
}

/** On a software adapter both train the small model; PyTorch trains both. */
function modelsFor({ device, manyRuns }: Peer, gpu: Gpu, { best, small }: BenchSizes): CellConfig[] {
  if (device === "gpu" && gpu === "software") return [small];
  return device === "python" && !manyRuns ? [best, small] : [best];
}

/** So many threads of ours, and how the table says it. */
interface Threads {
  readonly count: number;
  readonly words: string;
}

const ONE_THREAD: Threads = { count: 1, words: threadsInWords(1, [1]) };

/** With how many threads a run of ours is fastest: one, or as many as there are cores. Measured once for each configuration, in turns. */
function fastestThreads(engine: Engine, timing: ContestTiming): (config: CellConfig) => Promise<Threads> {
  const known = new Map<CellConfig, Threads>(), counts = [...new Set([1, cores])];
  return async (config) => {
    const found = known.get(config);
    if (found) return found;
    const count = counts[
      fastestOf(
        await takeTurns(counts.map((threads) => () => groupContender(engine, copies(config, 1), threads)), timing),
      )
    ];
    const threads = { count, words: threadsInWords(count, counts) };
    known.set(config, threads);
    return threads;
  };
}

/** The peers' table, its head first. */
export function peerLines(rows: readonly PeerRow[]): string[] {
  const names = rows.map(({ what, model, runs }) => `${what}: ${runs} × (${model})`);
  const width = maxOf(names.map(({ length }) => length));
  const lines = rows.map(({ ms_per_step, ours_ms_per_step, ratio, ours }, i) => {
    const numbers = [ms_per_step.toFixed(2).padStart(8), ours_ms_per_step.toFixed(2).padStart(7)];
    return `${names[i].padEnd(width)}  ${numbers.join("  ")}  ${ratio.toFixed(2).padStart(8)} × ${ours}`;
  });
  return [`${"alternating with ours".padEnd(width)}   ms/step     ours  theirs / ours`, ...lines];
}
