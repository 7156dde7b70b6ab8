/** How many runs of what, trained how: phrases that pictures and the page share. */
import { ownCellName } from "../data/cell_names.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { cohortsOf } from "../data/baselines.ts";
import { countConfigurations, type MergedRow } from "../data/merged.ts";
import { distinct, type RunRow } from "../data/rows.ts";
import { counted, formatCount } from "../../cells/counts.ts";

function runsOf(rows: readonly MergedRow[]): RunRow[] {
  return rows.flatMap(({ runs }) => runs);
}

/** `432 configurations, one seed each,` or `432 configurations, 2 to 3 seeds each (1,290 runs),`. */
export function finishedRuns(rows: readonly MergedRow[], table: FactorTable = GATED): string {
  const seedsOf = Map.groupBy(runsOf(rows), ({ id }) => id);
  const counts = distinct([...seedsOf.values()], (runs) => runs.length), most = counts.at(-1)!;
  const each = seedsOf.size > 1 ? " each" : "";
  const seeds = most === 1
    ? `one seed${each}`
    : `${range(counts, "seed")}${each} (${counted(runsOf(rows).length, "run")})`;
  const controls = new Set(rows.filter(({ control }) => control).map(({ id }) => id)).size;
  const marked = controls ? ` (${counted(controls, "control")} among them)` : "";
  return `${configurationsOf(rows, table)}${marked}, ${seeds},`;
}

/** `51 configurations`; where there are baselines, `48 gated and 3 baseline configurations`. */
export function configurationsOf(rows: readonly MergedRow[], table: FactorTable): string {
  const { own, baselines } = cohortsOf(table, rows);
  if (!baselines.length) return counted(countConfigurations(rows), "configuration");
  const others = counted(countConfigurations(baselines), "baseline configuration");
  return `${formatCount(countConfigurations(own))} ${ownCellName(table)} and ${others}`;
}

/** `tinyshakespeare, 10,989 training steps each`; tokens are named where they are not bytes. */
export function corpusAndSteps(rows: readonly MergedRow[]): string {
  const corpora = distinct(
    runsOf(rows),
    ({ dataset, reads, tokens }) => reads === "byte" ? dataset : `${dataset} (${tokens})`,
  ).join(" and ");
  return `${corpora}, ${range(distinct(rows, (row) => row.steps_done), "training step")} each`;
}

/** The runs' corpus and training settings, in a sentence. */
export function settingsOf(rows: readonly MergedRow[], table: FactorTable = GATED): string {
  const runs = runsOf(rows);
  const batch = range(distinct(runs, (row) => row.batch_size), "sequence");
  const history = range(distinct(runs, (row) => row.history_size), rows[0].reads);
  const engines = distinct(runs, (row) => row.engine).join(" and ");
  return `${finishedRuns(rows, table)} trained on ${corpusAndSteps(rows)}, ` +
    `with batches of ${batch} in passes of ${history}, by ${engines}.`;
}

/** `10,989 steps`, or the least and the most where they differ. */
function range(values: readonly number[], noun: string): string {
  const most = counted(values[values.length - 1], noun);
  return values.length === 1 ? most : `${formatCount(values[0])} to ${most}`;
}
