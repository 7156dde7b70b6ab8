/**
 * The effects of the factors in plain words. With one seed they speak of that seed's runs alone, and no word says that
 * a value is better.
 */
import { maxOf, minOf } from "../../cells/extremes.ts";
import { formatLevel, isSwitch } from "../../cells/factor.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Study } from "../../experiments/study/store.ts";
import { formatInterval, formatSeeds } from "./effect_tables.ts";
import { atSecondValue, contrastWords, spelled } from "./factor_words.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import type { PairShares } from "../statistics/pair_shares.ts";
import type { LogLossRegression } from "../statistics/regression.ts";
import type { Unit } from "../../cells/unit.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { formatDifference, formatLoss, formatP } from "./format.ts";

/** At or below this corrected p a difference is called clear. */
export const CLEAR_P = 0.05;

/** Which factors matter, by how much, how sure. */
export interface EffectWords {
  lead: string;
  /** One line per factor, the largest clear difference first. */
  factors: string[];
  /** What is known of seeds, and what to keep in mind. */
  seeds: string;
}

/** How many seeds the pairs have: least and most of any pair; 0 where there is no pair. */
export function seedsOfPairs({ min_loss }: Effects): { least: number; most: number } {
  const paired = min_loss.filter(({ pairs }) => pairs).map(({ seeds }) => seeds);
  if (!paired.length) return { least: 0, most: 0 };
  return {
    least: minOf(paired.map(({ least }) => least)),
    most: maxOf(paired.map(({ most }) => most)),
  };
}

/** Whether a difference is clear: its p, corrected over the factors, is at most {@linkcode CLEAR_P}. */
export function isClear({ p_holm }: FactorEffect): boolean {
  return p_holm !== undefined && p_holm <= CLEAR_P;
}

/** Whether the seeds by themselves differ by more than independent pairs would. */
export function seedsDisagree({ p_seeds }: FactorEffect): boolean {
  return p_seeds !== undefined && p_seeds <= CLEAR_P;
}

/** The factors, clear differences first, then the others, each from the largest; those without a pair last. */
export function bySize(effects: readonly FactorEffect[]): FactorEffect[] {
  const rank = (effect: FactorEffect) => effect.difference === undefined ? 2 : isClear(effect) ? 0 : 1;
  const size = ({ difference }: FactorEffect) => Math.abs(difference ?? 0);
  return [...effects].sort((a, b) => rank(a) - rank(b) || size(b) - size(a));
}

/**
 * The effects in words.
 *
 * @param study what commands in them name: the study itself in a terminal, `ANY_STUDY` on pages
 */
export function effectWords(effects: Effects, study: Pick<Study, "dir">): EffectWords {
  const sorted = bySize(effects.min_loss);
  const test = new Map(effects.test_bits_per_byte.map((effect) => [effect.factor.key, effect]));
  return {
    lead: leadOf(effects, sorted),
    factors: sorted.map((effect) => factorWords(effect, test.get(effect.factor.key)!, effects.reads)),
    seeds: [seedWords(effects, study), ...effects.training.map(trainingWords)].join(" "),
  };
}

/** {@linkcode effectWords} as plain text. */
export function effectText(effects: Effects, study: Pick<Study, "dir">): string {
  const { lead, factors, seeds } = effectWords(effects, study);
  return [lead, ...factors.map((line) => `  - ${line}`), seeds].join("\n");
}

function leadOf(effects: Effects, sorted: readonly FactorEffect[]): string {
  const compared = sorted.filter(({ pairs }) => pairs), { noun: [one, several] } = contrastWords(sorted);
  if (!compared.length) {
    return `Which ${several} matter cannot be said: no two finished runs differ in one ${one} alone.`;
  }
  const { least, most } = seedsOfPairs(effects);
  const where = most === 1
    ? "In this one seed's runs"
    : `Averaged over ${least === most ? most : `${least} to ${most}`} seeds,`;
  const clear = compared.filter(isClear);
  const [largest] = clear;
  if (!largest) {
    return `${where} no ${one} has a significant effect on the lowest training loss: every corrected p is above ${CLEAR_P}.`;
  }
  const direction = largest.difference! < 0 ? "lower" : "higher";
  return `${where} ${clear.length} of ${counted(compared.length, one, several)} that can be compared ` +
    `${
      clear.length === 1 ? "has" : "have"
    } a significant effect on the lowest training loss (corrected p at most ${CLEAR_P}), ` +
    `most of all the ${largest.factor.label}: ${atSecondValue(largest)}, the loss is ${direction} by ` +
    `${formatLoss(Math.abs(largest.difference!))} nats per ${effects.reads}.`;
}

function factorWords(effect: FactorEffect, test: FactorEffect, reads: Unit): string {
  const { factor, difference, interval, p_holm, lower, pairs } = effect, { label } = factor;
  if (difference === undefined) return `${label}: cannot be compared, since no two runs differ in it alone`;
  const known = [
    interval ? `95 % interval ${formatInterval(interval)}` : "too few pairs for an interval",
    `corrected p ${formatP(p_holm!)}`,
    `lower in ${formatCount(lower)} of ${counted(pairs, "pair")}`,
  ].join(", ");
  const found = isClear(effect)
    ? `${difference < 0 ? "lower" : "higher"} ${atSecondValue(effect)}`
    : `no clear difference${isSwitch(factor) ? "" : ` ${atSecondValue(effect)}`}`;
  const scored = test.difference === undefined ? "" : `; test ${formatDifference(test.difference)} bits per byte`;
  const seeds = seedsDisagree(effect) ? `; by single seeds ${formatSeeds(effect)}` : "";
  return `${label}: ${found}, ${formatDifference(difference)} nats per ${reads} (${known})${seeds}${scored}`;
}

/** What is known of seed noise, in a line or two; see {@linkcode effectWords}. */
export function seedWords(effects: Effects, study: Pick<Study, "dir">): string {
  const { least, most } = seedsOfPairs(effects);
  const { noun: [one] } = contrastWords(effects.min_loss);
  if (most === 0) return `Effects are means over pairs of configurations that differ in one ${one} alone.`;
  const { seed_noise } = effects;
  if (most === 1 || !seed_noise) {
    return "One seed: seed noise is unknown. Another seed may give other numbers, so “lower” means lower in this one " +
      `seed's runs; ${commandOn("init", study, "01", { seeds: 3 })} adds seeds.`;
  }
  const count = least === most ? `${most} seeds` : `${least} to ${most} seeds`;
  const share = seed_noise.share === undefined
    ? ""
    : `; it explains ${percent(seed_noise.share)} of how pairs of one ${one} differ from each other`;
  const some = least > 1 ? "" : " Pairs of one seed alone say nothing about seeds.";
  return `${count} per pair, averaged first. Seed noise: runs of one configuration differ by a standard deviation of ` +
    `${formatLoss(seed_noise.deviation)} nats per ${effects.reads} (${
      counted(seed_noise.configurations, "configuration")
    })${share}.${some}${disagreement(effects)}`;
}

/** A pair counts once, however it was trained, so the value with the most pairs has the most say. */
function trainingWords({ factor, pairs }: PairShares): string {
  const most = pairs.reduce((most, one) => one.count > most.count ? one : most);
  const counts = pairs.map(({ value, count }) => `${formatCount(count)} at ${formatLevel(factor, value)}`).join(", ");
  const isMostly = 2 * most.count > pairs.reduce((sum, { count }) => sum + count, 0);
  const which = isMostly ? `, so the means are mostly those at ${formatLevel(factor, most.value)}` : "";
  return `Both of a pair have one ${factor.label}: of all pairs, ${counts}; each counts once${which}.`;
}

function disagreement({ min_loss }: Effects): string {
  const labels = min_loss.filter(seedsDisagree).map(({ factor }) => factor.label);
  if (!labels.length) return "";
  return ` Seeds disagree by more than independent pairs would (${
    labels.join(", ")
  }): there, errors are correlated within a seed, and ` +
    "another seed may well give a mean outside the interval.";
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
    `R² is ${formatLoss(r2)} on configurations that it had not seen (${folds}-fold cross-validation).`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
