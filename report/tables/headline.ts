/** What a study found, in a few sentences that a person can repeat: how large, how sure, under which conditions; then what is best. */
import { counted, formatCount } from "../../cells/counts.ts";
import { type Factor, type FactorTable, isSize, trainingFactors } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import { compareBy, type Criterion, criterionInWords, criterionOf } from "../../experiments/study/criterion.ts";
import type { Study } from "../../experiments/study/store.ts";
import { cohortsOf } from "../data/baselines.ts";
import { ownCellName } from "../data/cell_names.ts";
import { countConfigurations, type MergedRow } from "../data/merged.ts";
import { distinct, levelsIn, type RunRow, shownIn } from "../data/rows.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import { bySize, isClear, qualificationOf } from "./clear_effects.ts";
import { qualificationWords } from "./dependence_words.ts";
import { measureInSentence, unitOfMeasure } from "./effect_tables.ts";
import { direction, evidenceWords } from "./effect_words.ts";
import { atSecondValue, contrastWords, inSentence, listed, withUnit } from "./factor_words.ts";
import { formatDifference, formatSize, formatSpread } from "./format.ts";
import { testScore } from "./metric_text.ts";

/** What the headline is of. */
export interface HeadlineData {
  /** At least one configuration, best first. */
  readonly rows: readonly MergedRow[];
  readonly effects: Effects;
  /** Whose factors are named. */
  readonly table?: FactorTable;
  /** What commands name: the study itself in a terminal, `ANY_STUDY` on pages. */
  readonly study: Pick<Study, "dir">;
}

/** The largest effect, where factors can be compared, then what is best, and how that stands to baselines. */
export function headline({ rows, effects, table = GATED, study }: HeadlineData): string {
  const found = effectSentence(effects, study);
  return [...(found ? [`${found}; ${conditions(rows, table)}.`] : []), bestWords(rows, table)].join(" ");
}

/** Undefined where no two runs can be compared. */
function effectSentence(effects: Effects, study: Pick<Study, "dir">): string | undefined {
  const sorted = bySize(effects[effects.primary].filter(({ pairs }) => pairs > 0)), [largest] = sorted;
  if (!largest) return undefined;
  if (sorted.every(({ p }) => p === undefined)) return withoutInterval(largest, effects, study);
  if (isClear(largest)) {
    return `The largest effect is that of ${inSentence(largest.factor)}: ${sizeWords(largest, effects)}`;
  }
  const { noun: [one] } = contrastWords(sorted);
  const none = `No ${one} has a significant effect on ${measureInSentence(effects.primary)}`;
  const turning = sorted.find((effect) => qualificationOf(effect)?.kind === "clear");
  return turning
    ? `${none} on average, but ${inSentence(turning.factor)} has one that is not the same everywhere: ${
      sizeWords(turning, effects)
    }`
    : `${none}; the largest difference is that of ${inSentence(largest.factor)}: ${sizeWords(largest, effects)}`;
}

function withoutInterval(largest: FactorEffect, effects: Effects, study: Pick<Study, "dir">): string {
  const isOneSeed = largest.seeds.length === 1;
  const caution = isOneSeed
    ? `one seed says nothing of others (${commandOn("init", study, "01", { seeds: 3 })} adds seeds)`
    : "one pair is too few for an interval";
  return `In ${isOneSeed ? "this one seed's" : "these few"} runs the largest difference is that of ${
    inSentence(largest.factor)
  }: ${sizeWords(largest, effects)}; ${caution}`;
}

/** `with it on, the test score is lower by 0.213 bits per byte (95 % interval …)`, and what must not be left out. */
function sizeWords(effect: FactorEffect, { primary, reads }: Effects): string {
  const { difference = 0, p_holm } = effect, unit = unitOfMeasure(primary, reads);
  const size = difference === 0
    ? "the same"
    : `${direction(difference)} by ${formatSize(Math.abs(difference))} ${unit}`;
  const evidence = evidenceWords(effect, p_holm, ["pair of configurations", "pairs of configurations"]);
  return `${atSecondValue(effect)}, ${measureInSentence(primary)} is ${size} (${evidence})${
    qualificationWords(effect)
  }`;
}

/** What the compared runs were trained on, and how: `trained on tinyshakespeare, 1 layer, state size 16, 999 steps, …`. */
function conditions(rows: readonly MergedRow[], table: FactorTable): string {
  const own = cohortsOf(table, rows).own.filter(({ control }) => !control), runs = own.flatMap(({ runs }) => runs);
  const training = trainingFactors(table);
  const shared = shownIn(table, own).filter((factor) =>
    !isSize(factor) && !training.includes(factor) && factor.kind !== "switch" && levelsIn(factor, own).length === 1
  );
  const values = (of: (run: RunRow) => number) => listed(distinct(runs, of).map(formatCount));
  return [
    `trained on ${listed(distinct(runs, ({ dataset }) => dataset))}`,
    ...[...table.factors.filter(isSize), ...shared].map((factor) => levelsOf(factor, own)),
    `${values(({ steps_done }) => steps_done)} steps`,
    `batch size ${values(({ batch_size }) => batch_size)}`,
    ...training.map((factor) => levelsOf(factor, own)),
  ].join(", ");
}

/** `1, 2 and 3 layers`, `state size 16`. */
function levelsOf(factor: Factor, rows: readonly MergedRow[]): string {
  const values = withUnit(factor, levelsIn(factor, rows));
  return factor.kind === "integer" && factor.unit ? values : `${factor.label} ${values}`;
}

/** The best configuration, by what it was chosen, and beside it the best baseline. */
export function bestWords(rows: readonly MergedRow[], table: FactorTable = GATED): string {
  const { own, baselines } = cohortsOf(table, rows), criterion = criterionOfRows(rows);
  return [
    bestOf(own, baselines.length ? ` ${ownCellName(table)}` : "", criterion),
    ...bestBaseline(own, baselines, criterion),
  ].join(" ");
}

function chosenRun({ min_loss, validation_bits_per_byte, test_loss }: RunRow) {
  return { min_loss, validation_bits_per_byte, isScored: test_loss !== undefined };
}

function criterionOfRows(rows: readonly MergedRow[]): Criterion {
  return criterionOf(rows.flatMap(({ runs }) => runs.map(chosenRun)));
}

/** The number that a configuration is chosen by, with its unit. */
function chosenBy(row: MergedRow, criterion: Criterion): string {
  if (criterion === "min loss") return `${formatSpread(row.min_loss)} nats per ${row.reads}`;
  const score = row.validation_bits_per_byte;
  return score ? `${formatSpread(score)} bits per byte` : "not scored yet";
}

/** @param kind of configurations, with a space before it */
function bestOf(rows: readonly MergedRow[], kind: string, criterion: Criterion): string {
  const [best] = rows;
  const test = best.test_bits_per_byte === undefined
    ? "it has not been scored on the test split"
    : `on the test split it needs ${testScore(best)} bits per byte`;
  const seeds = best.runs.length > 1 ? ` (mean ± standard deviation of ${counted(best.runs.length, "seed")})` : "";
  const control = best.control ? " It is a control: the short ranking of experiment 01 had left it out." : "";
  const count = countConfigurations(rows), score = `${chosenBy(best, criterion)}${seeds}`;
  if (count > 1) {
    return `Of ${formatCount(count)}${kind} configurations, ${best.label} has ${
      criterionInWords(criterion)
    }, ${score}; ${test}.` +
      control;
  }
  const own = criterion === "min loss" ? "its training loss fell to" : "its score on the validation split is";
  return `The only${kind} configuration with a finished run is ${best.label}: ${own} ${score}, and ${test}.${control}`;
}

/** The best baseline beside the best of what it is compared with; nothing where there is none. */
function bestBaseline(
  [own]: readonly MergedRow[],
  [best, ...others]: readonly MergedRow[],
  criterion: Criterion,
): string[] {
  if (!best) return [];
  const test = best.test_bits_per_byte ? `, on the test split ${testScore(best)} bits per byte` : "";
  const which = others.length ? "The best baseline" : "The baseline";
  const [one, two] = [best, own].map((row) => ({
    min_loss: row.min_loss.mean,
    validation_bits_per_byte: row.validation_bits_per_byte?.mean,
    isScored: row.test_loss !== undefined,
  }));
  const place = compareBy(criterion, one, two) < 0 ? "lower" : "higher";
  return [`${which}, ${best.label}, is ${place}: ${chosenBy(best, criterion)}${test}.`];
}
