/**
 * The dynamics of a study in plain words: which switch lengthens memory, what else switches change, and whether longer memory goes with a better
 * score. The rules are those of effects on scores: no interval with one seed, and no effect without the factors that it hangs on.
 */
import { counted, formatCount } from "../../cells/counts.ts";
import type { Space } from "../../cells/space.ts";
import type { Unit } from "../../cells/unit.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { dynamicsUnit, LARGEST_EXPONENT, RECALL_BITS } from "../../experiments/study/dynamics_metrics.ts";
import { ownCellName } from "../data/cell_names.ts";
import type { MergedRow } from "../data/merged.ts";
import type { DynamicsCorrelation } from "../statistics/dynamics_correlations.ts";
import {
  type DynamicsAnswers,
  type DynamicsEffect,
  memoryEffects,
  type MetricEffects,
} from "../statistics/dynamics_effects.ts";
import { significantSide } from "../statistics/pair_means.ts";
import { bySize, isSignificant, qualificationOf, SIGNIFICANT_P } from "./significant_effects.ts";
import { qualificationWords } from "./dependence_words.ts";
import { DEPENDS, dynamicsEffectCells, dynamicsLevelCells, isDependent } from "./dynamics_tables.ts";
import { effectCells } from "./effect_tables.ts";
import { direction, evidenceWords } from "./effect_words.ts";
import { atSecondValue, contrastWords, inSentence, listed } from "./factor_words.ts";
import { metricTitle, wordsIn } from "./dynamics_text.ts";
import { capital, formatDifference, formatFixed, formatSize, formatTau } from "./format.ts";
import type { Question } from "./questions.ts";

/** Which switch lengthens memory, in a sentence that stands by itself; none where no two measured runs differ in one factor alone. */
export function memorySentences(answers: DynamicsAnswers): string[] {
  const effects = (memoryEffects(answers) ?? []).filter(({ pairs }) => pairs > 0);
  if (!effects.length) return [];
  const { noun: [one] } = contrastWords(effects), sorted = bySize(effects), [largest] = sorted;
  const size = (effect: DynamicsEffect) => sizeWords(effect, answers);
  if (sorted.every(({ p }) => p === undefined)) {
    const few = largest.seeds.length === 1
      ? ["this one seed's", "one seed does not generalize"]
      : ["these few", "one pair is too few for an interval"];
    return [
      `In ${few[0]} runs the largest difference in memory is that of ${inSentence(largest.factor)}: ${size(largest)}; ${
        few[1]
      }.`,
    ];
  }
  const clear = sorted.filter(isSignificant), longer = clear.filter(({ difference }) => difference! > 0);
  const shorter = clear.filter(({ difference }) => difference! < 0);
  if (!clear.length) {
    return [
      `No ${one} has a significant effect on how fast states forget; the largest difference is that of ${
        inSentence(largest.factor)
      }: ${size(largest)}.`,
    ];
  }
  const sentence = (verb: string, same: readonly DynamicsEffect[]) =>
    `${capital(inSentence(same[0].factor))} ${verb}${most(same)}: ${size(same[0])}${alsoWords(same)}.`;
  return [
    longer.length
      ? sentence(isForgetting(longer[0]) ? "lengthens memory" : "raises λ₁", longer)
      : `No ${one} lengthens memory significantly.`,
    ...(shorter.length ? [sentence(isForgetting(shorter[0]) ? "shortens memory" : "lowers λ₁", shorter)] : []),
  ];
}

/**
 * The same for a headline, which has no notes: where byte recall says the contrary, and of a part of the runs, it says so. What shortens memory is left to
 * the answers below, where something lengthens it.
 */
export function memoryHeadline(answers: DynamicsAnswers): string[] {
  const [first, ...others] = memorySentences(answers), { measured, finished } = answers;
  if (!first) return [];
  const isOneLonger = (memoryEffects(answers) ?? []).some((effect) => isSignificant(effect) && effect.difference! > 0);
  const [against] = recallFindings(answers).filter(({ isAgainst }) => isAgainst);
  const part = `Dynamics are measured for ${formatCount(measured)} of ${counted(finished, "run")}.`;
  return [
    first,
    ...(isOneLonger ? [] : others),
    ...(against ? [`${against.words}.`] : []),
    ...(measured < finished ? [part] : []),
  ];
}

/** Whether states forget at both values, at the means. Where λ₁ is not below zero differences last or grow: that is no memory of the text. */
function isForgetting({ means }: DynamicsEffect): boolean {
  return (means ?? []).every((exponent) => exponent < 0);
}

function most(effects: readonly DynamicsEffect[]): string {
  return effects.length > 1 ? " most" : "";
}

/** The others of a kind: `; so do the output gate and the residual`. */
function alsoWords([, ...others]: readonly DynamicsEffect[]): string {
  const named = (effect: DynamicsEffect) =>
    namedAlone(effect) + (isForgetting(effect) ? "" : " (at one of its two values the mean λ₁ is not below zero)");
  return others.length ? `; so ${others.length === 1 ? "does" : "do"} ${listed(others.map(named))}` : "";
}

/** An effect that is not told in full: whether it hangs on other factors is said anyway. */
function namedAlone(effect: DynamicsEffect): string {
  return inSentence(effect.factor) + (qualificationOf(effect) ? " (on average: it depends on other factors)" : "");
}

/** `with it on, λ₁ is higher by 0.051 nats per byte (95 % interval …), a forgetting time of 12.1 instead of 8.0 bytes at the means`. */
function sizeWords(effect: DynamicsEffect, answers: DynamicsAnswers): string {
  const { difference = 0, p_holm } = effect, { reads } = answers;
  const size = difference === 0
    ? "the same"
    : `${direction(difference)} by ${formatSize(Math.abs(difference))} nats per ${reads}`;
  const evidence = evidenceWords(effect, p_holm, ["pair of configurations", "pairs of configurations"]);
  return `${atSecondValue(effect)}, the largest Lyapunov exponent λ₁ is ${size} (${evidence})` +
    `${timesWords(effect, answers)}${qualificationWords(effect)}`;
}

/** The forgetting times that the mean exponents stand for; the exponents themselves, where one of them stands for none. */
function timesWords(effect: DynamicsEffect, { reads }: DynamicsAnswers): string {
  const { means } = effect;
  if (!means) return "";
  if (!isForgetting(effect)) {
    const [before, after] = means.map((exponent) => formatFixed(exponent, 3));
    return `, ${after} instead of ${before} on average; where λ₁ is not below zero, differences persist or grow, which is not memory of the text`;
  }
  const [before, after] = means.map((exponent) => formatFixed(-1 / exponent, 1));
  return `; the forgetting time −1/λ₁ at the mean λ₁ is ${after} instead of ${before} ${reads}s`;
}

/**
 * The questions on dynamics that a study answers, in order.
 *
 * @param rows configurations, merged over seeds
 * @param experiment whose they are
 */
export function dynamicsQuestions(
  answers: DynamicsAnswers,
  rows: readonly MergedRow[],
  table: Space,
  experiment: Experiment = "01",
): Question[] {
  const memory = memoryEffects(answers), [first] = answers.effects;
  const { noun: [one, several] } = contrastWords(first?.effects ?? []);
  const levels = dynamicsLevelCells(rows, answers.reads, table), chosen = chosenNotes(answers, experiment);
  return [
    ...(memory ? [] : vanishingQuestion(answers, one)),
    ...(memory?.length
      ? [{
        heading: `Which ${one} lengthens memory?`,
        lines: [...memoryLines(answers), ...memoryNotes(answers), ...chosen],
        cells: effectCells(memory, "terminal"),
        more: 0,
        picture: "_dynamics_switches",
      }]
      : []),
    ...(answers.effects.some(({ effects }) => effects.some(({ pairs }) => pairs > 0))
      ? [{
        heading: `How do ${several} affect the dynamics?`,
        lines: [...answers.effects.map((effects) => metricWords(effects, answers)), ...effectNotes(answers), ...chosen],
        cells: dynamicsEffectCells(answers),
        more: 0,
        picture: "_dynamics_effects",
      }]
      : []),
    ...(answers.correlations.length
      ? [{
        heading: "Does longer memory correlate with a better score?",
        lines: [
          ...answers.correlations.map((one) => correlationWords(one, answers.reads, table)),
          ...correlationNotes(answers),
          ...chosen,
        ],
        more: 0,
        picture: "_dynamics",
      }]
      : []),
    ...(levels.lines.length
      ? [{
        heading: "How do the cells' dynamics differ?",
        lines: [
          "Means ± standard deviations over configurations, each the mean of its seeds; a mean at one value also reflects what else differs " +
          "there; baselines are only in their own rows",
        ],
        cells: levels,
        more: 0,
      }]
      : []),
  ];
}

/** Where no run has a finite λ₁: no table and no picture would say why. */
function vanishingQuestion({ vanishing }: DynamicsAnswers, one: string): Question[] {
  if (!vanishing) return [];
  const line = `Cannot be answered: all ${counted(vanishing, "run")} forget within one step (λ₁ is −∞)`;
  return [{ heading: `Which ${one} lengthens memory?`, lines: [line], more: 0 }];
}

/** What is known of a part that was chosen for its score need not hold for the rest. */
function chosenNotes({ measured, finished }: DynamicsAnswers, experiment: Experiment): string[] {
  return [
    ...(measured < finished
      ? [
        `${formatCount(measured)} of ${counted(finished, "finished run")} are measured; if these are the best ` +
        "(dynamics --top), their effects and correlations may not hold for all",
      ]
      : []),
    ...(experiment === "02"
      ? ["These configurations were chosen for their score: their effects and correlations may not hold for all"]
      : []),
  ];
}

/** The sentences without their end, and what byte recall says of the same factors. */
function memoryLines(answers: DynamicsAnswers): string[] {
  const sentences = memorySentences(answers).map((sentence) => sentence.replace(/\.$/, ""));
  if (!sentences.length) return ["Cannot be answered: no two measured runs differ in only one factor"];
  return [...sentences, ...recallFindings(answers).map(({ words }) => words)];
}

/** What recall says of a factor that clearly changes λ₁: that a difference lasts longer need not mean that more of the text can be read from the state. */
interface RecallFinding {
  /** Clearly the other way round. */
  readonly isAgainst: boolean;
  readonly words: string;
}

function recallFindings({ effects, ...answers }: DynamicsAnswers): RecallFinding[] {
  const recall = effects.find(({ metric }) => metric === RECALL_BITS)?.effects ?? [];
  const clear = bySize(memoryEffects({ effects, ...answers }) ?? []).filter(isSignificant);
  return clear.flatMap(({ factor, difference }) => {
    const found = recall.find((effect) => effect.factor === factor && effect.difference !== undefined);
    if (!found) return [];
    const size = `${formatDifference(found.difference!)} bits (${evidenceWords(found, found.p_holm)})${
      qualificationWords(found)
    }`;
    const isAgainst = isSignificant(found) && Math.sign(found.difference!) !== Math.sign(difference!);
    const says = !isSignificant(found)
      ? "does not change significantly"
      : isAgainst
      ? "changes in the other direction"
      : "changes in the same direction";
    return [{
      isAgainst,
      words: `${wordsIn(answers.reads, "Byte recall")} ${says} with ${inSentence(factor)}: ${size}`,
    }];
  });
}

function memoryNotes(answers: DynamicsAnswers): string[] {
  const { settings: { streams, tokens }, reads, unforgetting, vanishing, measured } = answers;
  return [
    "λ₁ is the mean rate at which a small difference between states grows; effects are on λ₁, not on −1/λ₁, since a factor f in the growth " +
    "adds ln f to λ₁, and a state that never forgets has no forgetting time",
    "λ₁ of several layers is their maximum, which grows with the number of layers: pairs have equally many layers, other comparisons may not",
    ...(unforgetting
      ? [
        `In ${formatCount(unforgetting)} of ${
          counted(measured, "run")
        } λ₁ is at or above zero: chaos is not long memory of the text`,
      ]
      : []),
    ...(vanishing
      ? [
        `In ${formatCount(vanishing)} of ${
          counted(measured, "run")
        } λ₁ is −∞, or too small for float64: the state forgets within one step; no number on λ₁ includes them`,
      ]
      : []),
    `Measured on ${counted(streams, "stream")} of ${
      counted(tokens, reads)
    } of the test split, the same for all runs: intervals are for other ` +
    "configurations and seeds, not for another text",
  ];
}

/** The largest clear effect in full; others by name, since what they hang on is not said here. */
function metricWords({ metric, effects }: MetricEffects, answers: DynamicsAnswers): string {
  const { noun: [one] } = contrastWords(effects), compared = effects.filter(({ pairs }) => pairs > 0);
  const name = metricTitle(metric, answers.reads), [largest, ...others] = bySize(compared).filter(isSignificant);
  if (!compared.length) return `${name}: cannot be compared`;
  if (compared.every(({ p }) => p === undefined)) return `${name}: neither an interval nor p is available`;
  if (!largest) return `${name}: no ${one} has a significant effect`;
  const unit = dynamicsUnit(metric, answers.reads),
    says = largest.difference! > 0 ? metric.words.higher : metric.words.lower;
  const also = others.length ? `; significant too: ${listed(others.map(namedAlone))}` : "";
  return `${name}: the largest significant effect is that of ${inSentence(largest.factor)}: ${
    atSecondValue(largest)
  }, ${says}, ${formatDifference(largest.difference!)}${unit === undefined ? "" : ` ${unit}`} (${
    evidenceWords(largest, largest.p_holm)
  })${qualificationWords(largest)}${also}`;
}

function effectNotes({ effects }: DynamicsAnswers): string[] {
  const { difference } = contrastWords(effects[0].effects), count = formatCount(effects.length);
  const all = effects.flatMap(({ effects }) => effects), isTested = all.some(({ p }) => p !== undefined);
  return [
    [
      `In the table ${difference}, mean over pairs${isTested ? " and seeds" : ""}`,
      ...(isTested
        ? [
          `* corrected p at most ${SIGNIFICANT_P}, by Holm over the tests of one column, not over the ${count} columns`,
        ]
        : []),
      ...(all.some(isDependent)
        ? [`${DEPENDS} a mean that depends on another factor, or changes sign with it: do not state it alone`]
        : []),
    ].join("; "),
  ];
}

function correlationNotes({ correlations }: DynamicsAnswers): string[] {
  const isRanked = correlations.some(({ metric }) => metric === LARGEST_EXPONENT);
  return [
    ...(isRanked
      ? ["λ₁ has the order of the forgetting times −1/λ₁, where a state that never forgets counts as longest"]
      : []),
    CORRELATION_CAUTION,
  ];
}

const CORRELATION_CAUTION =
  "A rank correlation on one corpus: both numbers depend on the same parts of a cell, so it does not show that longer memory causes a " +
  "better score; and these configurations are a grid, not a random sample";

/** `Largest Lyapunov exponent: Kendall's τ-b with the test score −0.41 (95 % interval …): …`. */
function correlationWords(
  { metric, configurations, groups, tau, seeds, interval }: DynamicsCorrelation,
  reads: Unit,
  table: Space,
): string {
  const side = significantSide(interval), why = seeds > 1 ? "too few configurations" : "one seed is too few";
  const known = interval
    ? ` (95 % interval ${formatTau(interval.low)} to ${formatTau(interval.high)}, bootstrap over configurations): ${
      side === 0
        ? "no significant relation"
        : `where ${metric.words.higher}, bits per byte are ${side < 0 ? "fewer" : "more"}`
    }`
    : `; ${why} for an interval`;
  const within = groups > 1 ? `, within ${formatCount(groups)} groups of equal sizes and training` : "";
  return `${metricTitle(metric, reads)} and test score, ${
    counted(configurations, `${ownCellName(table)} configuration`)
  }${within}: ` +
    `Kendall's τ-b ${formatTau(tau)}${known}`;
}
