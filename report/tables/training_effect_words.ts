/** Whether the effects hold where configurations are trained otherwise, in words and in a table: at each learning rate, and at each one's best. */
import { sum } from "simple-statistics";
import { counted, formatCount } from "../../cells/counts.ts";
import { type Factor, type FactorValue, formatLevel, isSwitch, isTuned } from "../../cells/factor.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import { comparedAtSeveral, type TrainingEffect, type TrainingEffects } from "../statistics/training_effects.ts";
import { qualificationOf } from "./significant_effects.ts";
import { type Cells, formatInterval, pairsBySeeds } from "./effect_tables.ts";
import { measureInSentence, unitOfMeasure } from "./measure_words.ts";
import { atLevel } from "../data/training_factors.ts";
import { areSwitches, contrastWords, differenceName, inSentence, nounOf } from "./factor_words.ts";
import { formatDifference, NONE } from "./format.ts";
import type { Question } from "./questions.ts";

/** For each way of training that the study varies: whether the effects hold at its values. */
export function effectQuestions(all: Effects): Question[] {
  return all.training.filter(({ effects }) => effects.some(isAnywhere)).map((training) => {
    const heading = `Do the effects hold at another ${nounOf(training.factor)}?`;
    const [turning, best, spread] = [turningWords, bestWords, spreadWords].map((words) => words(training, all));
    return comparedAtSeveral(training).length
      ? { heading, lines: [...turning, ...best, ...spread], cells: cellsOf(training, all), more: 0 }
      : { heading, lines: [`Cannot be answered: no effect has pairs at two values`, ...spread], more: 0 };
  });
}

function isAnywhere({ at }: TrainingEffect): boolean {
  return at.some(({ pairs }) => pairs > 0);
}

/** A warning for each effect whose sign changes; else that there is none. */
function turningWords(training: TrainingEffects, { primary, reads }: Effects): string[] {
  const { factor, effects } = training, turning = effects.filter(({ turns }) => turns);
  if (turning.length) return turning.map((effect) => warning(effect, training, unitOfMeasure(primary, reads)));
  const isAnyKnown = effects.some(({ at }) => at.some(({ interval }) => interval));
  return [
    isAnyKnown
      ? `No effect on ${measureInSentence(primary)} is significantly below zero at one ${
        nounOf(factor)
      } and significantly above zero at another`
      : `No mean difference of ${measureInSentence(primary)} changes sign at another ${nounOf(factor)}`,
  ];
}

/**
 * Where the sign of an effect changes with a training setting, to be set behind it where its dependences do not name that: without a matched set that
 * all of its seeds have, the means alone tell it. Empty where none turns.
 */
export function signChangeWords(effect: FactorEffect, { training, primary, reads }: Effects): string {
  const named = qualificationOf(effect)?.dependences.map(({ factor }) => factor) ?? [];
  return training.filter(({ factor }) => !named.includes(factor)).flatMap((one) => {
    const turning = one.effects.find(({ factor, turns }) => turns && factor === effect.factor);
    if (!turning) return [];
    const said = valuesWords(meansOf(turning, one), unitOfMeasure(primary, reads));
    return [`; its sign changes with ${inSentence(one.factor)}: ${said}`];
  }).join("");
}

/** A mean, and where it is one. */
interface PlacedMean {
  readonly mean: PairMean;
  readonly where: string;
}

function meansOf(effect: TrainingEffect, { factor, levels }: TrainingEffects): PlacedMean[] {
  return [
    ...effect.at.map((mean, i) => ({ mean, where: `at ${whereOf(factor, levels[i])}` })),
    { mean: effect.atBest, where: "with each configuration at its best" },
  ].filter(({ mean }) => mean.pairs > 0);
}

function valuesWords(means: readonly PlacedMean[], unit: string): string {
  return means.map(({ mean: { difference, interval, seed_interval }, where }, i) => {
    const known = interval
      ? ` (95 % interval ${formatInterval(interval)})`
      : seed_interval
      ? ` (95 % interval over seeds ${formatInterval(seed_interval)})`
      : "";
    return `${formatDifference(difference!)}${i ? "" : ` ${unit}`} ${where}${known}`;
  }).join(", ");
}

function warning(effect: TrainingEffect, training: TrainingEffects, unit: string): string {
  const { factor } = training, means = meansOf(effect, training);
  const where = means.every(({ mean }) => mean.seeds.length < 2) ? "In this one seed's runs the" : "The";
  const compared = isSwitch(effect.factor) ? "" : ` (${differenceName(effect)})`;
  return `${where} sign changes with ${inSentence(factor)}: ${effect.factor.label}${compared} ${
    valuesWords(means, unit)
  }`;
}

/** A value after `at`: of a factor that has just been named, the value alone; of what is counted, with what it counts. */
function whereOf(factor: Factor, value: FactorValue): string {
  return isTuned(factor) ? formatLevel(factor, value) : atLevel(factor, value);
}

/** By what each configuration's best value was chosen, and of how many. */
function bestWords({ factor, tuned, criterion, effects }: TrainingEffects): string[] {
  if (!isTuned(factor)) {
    return [
      `Each ${
        nounOf(factor)
      } is compared separately: none is chosen as a configuration's best, since their training times differ`,
    ];
  }
  if (!tuned) return [`No configuration was trained at several values of the ${factor.label}, so none has a best one`];
  const pairs = effects.some(({ atBest }) => atBest.pairs > 0) ? "" : "; none of them form a pair";
  return [
    `Each at its best: ${counted(tuned, "configuration")} that ${
      tuned === 1 ? "was" : "were"
    } trained at the same several values, each at the ${factor.label} with ${
      criterionInWords(criterion)
    }, a mean over the seeds that it has at all of them${pairs}`,
  ];
}

/** How the pairs of all effects are spread over the values: in a mean over all pairs the value with the most has the most weight. */
function spreadWords({ factor, levels, effects }: TrainingEffects): string[] {
  const counts = levels.map((value, i) => ({ value, count: sum(effects.map(({ at }) => at[i].pairs)) }));
  const all = sum(counts.map(({ count }) => count)), most = counts.reduce((a, b) => b.count > a.count ? b : a);
  const listed = counts.map(({ value, count }) => `${formatCount(count)} at ${whereOf(factor, value)}`).join(", ");
  const mostly = 2 * most.count > all
    ? `, so they are ${most.count < all ? "mostly " : ""}those at ${whereOf(factor, most.value)}`
    : "";
  return [
    `Both configurations of a pair have the same ${
      nounOf(factor)
    }: of all pairs, ${listed}; other means of this report take all of these ` +
    `together${mostly}`,
  ];
}

/** A line per factor and a column per value: difference, interval, pairs × seeds. */
function cellsOf({ effects, factor, levels }: TrainingEffects, { primary, reads }: Effects): Cells {
  const { noun: [noun], difference } = contrastWords(effects), onlySwitches = areSwitches(effects);
  return {
    headings: [
      `${difference}, ${unitOfMeasure(primary, reads)}, by ${noun}`,
      ...(onlySwitches ? [] : ["compared"]),
      ...levels.map((value) => atLevel(factor, value)),
      ...(isTuned(factor) ? ["each at its best"] : []),
    ],
    lines: effects.map((effect) => [
      effect.factor.label,
      ...(onlySwitches ? [] : [differenceName(effect)]),
      ...[...effect.at, ...(isTuned(factor) ? [effect.atBest] : [])].map(meanCell),
    ]),
  };
}

function meanCell(mean: PairMean): string {
  if (mean.difference === undefined) return NONE;
  const interval = mean.interval ? `${formatInterval(mean.interval)}; ` : "";
  return `${formatDifference(mean.difference)} (${interval}${pairsBySeeds(mean)})`;
}
