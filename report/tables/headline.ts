/** What a study found, in a few sentences that a person can repeat: how large, how sure, under which conditions; then what is best. */
import { formatCount } from "../../cells/counts.ts";
import { type FactorTable, isOther, isSize, isTuned, trainingFactors } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { type Criterion, criterionInWords } from "../../experiments/study/criterion.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { Study } from "../../experiments/study/store.ts";
import { cohortsOf } from "../data/baselines.ts";
import { ownCellName } from "../data/cell_names.ts";
import { countConfigurations, criterionOfRows, type MergedRow, rankedBy } from "../data/merged.ts";
import type { Level } from "../data/levels.ts";
import { areSeveralBack, type Basis, equalRuns, stepsBack } from "../data/reading.ts";
import { distinct, type RunRow } from "../data/rows.ts";
import { isTrainedAs, pairedBySeed } from "../statistics/baseline_comparison.ts";
import type { DynamicsAnswers } from "../statistics/dynamics_effects.ts";
import type { Effects, FactorEffect, FactorLevels } from "../statistics/effects.ts";
import type { PromotionAudit } from "../statistics/promotion_audit.ts";
import type { StepsBackAnswers } from "../statistics/steps_back.ts";
import { bySize, isSignificant, qualificationOf } from "./significant_effects.ts";
import { criterionAxis } from "./criterion_words.ts";
import { qualificationWords } from "./dependence_words.ts";
import { memoryHeadline } from "./dynamics_words.ts";
import { formatInterval } from "./effect_tables.ts";
import { measureInSentence, unitOfMeasure } from "./measure_words.ts";
import { addSeeds, direction, evidenceWords } from "./effect_words.ts";
import { atSecondValue, contrastWords, inSentence, listed, withUnit } from "./factor_words.ts";
import { formatDifference, formatSize, formatSpread } from "./format.ts";
import { testScore } from "./metric_text.ts";
import { promotionWords } from "./promotion_words.ts";
import { stepsBackSentences } from "./steps_back_words.ts";
import { signChangeWords } from "./training_effect_words.ts";

/** What the headline is of. */
export interface HeadlineData {
  /** At least one configuration, best first. */
  readonly rows: readonly MergedRow[];
  readonly effects: Effects;
  /** Whose factors are named. */
  readonly table?: FactorTable;
  /** What commands name: the study itself in a terminal, `ANY_STUDY` on pages. */
  readonly study: Pick<Study, "dir">;
  /** Of which these are; 01 where absent. */
  readonly experiment?: Experiment;
  /** Of an experiment that was chosen by the ranking of another. */
  readonly promotion?: PromotionAudit;
  /** Where the study varies the number of steps back. */
  readonly stepsBack?: StepsBackAnswers;
  /** What scores are held against, nats per what the models read. */
  readonly levels?: readonly Level[];
  /** What was measured of the runs' dynamics. */
  readonly dynamics?: DynamicsAnswers;
}

/**
 * The largest effect, where factors can be compared, then what is best, and how that stands to baselines; then what more steps back change. Of an experiment that was chosen, whether it
 * was chosen well: effects among what was chosen for its score say little. Last, where dynamics were measured, what lengthens memory.
 */
export function headline({ promotion, stepsBack, levels, dynamics, ...data }: HeadlineData): string {
  const { rows, table = GATED, study, experiment = "01" } = data;
  const found = experiment === "01" ? effectFound({ ...data, table, experiment }) : auditFound(promotion, study);
  const back = stepsBack ? stepsBackSentences(stepsBack, levels) : [];
  const memory = dynamics && experiment === "01" ? memoryHeadline(dynamics) : [];
  return [...found, bestWords(rows, table), ...back, ...equalityWords(rows), ...memory].join(" ");
}

/** In what runs are equal that go back by several numbers of steps: what is best among them is best under that condition. */
function equalityWords(rows: readonly MergedRow[]): string[] {
  if (!areSeveralBack(rows)) return [];
  const [{ reads }] = rows, runs = rows.flatMap((row) => row.runs), levels = distinct(runs, stepsBack);
  const isEqualIn = (basis: Basis) => distinct(equalRuns(runs, basis), stepsBack).length === levels.length;
  const equal = isEqualIn("bytes")
    ? `read the same number of ${reads}s, with fewer updates at more steps back`
    : isEqualIn("updates")
    ? `made the same number of updates, and read more ${reads}s at more steps back`
    : `read different numbers of ${reads}s and made different numbers of updates`;
  return [`Runs with ${listed(levels.map(String))} steps back have ${equal}.`];
}

/** What an effect sentence is made of. */
type EffectData = Required<Omit<HeadlineData, "promotion" | "stepsBack" | "levels" | "dynamics">>;

function effectFound(data: EffectData): string[] {
  const { effects } = data, compared = bySize(effects[effects.primary].filter(({ pairs }) => pairs > 0));
  return compared.length ? [effectSentence(compared, data)] : [];
}

function auditFound(promotion: PromotionAudit | undefined, study: Pick<Study, "dir">): string[] {
  return promotion?.regret ? promotionWords(promotion, study).slice(0, 1) : [];
}

/** @param sorted at least one effect of which there are pairs: see {@linkcode bySize} */
function effectSentence(sorted: readonly FactorEffect[], data: EffectData): string {
  const told = toldEffect(sorted);
  return `${findingWords(told, sorted, data)}; ${conditions(told, data.rows, data.table)}.`;
}

/** The largest significant effect; without one, one that changes sign; else the largest difference. */
function toldEffect(sorted: readonly FactorEffect[]): FactorEffect {
  const [largest] = sorted;
  if (isSignificant(largest)) return largest;
  return sorted.find((effect) => qualificationOf(effect)?.kind === "significant") ?? largest;
}

function findingWords(
  told: FactorEffect,
  sorted: readonly FactorEffect[],
  { effects, study, experiment }: EffectData,
): string {
  const { noun: [one] } = contrastWords(sorted), which = inSentence(told.factor), size = sizeWords(told, effects);
  if (sorted.every(({ difference }) => difference === 0) && !qualificationOf(told)) {
    return `In these runs no ${one} changes ${measureInSentence(effects.primary)} at all`;
  }
  if (sorted.every(({ p }) => p === undefined)) return withoutInterval(told, effects, addSeeds(study, experiment));
  if (isSignificant(told)) {
    const isLargest = sorted.every(({ difference = 0 }) => Math.abs(difference) <= Math.abs(told.difference!));
    return `The largest ${isLargest ? "" : "significant "}effect is that of ${which}: ${size}`;
  }
  const none = `No ${one} has a significant effect on ${measureInSentence(effects.primary)}`;
  return qualificationOf(told)?.kind === "significant"
    ? `${none} on average, but the effect of ${which} depends on another factor: ${size}`
    : `${none}; the largest difference is that of ${which}: ${size}`;
}

/** @param seedsAdvice how more seeds come about */
function withoutInterval(largest: FactorEffect, effects: Effects, seedsAdvice: string): string {
  const isOneSeed = largest.seeds.length === 1;
  const caution = isOneSeed ? `one seed does not generalize (${seedsAdvice})` : "one pair is too few for an interval";
  return `In ${isOneSeed ? "this one seed's" : "these few"} runs the largest difference is that of ${
    inSentence(largest.factor)
  }: ${sizeWords(largest, effects)}; ${caution}`;
}

/** `with it on, the test score is lower by 0.213 bits per byte (95 % interval …)`, and what must not be left out. */
function sizeWords(effect: FactorEffect, effects: Effects): string {
  const { primary, reads } = effects;
  const { difference = 0, p_holm } = effect, unit = unitOfMeasure(primary, reads);
  const size = difference === 0
    ? "the same"
    : `${direction(difference)} by ${formatSize(Math.abs(difference))} ${unit}`;
  const evidence = evidenceWords(effect, p_holm, ["pair of configurations", "pairs of configurations"]);
  return `${atSecondValue(effect)}, ${measureInSentence(primary)} is ${size} (${evidence})${
    qualificationWords(effect)
  }${signChangeWords(effect, effects)}`;
}

/** What the compared runs were trained on, and how: `trained on tinyshakespeare, 1 layer, state size 16, 999 steps, …`. */
function conditions({ over }: FactorEffect, rows: readonly MergedRow[], table: FactorTable): string {
  const own = cohortsOf(table, rows).own.filter(({ control }) => !control), runs = own.flatMap(({ runs }) => runs);
  const training = trainingFactors(table);
  // How it is usually trained is said of what each study chooses, and of nothing else.
  const isTraining = ({ factor, levels }: FactorLevels) =>
    training.includes(factor) && (isTuned(factor) || levels.some((value) => value !== factor.default));
  // Switches have both values nearly everywhere; a default of the cell goes without saying.
  const ofModel = over.filter(({ factor, levels }) =>
    isSize(factor) ||
    (isOther(factor) && !training.includes(factor) && levels.some((value) => value !== factor.default))
  );
  const values = (of: (run: RunRow) => number) => listed(distinct(runs, of).map(formatCount));
  return [
    `trained on ${listed(distinct(runs, ({ dataset }) => dataset))}`,
    ...ofModel.map(levelsWords),
    `${values(({ steps_done }) => steps_done)} steps`,
    `batch size ${values(({ batch_size }) => batch_size)}`,
    ...over.filter(isTraining).map(levelsWords),
  ].join(", ");
}

/** `1, 2 and 3 layers`, `state size 16`. */
function levelsWords({ factor, levels }: FactorLevels): string {
  const values = withUnit(factor, levels);
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

/** @param kind of configurations, with a space before it */
function bestOf(rows: readonly MergedRow[], kind: string, criterion: Criterion): string {
  const [best] = rows;
  const test = best.test_bits_per_byte === undefined
    ? "it has not been scored on the test split"
    : `its test score is ${testScore(best)} bits per byte${beyondMemoryless(best)}`;
  const seeds = best.runs.length > 1 ? ` (mean ± standard deviation of ${best.runs.length} seeds)` : "";
  const control = best.control ? " It is a control: the short ranking of experiment 01 did not promote it." : "";
  const count = countConfigurations(rows), score = `${scoreText(best, criterion)}${seeds}`;
  return (count > 1
    ? `Of ${formatCount(count)}${kind} configurations, ${best.label} has ${
      criterionInWords(criterion)
    }, ${score}; ${test}.`
    : `The only${kind} configuration with a finished run is ${best.label}: ${
      criterion === "min loss" ? "its training loss fell to" : "its score on the validation split is"
    } ${score}, and ${test}.`) + control;
}

/** A warning where nothing shows that the best one uses its memory; empty where it is below the baseline of order 1, or none is known. */
function beyondMemoryless({ gain_over_order_1: gain }: MergedRow): string {
  return gain && gain.mean <= 0
    ? ", which is no better than the n-gram baseline of order 1, the level of a network without memory: longer training may change which parts matter"
    : "";
}

/** The number that a configuration is chosen by, with its unit. */
function scoreText(row: MergedRow, criterion: Criterion): string {
  const score = rankedBy(row, criterion);
  return score ? `${formatSpread(score)} ${criterionAxis(criterion, row.reads).unit}` : "not scored yet";
}

/** The best baseline beside the best of what it is compared with; nothing where there is none. */
function bestBaseline(
  [own]: readonly MergedRow[],
  [best, ...others]: readonly MergedRow[],
  criterion: Criterion,
): string[] {
  if (!best) return [];
  const which = others.length ? "The best baseline" : "The baseline";
  const [baseline, cell] = [best, own].map((row) => rankedBy(row, criterion)?.mean ?? Infinity);
  return [
    `${which}, ${best.label}, is ${baseline < cell ? "lower" : "higher"}: ${scoreText(best, criterion)}${
      testBeside(best, own)
    }.`,
  ];
}

/** A baseline's test score and how it stands to that of the cell, paired by seed: not always as what they were chosen by. */
function testBeside(baseline: MergedRow, own: MergedRow): string {
  if (!baseline.test_bits_per_byte) return "";
  const score = `${testScore(baseline)} bits per byte`;
  const { difference, interval } = pairedBySeed(baseline, own, "test_bits_per_byte");
  if (difference === undefined || !isTrainedAs(baseline, own)) return `; its test score is ${score}`;
  const sure = interval ? `95 % interval ${formatInterval(interval)}` : "one seed: no interval";
  return `; its test score is ${direction(difference)}: ${score} (difference ${formatDifference(difference)}, ${sure})`;
}
