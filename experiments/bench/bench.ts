/** `deno task bench`: measures the engines, and peers where they are present, in one run on one machine. */
import * as ort from "onnxruntime-node";
import { cpus } from "node:os";
import { productFlop } from "../../cells/graph/cost.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import { openOnnxEngine } from "../../train/engines/onnx/engine.ts";
import { exportOnnx } from "../../train/engines/onnx/export.ts";
import { openSession } from "../../train/engines/onnx/session.ts";
import { flag, runCommand } from "../../train/terminal/command_line.ts";
import { formatDuration } from "../../train/terminal/progress.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { bareProducts, BATCH, BEST_CONFIG, copies, SMALL_CONFIG, timeSteps } from "./measure.ts";
import { median } from "./median.ts";
import type { Absent } from "./peers/peer.ts";
import { measurePeer, PEERS } from "./peers/peers.ts";
import { peerTask } from "./peers/task.ts";
import { benchWebGpu, type WebGpuReport } from "./webgpu.ts";

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
  engine: flag.choice("--engine <name>", "measure this one alone", ["all", "onnx", "webgpu"], "all"),
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

/** The peers' rows, and why the others have none. On a software adapter peers on WebGPU train the small model, as ours does. */
async function benchPeers(
  gpu: "real" | "software" | "none",
  progress: (what: string) => void,
): Promise<{ rows: Row[]; absent: Absent[] }> {
  const engine = openOnnxEngine();
  const best = await peerTask(engine, BEST_CONFIG, { runs: gpu === "real" ? 64 : cores });
  const small = gpu === "software" ? await peerTask(engine, SMALL_CONFIG) : undefined;
  await engine.close();
  const isSmall = (device: string) => small && device === "webgpu";
  const rows: Row[] = [], absent: Absent[] = [];
  for (const peer of PEERS) {
    progress(peer.what);
    const result = await measurePeer(peer, isSmall(peer.device) ? small! : best);
    if ("absent" in result) absent.push(result);
    else if (isSmall(peer.device)) rows.push(row(`${result.what}: 1 layer × 32`, result.ms_per_step, smallFlop));
    else rows.push(row(`${result.what}: ${result.runs} × (2 layers × 256)`, result.ms_per_step, bestFlop, result.runs));
  }
  return { rows, absent };
}

/** WebGPU does not tell the driver; NVIDIA's own tool does, asked through `python3`, which this task may run. */
async function driverVersion(): Promise<string> {
  const query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"];
  const args = ["-c", `import subprocess; print(subprocess.check_output(${JSON.stringify(query)}, text=True).strip())`];
  try {
    const { success, stdout } = await new Deno.Command("python3", { args, stderr: "null" }).output();
    if (success) return `NVIDIA ${new TextDecoder().decode(stdout).trim()}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return "unknown";
}

function printRows(rows: readonly Row[]): void {
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
}

/** What a step of a group costs, beside what the adapter could do. */
function printWebGpu(ceilings: Ceilings, { groups, kernels, experiment_01 }: WebGpuReport): void {
  const { fma_gflop_per_second: fma, copy_gb_per_second: copy, product_gflop_per_second: product, product_size } =
    ceilings;
  console.log(
    `\nwebgpu, ceilings measured here: ${fma.toFixed(0)} GFLOP/s of fma alone, ${
      product.toFixed(0)
    } of our product of ` +
      `${product_size}², ${copy.toFixed(1)} GB/s of a copy`,
  );
  const head = ["ms/step", "run-steps/s", "GFLOP/s", "% of fma", "% of product", "dispatches", "MiB/run", "host %"];
  const width = Math.max(...groups.map(({ what, merging }) => what.length + merging.length + 11));
  console.log(`${"".padEnd(width)}  ${head.join("  ")}`);
  for (const group of groups) {
    const cells = [
      group.ms_per_step.toFixed(2),
      group.run_steps_per_second.toFixed(1),
      group.gflop_per_second.toFixed(1),
      group.percent_of_fma.toFixed(1),
      group.percent_of_product.toFixed(1),
      String(group.dispatches_per_step),
      group.mebibytes_per_run.toFixed(1),
      group.host_percent.toFixed(1),
    ].map((cell, i) => cell.padStart(head[i].length));
    console.log(`${`${group.what}, merged by ${group.merging}`.padEnd(width)}  ${cells.join("  ")}`);
  }
  if (typeof kernels === "string") console.log(`\nTime by kernel: ${kernels}`);
  else {
    console.log("\nTime of a step by kernel (each dispatch by itself, so their sum is more than a step):");
    for (const { frame, dispatches, ms_per_step, percent } of kernels) {
      console.log(
        `${frame.padEnd(40)} ${String(dispatches).padStart(3)} dispatches  ${ms_per_step.toFixed(3)} ms  ${
          percent.toFixed(0)
        } %`,
      );
    }
  }
  console.log(
    typeof experiment_01 === "string"
      ? `\nExperiment 01: ${experiment_01}`
      : `\nExperiment 01, training alone: ${experiment_01.runs} runs in ${experiment_01.groups} groups, ` +
        `${formatDuration(experiment_01.seconds)} (each group measured over some steps, times its steps)`,
  );
}

if (import.meta.main) {
  const description =
    "Measures training steps on each engine. Medians of one run; machines are noisy, so compare within a run only.";
  await runCommand({ name: "bench", description, flags }, async ({ json, peers, engine }) => {
    const progress = (what: string) => Deno.stderr.isTerminal() && console.error(`bench: ${what}`);
    // A software adapter keeps threads of its own: it is opened when the CPU has been measured.
    const rows = engine === "webgpu" ? [] : await benchOnnx();
    const ceilings = engine === "onnx" ? undefined : await measureCeilings();
    const webgpu = ceilings && await benchWebGpu(ceilings, progress);
    const gpu = !ceilings ? "none" : ceilings.software ? "software" : "real";
    const beside = peers ? await benchPeers(gpu, progress) : { rows: [], absent: [] };
    rows.push(...beside.rows);
    const machine = {
      date: new Date().toISOString().slice(0, 10),
      deno: Deno.version.deno,
      cpu: `${cpus()[0]?.model ?? "unknown"}, ${cores} cores`,
      webgpu_adapter: ceilings?.adapter ?? (engine === "onnx" ? "not asked for" : "none on this machine"),
      ...(ceilings ? { webgpu_driver: await driverVersion() } : {}),
      ...Object.fromEntries(beside.absent.map(({ what, absent }) => [`${what}, not measured`, absent])),
    };
    if (json) {
      return console.log(JSON.stringify({ ...machine, rows, webgpu: webgpu && { ceilings, ...webgpu } }, null, 2));
    }
    for (const [key, value] of Object.entries(machine)) console.log(`${key}: ${value}`);
    if (rows.length) printRows(rows);
    if (webgpu) printWebGpu(ceilings, webgpu);
    console.log(
      `\nBatch ${BATCH}; best configuration: 2 layers × 256, state gate, forget gate, new state, residual, ${
        (bestFlop / 1e9).toFixed(2)
      } GFLOP of products per step`,
    );
  });
}
