/** `deno task bench`: measures the engines, and peers where they are present, in one run on one machine. */
import * as ort from "onnxruntime-node";
import { cpus } from "node:os";
import { productFlop } from "../../cells/graph/cost.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import type { Engine } from "../engines/engine.ts";
import { openOnnxEngine } from "../engines/onnx/engine.ts";
import { exportOnnx } from "../engines/onnx/export.ts";
import { openSession } from "../engines/onnx/session.ts";
import { openWebGpuEngine } from "../engines/webgpu/engine.ts";
import { buildSchedule } from "../engines/webgpu/schedule.ts";
import { flag, runCommand } from "../terminal/command_line.ts";
import { bareProducts, BATCH, BEST_CONFIG, copies, SMALL_CONFIG, timeSteps } from "./measure.ts";
import { median } from "./median.ts";
import type { Absent } from "./peers/peer.ts";
import { measurePeer, PEERS } from "./peers/peers.ts";
import { peerTask } from "./peers/task.ts";

/** One line of the table. */
interface Row {
  readonly what: string;
  /** Milliseconds for a step of the whole group. */
  readonly ms_per_step: number;
  /** Steps of single runs per second. */
  readonly run_steps_per_second: number;
  /** Matrix products alone, 2·M·N·K each. */
  readonly gflop_per_second: number;
  readonly note?: string;
}

const flags = {
  json: flag.on("--json", "print JSON instead of a table"),
  peers: flag.on("--peers", "measure tfjs, jax-js and PyTorch beside ours, where they are present"),
};

const cores = navigator.hardwareConcurrency;
const bestFlop = productFlop(copies(BEST_CONFIG, 1)[0].step.graph);
const smallFlop = productFlop(copies(SMALL_CONFIG, 1)[0].step.graph);

function row(what: string, ms: number, flop: number, runs = 1, note?: string): Row {
  return {
    what,
    ms_per_step: ms,
    run_steps_per_second: 1000 * runs / ms,
    gflop_per_second: runs * flop / ms / 1e6,
    note,
  };
}

/** The products of a step alone, on ONNX Runtime with the engine's own settings. */
async function timeBareProducts(): Promise<number> {
  const graph = bareProducts(copies(BEST_CONFIG, 1)[0].step.graph);
  const session = await openSession(exportOnnx(graph), cores);
  const tensor = (shape: readonly number[]) =>
    new ort.Tensor("float32", new Float32Array(sizeOf(shape)).fill(0.01), shape);
  const feeds = Object.fromEntries([...graph.inputs].map(([name, { shape }]) => [name, tensor(shape)]));
  const fetches = Object.fromEntries([...graph.outputs].map(([name, { shape }]) => [name, tensor(shape)]));
  const times: number[] = [];
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    await session.run(feeds, fetches);
    times.push(performance.now() - start);
  }
  await session.release();
  return median(times.slice(5));
}

async function benchOnnx(): Promise<Row[]> {
  const engine = openOnnxEngine();
  const all = await timeSteps(engine, copies(BEST_CONFIG, 1), { threads: cores });
  const bare = await timeBareProducts();
  const one = await timeSteps(engine, copies(BEST_CONFIG, 1), { threads: 1 });
  const parallel = await timeSteps(engine, copies(BEST_CONFIG, cores), { threads: 1 });
  const small = await timeSteps(engine, copies(SMALL_CONFIG, 1), { threads: 1 });
  return [
    row(
      `onnx: best configuration, ${cores} threads`,
      all,
      bestFlop,
      1,
      `${(all / bare).toFixed(2)} × its bare products`,
    ),
    row(`onnx: bare products of that step, ${cores} threads`, bare, bestFlop),
    row("onnx: best configuration, 1 thread", one, bestFlop),
    row(
      `onnx: best configuration, ${cores} runs side by side`,
      parallel,
      bestFlop,
      cores,
      `${(cores * one / parallel).toFixed(2)} × one worker`,
    ),
    row("onnx: 1 layer × 32, 1 thread", small, smallFlop),
  ];
}

/** On a GPU, groups of the best configuration; on a software adapter, small ones, which show that it works, not how fast. */
async function benchWebGpu(engine: Engine): Promise<Row[]> {
  const config = engine.software ? SMALL_CONFIG : BEST_CONFIG;
  const flop = engine.software ? smallFlop : bestFlop;
  const rows: Row[] = [];
  for (const size of engine.software ? [1, 8] : [1, 4, 16, 64]) {
    const runs = copies(config, size);
    if (size * engine.footprint(runs[0].step) > engine.memory) break;
    const dispatches = buildSchedule(runs).dispatches.length;
    const ms = await timeSteps(engine, runs, { rounds: 3 });
    const what = `webgpu: ${size} × (${config.n_layers} layer${config.n_layers > 1 ? "s" : ""} × ${config.state_size})`;
    rows.push(row(what, ms, flop, size, `${dispatches} dispatches per step`));
  }
  return rows;
}

/** The peers' rows, and why the others have none. On a software adapter peers on WebGPU train the small model, as ours does. */
async function benchPeers(gpu: "real" | "software" | "none"): Promise<{ rows: Row[]; absent: Absent[] }> {
  const engine = openOnnxEngine();
  const best = await peerTask(engine, BEST_CONFIG, { runs: gpu === "real" ? 64 : cores });
  const small = gpu === "software" ? await peerTask(engine, SMALL_CONFIG) : undefined;
  await engine.close();
  const isSmall = (device: string) => small && device === "webgpu";
  const rows: Row[] = [], absent: Absent[] = [];
  for (const peer of PEERS) {
    const result = await measurePeer(peer, isSmall(peer.device) ? small! : best);
    if ("absent" in result) absent.push(result);
    else if (isSmall(peer.device)) rows.push(row(`${result.what}: 1 layer × 32`, result.ms_per_step, smallFlop));
    else rows.push(row(`${result.what}: ${result.runs} × (2 layers × 256)`, result.ms_per_step, bestFlop, result.runs));
  }
  return { rows, absent };
}

function print(machine: Record<string, unknown>, rows: readonly Row[]): void {
  for (const [key, value] of Object.entries(machine)) console.log(`${key}: ${value}`);
  const width = Math.max(...rows.map(({ what }) => what.length));
  console.log(`\n${"".padEnd(width)}   ms/step  run-steps/s  GFLOP/s`);
  for (const { what, ms_per_step, run_steps_per_second, gflop_per_second, note } of rows) {
    const numbers = [
      ms_per_step.toFixed(2).padStart(8),
      run_steps_per_second.toFixed(1).padStart(11),
      gflop_per_second.toFixed(1).padStart(7),
    ];
    console.log(`${what.padEnd(width)}  ${numbers.join("  ")}  ${note ?? ""}`);
  }
  console.log(
    `\nBatch ${BATCH}; best configuration: 2 layers × 256, state gate, forget gate, new state, residual, ${
      (bestFlop / 1e9).toFixed(2)
    } GFLOP of products per step`,
  );
}

if (import.meta.main) {
  const description =
    "Measures training steps on each engine. Medians of one run; machines are noisy, so compare within a run only.";
  await runCommand({ name: "bench", description, flags }, async ({ json, peers }) => {
    // A software adapter keeps threads of its own: it is opened when the CPU has been measured.
    const rows = await benchOnnx();
    const webgpu = await openWebGpuEngine();
    if (webgpu) rows.push(...await benchWebGpu(webgpu));
    await webgpu?.close();
    const gpu = !webgpu ? "none" : webgpu.software ? "software" : "real";
    const beside = peers ? await benchPeers(gpu) : { rows: [], absent: [] };
    rows.push(...beside.rows);
    const machine = {
      date: new Date().toISOString().slice(0, 10),
      deno: Deno.version.deno,
      cpu: `${cpus()[0]?.model ?? "unknown"}, ${cores} cores`,
      webgpu_adapter: webgpu?.adapter ?? "none on this machine",
      ...Object.fromEntries(beside.absent.map(({ what, absent }) => [`${what}, not measured`, absent])),
    };
    if (json) console.log(JSON.stringify({ ...machine, rows }, null, 2));
    else print(machine, rows);
  });
}
