/**
 * The effects of the factors in plain words. With one seed they speak of that seed's runs alone; no word says that a value is better, and no effect
 * stands alone that hangs on another factor.
 */
import { counted, formatCount } from "../../cells/counts.ts";
import { isSwitch } from "../../cells/factor.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { Study } from "../../experiments/study/store.ts";
import { atLevels } from "../data/training_factors.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import type { LogLossRegression } from "../statistics/regression.ts";
import {
  bySize,
  isSignificant,
  qualificationOf,
  seedsDisagree,
  seedsOfPairs,
  SIGNIFICANT_P,
} from "./significant_effects.ts";
import { qualificationWords } from "./dependence_words.ts";
import { formatInterval, formatSeeds, randomLabel } from "./effect_tables.ts";
import { measureInSentence, unitOfMeasure } from "./measure_words.ts";
import { atSecondValue, contrastWords, spelled } from "./factor_words.ts";
import { formatDifference, formatLoss, formatP } from "./format.ts";
import { signChangeWords } from "./training_effect_words.ts";

/** Which factors matter, by how much, how sure. */
export interface EffectWords {
  readonly lead: string;
  /** A line per factor, the largest significant difference first; behind it one of its random parts. */
  readonly factors: readonly string[];
  /** What is known of seeds, and what to keep in mind, in sentences. */
  readonly notes: readonly string[];
}

/**
 * The effects on the primary measure in words.
 *
 * @param study what commands in them name: the study itself in a terminal, `ANY_STUDY` on pages
 * @param experiment of which the effects are
 */
export function effectWords(effects: Effects, study: Pick<Study, "dir">, experiment: Experiment = "01"): EffectWords {
  const { primary, reads } = effects, sorted = bySize(effects[primary]), unit = unitOfMeasure(primary, reads);
  return {
    lead: leadOf(effects, sorted),
    factors: sorted.flatMap((effect) => [factorWords(effect, effects, unit), ...randomWords(effect, unit)]),
    notes: [seedWords(effects, study, experiment), ...disagreement(sorted), ...randomNote(sorted)],
  };
}

/** {@linkcode effectWords} as plain text. */
export function effectText(effects: Effects, study: Pick<Study, "dir">, experiment: Experiment = "01"): string {
  const { lead, factors, notes } = effectWords(effects, study, experiment);
  return [lead, ...factors.map((line) => `  - ${line}`), ...notes].join("\n");
}

/** `3 seeds`, or `1 to 3 seeds`. */
function seedsOf(effects: Effects): string {
  const { least, most } = seedsOfPairs(effects);
  return least === most ? counted(most, "seed") : `${least} to ${most} seeds`;
}

function leadOf(effects: Effects, sorted: readonly FactorEffect[]): string {
  const compared = sorted.filter(({ pairs }) => pairs), { noun: [one, several] } = contrastWords(sorted);
  if (!compared.length) {
    const trained = sorted.some(({ inactive }) => inactive) ? " with all added weights trained" : "";
    return `Cannot tell which ${several} matter: no two finished runs differ in only one ${one}${trained}.`;
  }
  const of = counted(compared.length, one, several), measure = measureInSentence(effects.primary);
  if (compared.every(({ p }) => p === undefined)) {
    const where = seedsOfPairs(effects).most > 1 ? "In these few runs" : "In this one seed's runs";
    return `${where} ${of} can be compared by ${measure}, without intervals or p. From the largest difference:`;
  }
  const significant = compared.filter(isSignificant), over = `Over ${seedsOf(effects)},`;
  if (!significant.length) {
    return `${over} no ${one} has a significant effect on ${measure}: every corrected p is above ${SIGNIFICANT_P}.`;
  }
  return `${over} ${formatCount(significant.length)} of ${of} that can be compared ${
    significant.length === 1 ? "has" : "have"
  } ` +
    `a significant effect on ${measure} (corrected p at most ${SIGNIFICANT_P}): ${
      significant.map(({ factor }) => factor.label).join(", ")
    }.`;
}

/**
 * How sure a mean is, and what it is of, for a pair of brackets: `95 % interval −0.05 to −0.03, corrected p 0.001, 48 pairs × 3 seeds`. With one seed what
 * it is of, alone.
 *
 * @param p corrected
 */
export function evidenceWords(
  mean: PairMean,
  p: number | undefined,
  noun: readonly [one: string, several: string] = ["pair", "pairs"],
): string {
  const of = counted(mean.pairs, ...noun);
  return [
    ...(mean.interval ? [`95 % interval ${formatInterval(mean.interval)}`] : []),
    ...(p === undefined ? [] : [`corrected p ${formatP(p)}`]),
    `${of}${mean.seeds.length > 1 ? ` × ${counted(mean.seeds.length, "seed")}` : ", one seed"}`,
  ].join(", ");
}

function lowerIn({ lower, pairs }: PairMean): string {
  return `lower in ${formatCount(lower)} of ${formatCount(pairs)}`;
}

/** Where a difference lies, in a word. */
export function direction(difference: number): "lower" | "higher" | "equal" {
  return difference < 0 ? "lower" : difference > 0 ? "higher" : "equal";
}

function factorWords(effect: FactorEffect, effects: Effects, unit: string): string {
  const { factor, difference, inactive } = effect, { label } = factor;
  if (difference === undefined) {
    return inactive
      ? `${label}: cannot be compared: no two runs that train its added weights differ only in it`
      : `${label}: cannot be compared: no two runs differ only in it`;
  }
  return `${label}: ${foundWords(effect, difference)}, ${formatDifference(difference)} ${unit} ` +
    `(${evidenceWords(effect, effect.p_holm)}, ${lowerIn(effect)})` +
    (seedsDisagree(effect) ? `; it differs significantly between seeds: ${formatSeeds(effect)}` : "") +
    qualificationWords(effect) + signChangeWords(effect, effects) + incompleteWords(effect);
}

function foundWords(effect: FactorEffect, difference: number): string {
  const at = atSecondValue(effect);
  if (effect.p === undefined || isSignificant(effect)) return `${direction(difference)} ${at}`;
  const average = qualificationOf(effect) ? " on average" : "";
  return `no significant difference${average}${isSwitch(effect.factor) ? "" : ` ${at}`}`;
}

/** Pairs that lack a seed which the others have. */
export function incompleteWords({ incomplete }: PairMean): string {
  if (!incomplete) return "";
  return `; ${counted(incomplete, "pair")} ${
    incomplete === 1 ? "lacks one of the seeds and is" : "lack one of the seeds and are"
  } left out`;
}

/** The pairs whose added weights are never trained, apart from the effect. */
function randomWords(effect: FactorEffect, unit: string): string[] {
  const { inactive } = effect;
  if (!inactive) return [];
  const where = atLevels(inactive.at);
  return [
    `${randomLabel(effect)} (${counted(inactive.pairs, "pair")} whose added weights are never trained${
      where ? `: ${where}` : ""
    }): ${formatDifference(inactive.difference!)} ${unit} ${atSecondValue(effect)} ` +
    `(${evidenceWords(inactive, undefined)}, ${lowerIn(inactive)})${incompleteWords(inactive)}`,
  ];
}

function randomNote(effects: readonly FactorEffect[]): string[] {
  if (!effects.some(({ inactive }) => inactive)) return [];
  return [
    "Random: no gradient reaches the weights that the switch adds in these cells, so they keep their initial values. Such a pair compares a random part with " +
    "no part. That is not an effect of the switch, so no other difference and no interaction includes it. Shares of variance, the regression and group " +
    "means do include these configurations.",
  ];
}

/** How an experiment comes to several seeds, as part of a sentence. */
export function addSeeds(study: Pick<Study, "dir">, experiment: Experiment): string {
  return `${commandOn("init", study, experiment, { seeds: 3 })}, then train, adds seeds`;
}

/** What is known of seed noise, in a line or two; see {@linkcode effectWords}. */
export function seedWords(effects: Effects, study: Pick<Study, "dir">, experiment: Experiment = "01"): string {
  const { least, most } = seedsOfPairs(effects), { primary, reads, seed_noise } = effects;
  const { noun: [one] } = contrastWords(effects[primary]);
  if (most === 0) return `Effects are means over pairs of configurations that differ in only one ${one}.`;
  if (most === 1) {
    return "One seed: seed noise is unknown and cannot be separated from an effect, so there is no interval and no p, " +
      `and “lower” means lower in this one seed's runs; ${addSeeds(study, experiment)}.`;
  }
  const noise = seed_noise
    ? ` Seed noise: runs of one configuration differ by a standard deviation of ${formatLoss(seed_noise.deviation)} ${
      unitOfMeasure(primary, reads)
    } (${counted(seed_noise.configurations, "configuration")}).`
    : "";
  const some = least > 1 ? "" : " An effect of a single seed has no interval and no p.";
  return `Each difference is a mean over pairs and ${
    seedsOf(effects)
  } that all of its pairs share. Intervals and p are for other ` +
    `configurations like these with other seeds; p is corrected for the number of tests, intervals are not, so an interval may exclude zero where p is ` +
    `above ${SIGNIFICANT_P}.${noise}${some}`;
}

function disagreement(effects: readonly FactorEffect[]): string[] {
  const labels = effects.filter(seedsDisagree).map(({ factor }) => factor.label);
  return labels.length
    ? [
      `Effects that differ significantly between seeds (F test, corrected): ${
        labels.join(", ")
      }. There, errors are correlated within a seed; the intervals allow for that.`,
    ]
    : [];
}

/** `R²` of the regression and what it is of; undefined where there is none. */
export function regressionWords(regression: LogLossRegression | undefined): string {
  if (!regression) return "Too few configurations for a regression.";
  const { runs, other_settings, baselines, no_logarithm, folds, r2, terms, without_term } = regression;
  const without = [
    ...(other_settings ? [`${counted(other_settings, "run")} with other training settings`] : []),
    ...(baselines ? [`${counted(baselines, "run")} of baselines`] : []),
    ...(no_logarithm ? [`${counted(no_logarithm, "run")} with a loss of 0`] : []),
  ];
  const rest = without.length ? ` (${without.join(" and ")} left out)` : "";
  const which = without_term.length
    ? `${spelled(terms.length)} hyperparameters (not on ${
      without_term.map(({ label }) => label).join(", ")
    }, whose values have no order)`
    : `all ${spelled(terms.length)} hyperparameters`;
  return `Linear regression of the logarithm of the lowest loss on ${which}, ${counted(runs, "run")}${rest}: ` +
    `R² is ${formatLoss(r2)} on held-out configurations (${folds}-fold cross-validation).`;
}
