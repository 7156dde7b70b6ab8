/** `deno task bench`: measures the engines, and peers where they are present, in one run on one machine. */
import { cpus } from "node:os";
import { maxOf } from "../../cells/extremes.ts";
import type { CellConfig } from "../../cells/config.ts";
import { productFlop } from "../../cells/graph/cost.ts";
import { EMBEDDED } from "../../train/corpus/corpus.ts";
import { generateEmbedded } from "../../train/corpus/embedded.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { type StudyEngine, studyEngines } from "../../train/engines/registry.ts";
import { WEBGPU_ENGINE } from "../../train/engines/webgpu/engine.ts";
import { evaluateModel } from "../../train/scoring/evaluate.ts";
import { exportModel } from "../../train/scoring/export_model.ts";
import { flag, runCommand } from "../../train/terminal/command_line.ts";
import { benchPeers, type Gpu, type PeerRow, type PeersMeasured } from "./beside_peers.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { BEST_CONFIG, SMALL_CONFIG } from "../../cells/known_configs.ts";
import { type Estimate01, estimateLines } from "./experiment_01.ts";
import { bareContender, BATCH, copies, groupContender, takeTurns, withEngine } from "./measure.ts";
import { measureExperiment01 } from "./measure_01.ts";
import type { Absent } from "./peers/peer.ts";
import { benchStepsBack, stepsBackLines, type StepsBackRow } from "./steps_back.ts";
import { benchWebGpu, type WebGpuMeasured, type WebGpuReport } from "./webgpu.ts";
import { isTerminal, print, printError } from "../../train/terminal/output.ts";

/** One line of the table. */
interface Row {
  readonly what: string;
  /** Milliseconds for a step of the whole group. */
  readonly ms_per_step: number;
  /** Steps of single runs per second. */
  readonly run_steps_per_second: number;
  /** Matrix products alone, 2·M·N·K each. */
  readonly gflop_per_second: number;
  /** Beside what was measured in turns with it. */
  readonly beside?: { readonly of: string; readonly ratio: number };
}

/** The engines that are measured: any that trains on the CPU, and WebGPU, whose kernels `webgpu.ts` takes apart. */
const MEASURED: readonly StudyEngine[] = studyEngines()
  .filter(({ name, capabilities }) => capabilities.trainsOnCpu || name === WEBGPU_ENGINE.name);

/** What `--engine` says for each of them. */
const ALL = "all";

/** What the command line takes. */
export const flags = {
  json: flag.on("--json", "print JSON instead of a table"),
  peers: flag.on("--peers", "also measure tfjs, jax-js and PyTorch, if they are installed"),
  engine: flag.choice(
    "--engine <name>",
    "measure only this one",
    [ALL, ...MEASURED.map(({ name }) => name)],
    ALL,
  ),
};

const cores = navigator.hardwareConcurrency;
const bestFlop = productFlop(copies(BEST_CONFIG, 1)[0].step.graph);
const smallFlop = productFlop(copies(SMALL_CONFIG, 1)[0].step.graph);

function row(what: string, ms: number, flop: number, runs = 1, beside?: Row["beside"]): Row {
  return {
    what,
    ms_per_step: ms,
    run_steps_per_second: 1000 * runs / ms,
    gflop_per_second: runs * flop / ms / 1e6,
    ...(beside ? { beside } : {}),
  };
}

/** An engine that trains on the CPU: with all cores, with one, and several runs side by side. */
async function benchOnCpu(
  engine: Engine,
  progress: (what: string) => void,
): Promise<{ readonly rows: Row[]; readonly steps_back: StepsBackRow[] }> {
  const { name } = engine;
  const ours = (config: CellConfig, runs: number, threads: number) => () =>
    groupContender(engine, copies(config, runs), threads);
  const rows: Row[] = [];
  for (const threads of new Set([cores, 1])) {
    progress(`${name}, ${threads} threads`);
    const on = `${threads} ${threads === 1 ? "thread" : "threads"}`;
    const bare = () => bareContender(copies(BEST_CONFIG, 1)[0], threads);
    const [products, step] = await takeTurns([bare, ours(BEST_CONFIG, 1, threads)]);
    const what = `${name}: best configuration, ${on}`, base = `${name}: bare products of that step, ${on}`;
    rows.push(row(what, step.ms_per_step, bestFlop, 1, { of: "its bare products", ratio: step.ratio }));
    rows.push(row(base, products.ms_per_step, bestFlop));
  }
  progress(`${name}, parallel workers`);
  const [one, many] = await takeTurns([ours(BEST_CONFIG, 1, 1), ours(BEST_CONFIG, cores, 1)]);
  const throughput = { of: "the throughput of one worker", ratio: cores / many.ratio };
  rows.push(
    row(`${name}: best configuration, ${cores} parallel runs`, many.ms_per_step, bestFlop, cores, throughput),
    row(`${name}: one of these alone`, one.ms_per_step, bestFlop),
  );
  const [small, wide] = await takeTurns([ours(SMALL_CONFIG, 1, 1), ours(SMALL_CONFIG, 1, cores)]);
  rows.push(row(`${name}: 1 layer × 32, 1 thread`, small.ms_per_step, smallFlop));
  rows.push(row(`${name}: 1 layer × 32, ${cores} threads`, wide.ms_per_step, smallFlop));
  progress(`${name}, steps back`);
  return { rows, steps_back: await benchStepsBack(engine, 1) };
}

/** How long the score of a text takes. */
interface Scoring {
  readonly bytes: number;
  readonly seconds: number;
  readonly threads: number;
  readonly streams: number;
  readonly warm_up: number;
}

const SCORED_BYTES = 2 ** 20;

/** A score of 1 MiB by the best configuration: of the text of the embedded corpus, though what it is does not matter. */
async function benchScoring(): Promise<Scoring> {
  const [{ tensors }] = copies(BEST_CONFIG, 1);
  const model = exportModel(BEST_CONFIG, tensors), { text } = generateEmbedded(EMBEDDED.seed, SCORED_BYTES);
  const start = performance.now();
  const { streams, warm_up } = await evaluateModel(model, text, cores);
  return { bytes: SCORED_BYTES, seconds: (performance.now() - start) / 1000, threads: cores, streams, warm_up };
}

/**
 * Experiment 01 with its scores and files: trained on the GPU that was measured, where it is a real one, else on the CPU.
 *
 * @param onCpu the engine there, where it was measured
 */
async function estimateExperiment01(
  gpu: Gpu,
  webgpu: WebGpuMeasured | undefined,
  onCpu: StudyEngine | undefined,
  progress: (what: string) => void,
): Promise<Estimate01 | string> {
  const training = webgpu?.training01 ?? onCpu?.name;
  if (training !== undefined) return await measureExperiment01(training, progress);
  return `not estimated: ${gpu === "software" ? "the adapter is software" : "no adapter is here"}; measure ${
    MEASURED.filter(({ capabilities }) => capabilities.trainsOnCpu).map(({ name }) => name).join(" or ")
  } to have it estimated on the CPU`;
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
  const width = maxOf(rows.map(({ what }) => what.length));
  print(`\n${"".padEnd(width)}   ms/step  run-steps/s  GFLOP/s`);
  for (const { what, ms_per_step, run_steps_per_second, gflop_per_second, beside } of rows) {
    const note = beside ? `${beside.ratio.toFixed(2)} × ${beside.of}` : "";
    const numbers = [
      ms_per_step.toFixed(2).padStart(8),
      run_steps_per_second.toFixed(1).padStart(11),
      gflop_per_second.toFixed(1).padStart(7),
    ];
    print(`${what.padEnd(width)}  ${numbers.join("  ")}  ${note}`);
  }
}

function printPeers(rows: readonly PeerRow[]): void {
  const names = rows.map(({ what, model, runs }) => `${what}: ${runs} × (${model})`);
  const width = maxOf(names.map(({ length }) => length));
  print(`\n${"alternating with ours".padEnd(width)}   ms/step     ours  theirs / ours`);
  rows.forEach(({ ms_per_step, ours_ms_per_step, ratio, ours }, i) => {
    const numbers = [ms_per_step.toFixed(2).padStart(8), ours_ms_per_step.toFixed(2).padStart(7)];
    print(`${names[i].padEnd(width)}  ${numbers.join("  ")}  ${ratio.toFixed(2).padStart(8)} × ${ours}`);
  });
}

/** What a step of a group costs, beside what the adapter could do. */
function printWebGpu(ceilings: Ceilings, { groups, kernels }: WebGpuReport): void {
  const { fma_gflop_per_second: fma, copy_gb_per_second: copy, product_gflop_per_second: product, product_size } =
    ceilings;
  print(
    `\nwebgpu, ceilings measured here: ${fma.toFixed(0)} GFLOP/s of fma alone, ${
      product.toFixed(0)
    } of our product of ` +
      `${product_size}², ${copy.toFixed(1)} GB/s of a copy`,
  );
  const head = ["ms/step", "run-steps/s", "GFLOP/s", "% of fma", "% of product", "dispatches", "MiB/run", "host %"];
  const width = maxOf(groups.map(({ what, merging }) => what.length + merging.length + 11));
  print(`${"".padEnd(width)}  ${head.join("  ")}`);
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
    print(`${`${group.what}, merged by ${group.merging}`.padEnd(width)}  ${cells.join("  ")}`);
  }
  if (typeof kernels === "string") print(`\nTime by kernel: ${kernels}`);
  else {
    print("\nTime of a step by kernel (each dispatch measured alone, so their sum exceeds a step):");
    for (const { template, dispatches, ms_per_step, percent } of kernels) {
      print(
        `${template.padEnd(40)} ${String(dispatches).padStart(3)} dispatches  ${ms_per_step.toFixed(3)} ms  ${
          percent.toFixed(0)
        } %`,
      );
    }
  }
}

if (import.meta.main) {
  const description =
    "Measures training steps on each engine. Prints medians; machines are noisy, so compare numbers of one run only.";
  await runCommand({ name: "bench", description, flags, printsData: true }, async ({ json, peers, engine }) => {
    const progress = (what: string) => isTerminal("error") && printError(`bench: ${what}`);
    const measured = MEASURED.filter(({ name }) => engine === ALL || engine === name);
    const onCpu = measured.filter(({ capabilities }) => capabilities.trainsOnCpu);
    const asksForGpu = measured.some(({ name }) => name === WEBGPU_ENGINE.name);
    // A software adapter keeps threads of its own: it is opened when the CPU has been measured.
    const rows: Row[] = [], stepsBack: StepsBackRow[] = [], missing: Absent[] = [];
    for (const entry of onCpu) {
      const found = await withEngine(entry, (engine) => benchOnCpu(engine, progress));
      if ("absent" in found) missing.push(found);
      else {
        for (const row of found.rows) rows.push(row);
        for (const row of found.steps_back) stepsBack.push(row);
      }
    }
    const scoring = onCpu.length ? await benchScoring() : undefined;
    const ceilings = asksForGpu ? await measureCeilings() : undefined;
    const webgpu = ceilings && await benchWebGpu(ceilings, progress);
    for (const row of webgpu?.stepsBack ?? []) stepsBack.push(row);
    const gpu: Gpu = !ceilings ? "none" : ceilings.software ? "software" : "real";
    const experiment_01 = await estimateExperiment01(gpu, webgpu, onCpu[0], progress);
    const besideOurs = MEASURED.find(({ capabilities }) => capabilities.trainsOnCpu);
    const beside: PeersMeasured = peers ? await benchPeers(besideOurs, gpu, progress) : { rows: [], absent: [] };
    const machine = {
      date: new Date().toISOString().slice(0, 10),
      deno: Deno.version.deno,
      cpu: `${cpus()[0]?.model ?? "unknown"}, ${cores} cores`,
      webgpu_adapter: ceilings?.adapter ?? (asksForGpu ? "none on this machine" : "not asked for"),
      ...(ceilings ? { webgpu_driver: await driverVersion() } : {}),
      ...Object.fromEntries(
        [...missing, ...beside.absent].map(({ what, absent }) => [`${what}, not measured`, absent]),
      ),
    };
    if (json) {
      const onGpu = webgpu && { ceilings, ...webgpu.report };
      const all = {
        ...machine,
        rows,
        steps_back: stepsBack,
        scoring,
        peers: beside.rows,
        webgpu: onGpu,
        experiment_01,
      };
      return print(JSON.stringify(all, null, 2));
    }
    for (const [key, value] of Object.entries(machine)) print(`${key}: ${value}`);
    if (rows.length) printRows(rows);
    if (stepsBack.length) print("\n" + stepsBackLines(stepsBack).join("\n"));
    if (scoring) {
      const { bytes, seconds, threads, streams, warm_up } = scoring;
      print(
        `\nScoring ${bytes} bytes with the best configuration: ${
          seconds.toFixed(1)
        } s with ${threads} workers, ${streams} streams ` +
          `with a warm-up of ${warm_up} bytes each`,
      );
    }
    if (beside.rows.length) printPeers(beside.rows);
    if (webgpu) printWebGpu(ceilings, webgpu.report);
    const estimated = typeof experiment_01 === "string"
      ? [`Experiment 01: ${experiment_01}`]
      : estimateLines(experiment_01);
    print("\n" + estimated.join("\n"));
    print(
      `\nBatch ${BATCH}; best configuration: 2 layers × 256, state gate, forget gate, new state, residual, ${
        (bestFlop / 1e9).toFixed(2)
      } GFLOP of products per step`,
    );
  });
}
