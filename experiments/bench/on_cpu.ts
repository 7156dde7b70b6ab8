/** Training steps of engines on the CPU, and the table that they and others stand in. */
import type { CellConfig } from "../../cells/config.ts";
import { maxOf } from "../../cells/extremes.ts";
import { productFlop } from "../../cells/graph/cost.ts";
import { BEST_CONFIG, SMALL_CONFIG } from "../../cells/known_configs.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { plural } from "../../train/terminal/words.ts";
import { CONTEST, type ContestTiming } from "./contest.ts";
import { shapeOf } from "./experiment_01.ts";
import { bareContender, copies, groupContender, takeTurns } from "./measure.ts";
import { benchStepsBack, type StepsBackRow } from "./steps_back.ts";

/** What is measured, and for how long: tests have less. */
export interface BenchSizes {
  /** The best configuration. */
  readonly best: CellConfig;
  /** One whose steps are mostly overhead. */
  readonly small: CellConfig;
  readonly timing: ContestTiming;
}

/** What `bench` measures. */
export const BENCH_SIZES: BenchSizes = { best: BEST_CONFIG, small: SMALL_CONFIG, timing: CONTEST };

/** One line of the table. */
export interface Row {
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

const cores = navigator.hardwareConcurrency;

/** Matrix products of one step of a run. */
export function flopOf(config: CellConfig): number {
  return productFlop(copies(config, 1)[0].step.graph);
}

/**
 * A line of the table.
 *
 * @param ms milliseconds for a step of all its runs
 * @param flop of a step of one run
 */
export function rowOf(what: string, ms: number, flop: number, runs = 1, beside?: Row["beside"]): Row {
  return {
    what,
    ms_per_step: ms,
    run_steps_per_second: 1000 * runs / ms,
    gflop_per_second: runs * flop / ms / 1e6,
    ...(beside ? { beside } : {}),
  };
}

/** An engine that trains on the CPU: with all cores, with one, and several runs side by side. */
export async function benchOnCpu(
  engine: Engine,
  progress: (what: string) => void,
  { best, small, timing }: BenchSizes,
): Promise<{ readonly rows: Row[]; readonly steps_back: StepsBackRow[] }> {
  const { name } = engine, bestFlop = flopOf(best), smallFlop = flopOf(small);
  const ours = (config: CellConfig, runs: number, threads: number) => () =>
    groupContender(engine, copies(config, runs), threads);
  const rows: Row[] = [];
  for (const threads of new Set([cores, 1])) {
    progress(`${name}, ${threads} threads`);
    const on = plural(threads, "thread");
    const bare = () => bareContender(copies(best, 1)[0], threads);
    const [products, step] = await takeTurns([bare, ours(best, 1, threads)], timing);
    const what = `${name}: best configuration, ${on}`, base = `${name}: bare products of that step, ${on}`;
    rows.push(rowOf(what, step.ms_per_step, bestFlop, 1, { of: "its bare products", ratio: step.ratio }));
    rows.push(rowOf(base, products.ms_per_step, bestFlop));
  }
  progress(`${name}, parallel workers`);
  const [one, many] = await takeTurns([ours(best, 1, 1), ours(best, cores, 1)], timing);
  const throughput = { of: "the throughput of one worker", ratio: cores / many.ratio };
  rows.push(
    rowOf(`${name}: best configuration, ${cores} parallel runs`, many.ms_per_step, bestFlop, cores, throughput),
    rowOf(`${name}: one of these alone`, one.ms_per_step, bestFlop),
  );
  const [narrow, wide] = await takeTurns([ours(small, 1, 1), ours(small, 1, cores)], timing);
  rows.push(rowOf(`${name}: ${shapeOf(small)}, 1 thread`, narrow.ms_per_step, smallFlop));
  rows.push(rowOf(`${name}: ${shapeOf(small)}, ${cores} threads`, wide.ms_per_step, smallFlop));
  progress(`${name}, steps back`);
  return { rows, steps_back: await benchStepsBack(engine, 1, timing, best) };
}

/** The table, its head first. */
export function rowLines(rows: readonly Row[]): string[] {
  const width = maxOf(rows.map(({ what }) => what.length));
  const lines = rows.map(({ what, ms_per_step, run_steps_per_second, gflop_per_second, beside }) => {
    const note = beside ? `${beside.ratio.toFixed(2)} × ${beside.of}` : "";
    const numbers = [
      ms_per_step.toFixed(2).padStart(8),
      run_steps_per_second.toFixed(1).padStart(11),
      gflop_per_second.toFixed(1).padStart(7),
    ];
    return `${what.padEnd(width)}  ${numbers.join("  ")}  ${note}`.trimEnd();
  });
  return [`${"".padEnd(width)}   ms/step  run-steps/s  GFLOP/s`, ...lines];
}
