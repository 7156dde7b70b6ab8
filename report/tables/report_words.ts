/** How many runs of what, trained how: phrases that pictures and the page share. */
import { ownCellName } from "../data/cell_names.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { cohortsOf } from "../data/baselines.ts";
import { countConfigurations, type MergedRow } from "../data/merged.ts";
import { stepsBack } from "../data/reading.ts";
import { distinct, type RunRow } from "../data/rows.ts";
import type { StepsBackAnswers } from "../statistics/steps_back.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { listed } from "./factor_words.ts";

function runsOf(rows: readonly MergedRow[]): RunRow[] {
  return rows.flatMap(({ runs }) => runs);
}

/** `432 configurations, one seed each,` or `432 configurations, 2 to 3 seeds each (1,290 runs),`. */
export function finishedRuns(rows: readonly MergedRow[], table: FactorTable = GATED): string {
  const controls = new Set(rows.filter(({ control }) => control).map(({ id }) => id)).size;
  const marked = controls ? ` (${counted(controls, "control")} among them)` : "";
  return `${configurationsOf(rows, table)}${marked}, ${seedsWords(rows)},`;
}

/** `one seed each`, or `2 to 3 seeds each (1,290 runs)`. */
export function seedsWords(rows: readonly MergedRow[]): string {
  const seedsOf = Map.groupBy(runsOf(rows), ({ id }) => id);
  const counts = distinct([...seedsOf.values()], (runs) => runs.length), most = counts.at(-1)!;
  const each = seedsOf.size > 1 ? " each" : "";
  return most === 1 ? `one seed${each}` : `${range(counts, "seed")}${each} (${counted(runsOf(rows).length, "run")})`;
}

/** `2 gated and 2 baseline configurations with 1, 4 and 16 steps back, 3 seeds each (36 runs),`: each counts once, whatever its steps back. */
export function stepsBackRuns({ best, rows }: StepsBackAnswers, table: FactorTable = GATED): string {
  const levels = listed(distinct(rows, stepsBack).map(String));
  return `${configurationsOf(best, table)} with ${levels} steps back, ${seedsWords(rows)},`;
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
  return `${corpusText(rows)}, ${range(distinct(rows, (row) => row.steps_done), "training step")} each`;
}

/** `tinyshakespeare`; tokens are named where they are not bytes. */
export function corpusText(rows: readonly MergedRow[]): string {
  return distinct(
    runsOf(rows),
    ({ dataset, reads, tokens }) => reads === "byte" ? dataset : `${dataset} (${tokens})`,
  ).join(" and ");
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
