/** Measures the WebGPU engine: groups of every size, what a step's time goes to, and how long experiment 01 would train. */
import { isSmall } from "../../cells/gated_rules.ts";
import { BEST_CONFIG, SMALL_CONFIG } from "../../cells/known_configs.ts";
import type { CellConfig } from "../../cells/config.ts";
import { productFlop } from "../../cells/graph/cost.ts";
import { sizeOf } from "../../cells/graph/tensor.ts";
import { EngineFailure, type EngineRun, type TensorMap } from "../../train/engines/engine.ts";
import { openTunedWebGpuEngine, type WebGpuEngine } from "../../train/engines/webgpu/engine.ts";
import type { WebGpuGroup } from "../../train/engines/webgpu/runtime/group.ts";
import { type Merging, templateName } from "../../train/engines/webgpu/kernels/schedule.ts";
import { totalSteps } from "../../train/training/settings.ts";
import { cellJob, stepOf } from "../../train/training/training_run.ts";
import { grid } from "../study/grid.ts";
import { packingOrder } from "../session/scheduler.ts";
import type { Ceilings } from "./ceilings.ts";
import { type Measured01, SETTINGS_01, type TrainedGroup } from "./experiment_01.ts";
import { MEASURED_SETTINGS, noise, type Rounds, timeGroup } from "./measure.ts";
import { median } from "./median.ts";
import { benchStepsBack, type StepsBackRow } from "./steps_back.ts";

/** How a group of runs trains. */
export interface GroupRow {
  readonly what: string;
  readonly runs: number;
  readonly merging: Merging;
  readonly dispatches_per_step: number;
  readonly mebibytes_per_run: number;
  /** Milliseconds for a step of all its runs. */
  readonly ms_per_step: number;
  readonly run_steps_per_second: number;
  /** Matrix products alone, 2·M·N·K each. */
  readonly gflop_per_second: number;
  readonly percent_of_fma: number;
  readonly percent_of_product: number;
  /** What of it the host is at work, to queue the steps. */
  readonly host_ms_per_step: number;
  readonly host_percent: number;
}

/** Where the time of a step goes. */
export interface KernelRow {
  readonly template: string;
  readonly dispatches: number;
  readonly ms_per_step: number;
  readonly percent: number;
}

export interface WebGpuReport {
  readonly groups: readonly GroupRow[];
  /** Of the largest group of the best configuration; or why there is none. */
  readonly kernels: readonly KernelRow[] | string;
}

/** What was measured on an adapter. */
export interface WebGpuMeasured {
  readonly report: WebGpuReport;
  /** Empty on a software adapter, where such a step takes many seconds. */
  readonly stepsBack: readonly StepsBackRow[];
  /** The training of experiment 01; absent on a software adapter. */
  readonly training01?: Measured01["training"];
}

/** Numbers for all weights: what they are does not matter, but that they are not zero. */
let pool: Float32Array | undefined;

/** A run whose weights cost no time to draw. */
function cheapRun(config: CellConfig): EngineRun {
  const numbers = pool ??= Float32Array.from(noise(2 ** 20), (byte) => (byte - 127.5) / 2000);
  const step = stepOf(cellJob({ config, seed: 0 }), MEASURED_SETTINGS);
  const tensors: TensorMap = new Map(
    step.parameters.map(({ name, shape }) => [name, numbers.subarray(0, sizeOf(shape))]),
  );
  return { step, tensors, stepsDone: 0, learningRate: 1e-5 };
}

/** Runs of one configuration share what is planned for it. */
function copiesOf(config: CellConfig, count: number): EngineRun[] {
  return new Array(count).fill(cheapRun(config));
}

/** Opens a group, measures it, closes it. */
async function measureGroup(
  engine: WebGpuEngine,
  what: string,
  runs: readonly EngineRun[],
  ceilings: Ceilings,
  timing: Rounds = { rounds: 5 },
  more?: (group: WebGpuGroup) => Promise<void>,
): Promise<GroupRow> {
  const group = await engine.open(runs, noise(100_000));
  try {
    const ms = await timeGroup(group, runs.length, timing);
    const host = group.hostMilliseconds / group.stepsQueued;
    await more?.(group);
    const flop = runs.reduce((total, { step }) => total + productFlop(step.graph), 0);
    const gflop_per_second = flop / ms / 1e6;
    const bytes = runs.reduce((total, { step }) => total + engine.footprint(step), 0);
    return {
      what,
      runs: runs.length,
      merging: engine.merging,
      dispatches_per_step: group.schedule.dispatches.length,
      mebibytes_per_run: bytes / runs.length / 2 ** 20,
      ms_per_step: ms,
      run_steps_per_second: 1000 * runs.length / ms,
      gflop_per_second,
      percent_of_fma: 100 * gflop_per_second / ceilings.fma_gflop_per_second,
      percent_of_product: 100 * gflop_per_second / ceilings.product_gflop_per_second,
      host_ms_per_step: host,
      host_percent: 100 * host / ms,
    };
  } finally {
    await group.close();
  }
}

/** Each kernel template's part of a step, from timestamps around every dispatch. */
async function profile(group: WebGpuGroup, steps = 5): Promise<KernelRow[]> {
  const { dispatches } = group.schedule;
  const rounds: number[][] = [];
  for (let step = 0; step < steps; step++) rounds.push(await group.profileStep());
  const times = dispatches.map((_, i) => median(rounds.map((round) => round[i])) / 1e6);
  const total = times.reduce((a, b) => a + b, 0);
  const byTemplate = Map.groupBy(dispatches.keys(), (i) => templateName(dispatches[i].kernel.template));
  return [...byTemplate].map(([template, numbers]) => {
    const ms = numbers.reduce((sum, i) => sum + times[i], 0);
    return { template, dispatches: numbers.length, ms_per_step: ms, percent: 100 * ms / total };
  }).sort((a, b) => b.ms_per_step - a.ms_per_step);
}

/** A run, and what it is of. */
interface PackedRun {
  readonly entry: { readonly config: CellConfig };
  readonly run: EngineRun;
}

/** The groups that `train` makes of experiment 01. */
function packExperiment(engine: WebGpuEngine): PackedRun[][] {
  const footprint = ({ run }: PackedRun) => engine.footprint(run.step);
  let waiting = packingOrder(grid().map((config) => ({ entry: { config }, run: cheapRun(config) })), footprint);
  const groups: PackedRun[][] = [];
  while (waiting.length) {
    let free = engine.memory;
    const group: PackedRun[] = [], left: PackedRun[] = [];
    for (const candidate of waiting) {
      const bytes = footprint(candidate);
      if (bytes <= free) {
        group.push(candidate);
        free -= bytes;
      } else left.push(candidate);
    }
    if (!group.length) break;
    groups.push(group);
    waiting = left;
  }
  return groups;
}

/**
 * Measures all of it. On a software adapter small groups, which show that it works and what the host does, not how fast a GPU is.
 *
 * @returns undefined where no adapter is
 */
export async function benchWebGpu(
  ceilings: Ceilings,
  progress: (what: string) => void,
): Promise<WebGpuMeasured | undefined> {
  const engine = await openTunedWebGpuEngine();
  if (!engine) return undefined;
  try {
    return await measureAll(engine, ceilings, progress);
  } finally {
    await engine.close();
  }
}

async function measureAll(
  engine: WebGpuEngine,
  ceilings: Ceilings,
  progress: (what: string) => void,
): Promise<WebGpuMeasured> {
  const { software } = engine;
  const config = software ? SMALL_CONFIG : BEST_CONFIG;
  const name = software ? "1 layer × 32" : "2 layers × 256";
  const most = Math.floor(engine.memory / engine.footprint(cheapRun(config).step));
  const sizes = software ? [1, 4, 16, 64] : [...new Set([1, 4, 16, 64, most])].filter((size) => size <= most);
  const groups: GroupRow[] = [];
  let kernels: WebGpuReport["kernels"] = "the adapter has no timestamps";
  for (const size of sizes) {
    progress(`${size} × (${name})`);
    const isLast = size === sizes.at(-1);
    groups.push(
      await measureGroup(engine, `${size} × (${name})`, copiesOf(config, size), ceilings, undefined, async (group) => {
        if (isLast && group.hasClock) kernels = await profile(group);
      }),
    );
  }

  const packed = packExperiment(engine);
  const mixed = software ? grid().filter(isSmall).slice(0, 16).map(cheapRun) : packed[0].map(({ run }) => run);
  for (const merging of ["template", "epilogue"] as const) {
    progress(`${mixed.length} different configurations, merged by ${merging}`);
    const merged = await openTunedWebGpuEngine({ merging });
    if (!merged) throw new EngineFailure("lost", `Cannot measure groups merged by ${merging}: the adapter is gone`);
    try {
      groups.push(await measureGroup(merged, `${mixed.length} different configurations`, mixed, ceilings));
    } finally {
      await merged.close();
    }
  }

  progress("steps back");
  return {
    report: { groups, kernels },
    stepsBack: software ? [] : await benchStepsBack(engine),
    training01: software ? undefined : await measureTraining(engine, packed, ceilings, progress),
  };
}

async function measureTraining(
  engine: WebGpuEngine,
  packed: readonly (readonly PackedRun[])[],
  ceilings: Ceilings,
  progress: (what: string) => void,
): Promise<Measured01["training"]> {
  const steps = totalSteps(SETTINGS_01, 1), groups: TrainedGroup[] = [];
  for (const [i, runs] of packed.entries()) {
    progress(`experiment 01, group ${i + 1} of ${packed.length}`);
    const timing = { rounds: 3 };
    const { ms_per_step } = await measureGroup(engine, "", runs.map(({ run }) => run), ceilings, timing);
    groups.push({ seconds: steps * ms_per_step / 1000, configs: runs.map(({ entry }) => entry.config) });
  }
  return {
    on: `${engine.name} (${engine.adapter})`,
    trainsOnCpu: false,
    groups,
    from: `some steps of each of the ${packed.length} groups that train makes`,
  };
}
