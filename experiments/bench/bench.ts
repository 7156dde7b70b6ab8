/** `deno task bench`: measures the engines, and peers where they are present, in one run on one machine. */
import { cpus } from "node:os";
import { maxOf } from "../../cells/extremes.ts";
import { describeConfig } from "../../cells/config.ts";
import { EMBEDDED } from "../../train/corpus/corpus.ts";
import { generateEmbedded } from "../../train/corpus/embedded.ts";
import { type StudyEngine, studyEngines } from "../../train/engines/registry.ts";
import { WEBGPU_ENGINE } from "../../train/engines/webgpu/engine.ts";
import { evaluateModel } from "../../train/scoring/evaluate.ts";
import { exportModel } from "../../train/scoring/export_model.ts";
import { runCommand } from "../../train/terminal/command_line.ts";
import { flag } from "../../train/terminal/flag.ts";
import { benchPeers, type Gpu, peerLines, type PeersMeasured } from "./beside_peers.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { type Estimate01, estimateLines } from "./experiment_01.ts";
import { BATCH, copies, withEngine } from "./measure.ts";
import { measureExperiment01 } from "./measure_01.ts";
import { BENCH_SIZES, benchOnCpu, type BenchSizes, flopOf, type Row, rowLines } from "./on_cpu.ts";
import type { Absent, Peer } from "./peers/peer.ts";
import { PEERS } from "./peers/peers.ts";
import { stepsBackLines, type StepsBackRow } from "./steps_back.ts";
import { benchWebGpu, type WebGpuMeasured, type WebGpuReport } from "./webgpu.ts";
import { isTerminal, print, printError } from "../../train/terminal/output.ts";

/** The engines that are measured: any that trains on the CPU, and WebGPU, whose kernels `webgpu.ts` takes apart. */
const MEASURED: readonly StudyEngine[] = studyEngines()
  .filter(({ name, capabilities }) => capabilities.trainsOnCpu || name === WEBGPU_ENGINE.name);

/** What `--engine` says for each of them. */
const ALL = "all";

/** What is measured, with what, and how far. */
interface BenchOptions extends BenchSizes {
  readonly scoredBytes: number;
  readonly peers: readonly Peer[];
  readonly measureExperiment01: typeof measureExperiment01;
}

const OPTIONS: BenchOptions = { ...BENCH_SIZES, scoredBytes: 2 ** 20, peers: PEERS, measureExperiment01 };

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
/** How long the score of a text takes. */
interface Scoring {
  readonly bytes: number;
  readonly seconds: number;
  readonly threads: number;
  readonly streams: number;
  readonly warm_up: number;
}

/** A score by the best configuration: of the text of the embedded corpus, though what it is does not matter. */
async function benchScoring({ best, scoredBytes: bytes }: BenchOptions): Promise<Scoring> {
  const [{ tensors }] = copies(best, 1);
  const model = exportModel(best, tensors), { text } = generateEmbedded(EMBEDDED.seed, bytes);
  const start = performance.now();
  const { streams, warm_up } = await evaluateModel(model, text, cores);
  return { bytes, seconds: (performance.now() - start) / 1000, threads: cores, streams, warm_up };
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
  { measureExperiment01 }: BenchOptions,
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

/**
 * The script.
 *
 * @param changes to what it measures: tests have less
 */
export async function bench(changes: Partial<BenchOptions> = {}): Promise<void> {
  const options = { ...OPTIONS, ...changes };
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
      const found = await withEngine(entry, (engine) => benchOnCpu(engine, progress, options));
      if ("absent" in found) missing.push(found);
      else {
        for (const row of found.rows) rows.push(row);
        for (const row of found.steps_back) stepsBack.push(row);
      }
    }
    const scoring = onCpu.length ? await benchScoring(options) : undefined;
    const ceilings = asksForGpu ? await measureCeilings() : undefined;
    const webgpu = ceilings && await benchWebGpu(ceilings, progress);
    for (const row of webgpu?.stepsBack ?? []) stepsBack.push(row);
    const gpu: Gpu = !ceilings ? "none" : ceilings.software ? "software" : "real";
    const experiment_01 = await estimateExperiment01(gpu, webgpu, onCpu[0], progress, options);
    const besideOurs = MEASURED.find(({ capabilities }) => capabilities.trainsOnCpu);
    const beside: PeersMeasured = peers
      ? await benchPeers(besideOurs, gpu, progress, options, options.peers)
      : { rows: [], absent: [] };
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
    if (rows.length) print("\n" + rowLines(rows).join("\n"));
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
    if (beside.rows.length) print("\n" + peerLines(beside.rows).join("\n"));
    if (webgpu) printWebGpu(ceilings, webgpu.report);
    const estimated = typeof experiment_01 === "string"
      ? [`Experiment 01: ${experiment_01}`]
      : estimateLines(experiment_01);
    print("\n" + estimated.join("\n"));
    print(
      `\nBatch ${BATCH}; best configuration: ${describeConfig(options.best)}, ${
        (flopOf(options.best) / 1e9).toFixed(2)
      } GFLOP of products per step`,
    );
  });
}

if (import.meta.main) await bench();
