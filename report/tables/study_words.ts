/** In plain words: what changes in other studies, and whether the answers of this one hold there. */
import { counted, formatCount } from "../../cells/counts.ts";
import type { Unit } from "../../cells/unit.ts";
import type { StudyDifference } from "../data/paired_studies.ts";
import type { Interval } from "../statistics/bootstrap.ts";
import type { Effects } from "../statistics/effects.ts";
import type { Measure } from "../statistics/matched.ts";
import { type PairMean, significantSide } from "../statistics/pair_means.ts";
import type { ComparedEffect, StudyComparison, StudyMean } from "../statistics/study_comparison.ts";
import { formatInterval } from "./effect_tables.ts";
import { isSignificant } from "./significant_effects.ts";
import { qualificationWords } from "./dependence_words.ts";
import { areSwitches, contrastWords, differenceName } from "./factor_words.ts";
import { capital, formatDifference, formatP, formatTau, NONE } from "./format.ts";
import { measureName, measureWithUnit, unitOfMeasure } from "./measure_words.ts";
import type { Question } from "./questions.ts";

/** What the part of a report on other studies is called. */
export const STUDIES_HEADING = "Compared with other studies";

/** What the models of this study read: losses are per that. */
export function unitHere({ here }: StudyComparison): Unit {
  return here.rows[0].reads;
}

const MEASURES: readonly Measure[] = ["test_bits_per_byte", "min_loss"];

/**
 * Whether a study differs, by how much, and in what; then for each study whether the answers hold there.
 *
 * @param effects of this study
 */
export function studyQuestions(comparisons: readonly StudyComparison[], effects: StudyEffects): Question[] {
  if (!comparisons.length) return [];
  return [changeQuestion(comparisons), ...comparisons.flatMap((one) => holdQuestion(one, effects))];
}

/** The effects of this study alone, over all of its pairs: an effect that depends on another factor is not stated without that. */
export type StudyEffects = Pick<Effects, Measure>;

/** What is known of how sure a mean is; of one configuration alone, over its seeds. */
export function intervalOf({ interval, pairs, seed_interval }: PairMean): Interval | undefined {
  return interval ?? (pairs === 1 ? seed_interval : undefined);
}

function sureness({ p_holm, ...mean }: PairMean & { readonly p_holm?: number }): string {
  const interval = intervalOf(mean);
  if (!interval) return "one seed: no interval";
  const over = mean.interval ? "" : `, t over ${counted(mean.seeds.length, "seed")}`;
  return `95 % interval ${formatInterval(interval)}${over}${
    p_holm === undefined ? "" : `, corrected p ${formatP(p_holm)}`
  }`;
}

function changeQuestion(comparisons: readonly StudyComparison[]): Question {
  const [{ there: { name } }, ...more] = comparisons;
  return {
    heading: `What changes in ${more.length ? "other studies" : `study ${name}`}?`,
    lines: [...comparisons.flatMap(changeWords), howToRead(comparisons)],
    cells: {
      headings: ["study", "compared", "pairs", "seeds", "there − here", "95 % interval", "corrected p", "lower there"],
      lines: comparisons.flatMap(changeLines),
    },
    more: 0,
  };
}

/** `corpus embedded → tinyshakespeare, learning rate 0.001 → 0.003`. */
export function differencesInWords(differences: readonly StudyDifference[]): string {
  return differences.map(({ what, here, there }) => `${what} ${here} → ${there}`).join(", ");
}

function changeWords(one: StudyComparison): string[] {
  const { there: { name }, own, counts, differences, means, isSameText, barriers } = one;
  const differs = differences.length ? `in: ${differencesInWords(differences)}` : "in no recorded setting";
  const both = `${formatCount(own.length)} of ${counted(counts.here, "configuration")} here and ` +
    `${formatCount(counts.there)} there are in both studies`;
  const found = MEASURES.filter((measure) => means[measure].pairs > 0).map((measure) => meanWords(one, measure));
  const losses = barriers.length && own.length
    ? [`Lowest training losses are not compared: ${barriers.join(" and ")}`]
    : [];
  const text = isSameText ? [] : [
    "Since the texts differ, a difference means that one text is harder to predict, not that one study's cells are better",
  ];
  return [
    ...found,
    `Study ${name} differs ${differs}; ${both}`,
    ...losses,
    ...text,
    ...baselineWords(one),
    ...leftOutWords(one),
  ];
}

function meanWords(one: StudyComparison, measure: Measure): string {
  const mean: StudyMean = one.means[measure], what = measureName(measure);
  const { difference, lower, pairs, incomplete } = mean;
  const without = incomplete ? `; ${counted(incomplete, "configuration")} without all of these seeds left out` : "";
  return `${capital(what)}, ${one.there.name} − here: ${formatDifference(difference!)} ${
    unitOfMeasure(measure, unitHere(one))
  } (${sureness(mean)}); lower there in ${formatCount(lower)} of ${counted(pairs, "pair")}${without}`;
}

/** Baselines that a sentence names: the table has all. */
const MOST_BASELINES = 6;

function baselineWords(one: StudyComparison): string[] {
  const { compared_baselines: baselines, measure } = one;
  if (!baselines.length) return [];
  const more = baselines.length - MOST_BASELINES;
  const each = baselines.slice(0, MOST_BASELINES)
    .map(({ label, mean }) => `${label}: ${formatDifference(mean.difference!)} (${sureness(mean)})`);
  const rest = more > 0 ? `; ${formatCount(more)} more in the table` : "";
  return [
    `Baselines in both (not in these means), ${measureWithUnit(measure, unitHere(one))}: ${each.join("; ")}${rest}`,
  ];
}

/** What the comparison leaves out of either study, so that nothing is dropped in silence. */
function leftOutWords({ there, counts: { seedless } }: StudyComparison): string[] {
  const parts = [
    ...(seedless ? [`${counted(seedless, "configuration")} in both studies without a common seed`] : []),
    ...(there.unfinished ? [`${counted(there.unfinished, "run")} of ${there.name} that have not finished`] : []),
    ...(there.unreadable ? [`${counted(there.unreadable, "file")} of ${there.name} that cannot be read`] : []),
  ];
  return parts.length ? [`Left out: ${parts.join(", ")}`] : [];
}

function howToRead(comparisons: readonly StudyComparison[]): string {
  const tested = comparisons.filter(({ means, measure }) => means[measure].p !== undefined).length;
  const p = tested ? `; p is corrected by Holm over ${counted(tested, "study", "studies")}` : "";
  return "“Here” is this study. A pair is one configuration in both studies, paired by seed; negative: the other study is lower. " +
    `Intervals cover other configurations like these with other seeds${p}`;
}

function changeLines(one: StudyComparison): string[][] {
  const { there: { name }, means, measure, compared_baselines } = one;
  const line = (what: string, mean: PairMean & { readonly p_holm?: number }) => [name, what, ...meanCells(mean)];
  return [
    ...MEASURES.filter((measure) => means[measure].pairs > 0).map((measure) =>
      line(measureWithUnit(measure, unitHere(one)), means[measure])
    ),
    ...compared_baselines.map(({ label, mean }) => line(`${label}, ${unitOfMeasure(measure, unitHere(one))}`, mean)),
  ];
}

function meanCells({ p_holm, ...mean }: PairMean & { readonly p_holm?: number }): string[] {
  return [
    formatCount(mean.pairs),
    formatCount(mean.seeds.length),
    formatDifference(mean.difference!),
    intervalCell(mean),
    p_holm === undefined ? NONE : formatP(p_holm),
    `${formatCount(mean.lower)} of ${formatCount(mean.pairs)}`,
  ];
}

function intervalCell(mean: PairMean): string {
  const interval = intervalOf(mean);
  return interval ? formatInterval(interval) : NONE;
}

/** What becomes of an effect in the other study. */
export type Fate = "turns" | "changes" | "holds" | "unclear";

/** An effect that has no interval is unclear. */
export function fateOf({ turns, here, there, p_holm }: ComparedEffect): Fate {
  if (turns) return "turns";
  if (isSignificant({ p_holm })) return "changes";
  const side = significantSide(here.interval);
  return side !== 0 && side === significantSide(there.interval) ? "holds" : "unclear";
}

function holdQuestion(one: StudyComparison, own: StudyEffects): Question[] {
  const { effects, ranking, there: { name } } = one;
  if (!effects.length && !ranking) return [];
  const { noun: [noun] } = contrastWords(effects);
  const compared = effects.filter(({ change }) => change.pairs > 0);
  return [{
    heading: `Do the answers hold in study ${name}?`,
    lines: [...effectWords(one, compared, own), ...rankingWords(one), ...inactiveWords(effects)],
    cells: {
      headings: [
        noun,
        "here",
        "95 % interval",
        `in ${name}`,
        "95 % interval",
        "there − here",
        "95 % interval",
        "corrected p",
        "pairs",
      ],
      lines: compared.map((effect) => effectCells(effect, areSwitches(effects))),
    },
    more: 0,
  }];
}

function effectCells({ here, there, change, p_holm, ...contrast }: ComparedEffect, onlySwitches: boolean): string[] {
  return [
    onlySwitches ? contrast.factor.label : `${contrast.factor.label}, ${differenceName(contrast)}`,
    ...[here, there, change].flatMap((mean) => [formatDifference(mean.difference!), intervalCell(mean)]),
    p_holm === undefined ? NONE : formatP(p_holm),
    formatCount(change.pairs),
  ];
}

/** What changes sign comes first, then what changes its size, what holds, and what is unknown. */
function effectWords(one: StudyComparison, compared: readonly ComparedEffect[], own: StudyEffects): string[] {
  const { noun: [noun, several] } = contrastWords(compared);
  if (!compared.length) {
    return [`No ${noun} can be compared: no two configurations that differ only in it are in both studies`];
  }
  const how = `Effects are on the ${measureWithUnit(one.measure, unitHere(one))}, over pairs in both studies`;
  const of = (fate: Fate) => compared.filter((effect) => fateOf(effect) === fate);
  if (compared.every(({ change }) => change.p === undefined)) {
    const same = compared.filter(({ here, there }) =>
      Math.sign(here.difference!) === Math.sign(there.difference!)
    ).length;
    const few = compared.every(({ change }) => change.seeds.length < 2) ? "one seed" : "one pair";
    return [
      `With ${few} there is no interval, so a change of sign cannot be tested; signs agree for ${same} of ` +
      `${counted(compared.length, noun, several)}`,
      how,
    ];
  }
  const effectOf = ({ factor }: ComparedEffect) => own[one.measure].find((effect) => effect.factor.key === factor.key);
  const depends = (compared: ComparedEffect) => {
    const effect = effectOf(compared), words = effect ? qualificationWords(effect) : "";
    return words && `; within this study, ${words.replace(/^; /, "")}`;
  };
  const named = (effects: readonly ComparedEffect[]) =>
    effects.map((effect) =>
      `${effect.factor.label}${depends(effect) && " (on average: it depends on other factors here)"}`
    )
      .join(", ");
  const listed = (lead: string, fate: Fate) => of(fate).length ? [`${lead}: ${named(of(fate))}`] : [];
  return [
    ...of("turns").map((effect) =>
      `The effect of ${effect.factor.label} changes sign: ${sidesOf(effect, one)}${depends(effect)}`
    ),
    ...of("changes").map((effect) =>
      `The effect of ${effect.factor.label} differs: ${sidesOf(effect, one)}${depends(effect)}`
    ),
    ...listed("Significant in both, with the same sign and no significant difference", "holds"),
    ...listed("Not significant in one or both, and no significant difference", "unclear"),
    `${how}; p tests the difference between both effects, corrected by Holm over ${
      counted(compared.length, noun, several)
    }`,
  ];
}

function sidesOf(
  { here, there, change, p_holm, ...contrast }: ComparedEffect,
  { there: { name } }: StudyComparison,
): string {
  const side = (mean: PairMean) => `${formatDifference(mean.difference!)} (${sureness(mean)})`;
  return `${differenceName(contrast)} is ${side(here)} here and ${side(there)} in ${name}; there − here ${
    formatDifference(change.difference!)
  } (${sureness({ ...change, p_holm })})`;
}

function rankingWords(one: StudyComparison): string[] {
  const { ranking, measure, there: { name } } = one;
  if (!ranking) return [];
  const { configurations, tau, best } = ranking, what = measureName(measure);
  const agreement = tau === undefined ? "τ-b is undefined, since all of them tie" : `Kendall's τ-b ${formatTau(tau)}`;
  const place = best.place === 1 ? "best there too" : `number ${formatCount(best.place)} there`;
  return [
    `Rankings of ${formatCount(configurations)} configurations by ${what}, here and in ${name}: ${agreement}; ` +
    `the best one here, ${best.label}, is ${place}`,
  ];
}

function inactiveWords(effects: readonly ComparedEffect[]): string[] {
  const left = effects.filter(({ inactive }) => inactive > 0);
  if (!left.length) return [];
  const each = left.map(({ factor, inactive }) => `${factor.label} ${formatCount(inactive)}`).join(", ");
  return [`Left out, since the weights that the switch adds are never trained: pairs of ${each}`];
}
