/** How much of what configurations differ by is due to which factors, in words and in a table: the exact shares of a complete grid. */
import { sum } from "simple-statistics";
import { counted, formatCount } from "../../cells/counts.ts";
import { STEPS_BACK } from "../../cells/factors.ts";
import type { Effects } from "../statistics/effects.ts";
import type { GridAxis, MissingShares, VarianceShare, VarianceShares } from "../statistics/variance_shares.ts";
import type { Measure } from "../statistics/matched.ts";
import type { Cells } from "./effect_tables.ts";
import { measureInSentence, unitOfMeasure } from "./measure_words.ts";
import { atSomeLevels, listed } from "./factor_words.ts";
import { formatLoss } from "./format.ts";
import { type Question, questionsText } from "./questions.ts";

/** So many single factors are named in the sentence, of this share at least; further ones are taken together. */
const MOST_NAMED = 4, LEAST_NAMED = 0.01;
/** Lines of the table, without those of all others and of the sum, and the smallest share that has one. */
const MOST_TERMS = 12, LEAST_SHARE = 0.001;

/** Share of each factor in the variance between configurations; where that is unknown, why. */
export function sharesQuestion(effects: Effects): Question {
  const heading = "Share of each factor in the variance between configurations", { shares, missing_shares } = effects;
  if (!shares) return { heading, lines: [missingWords(missing_shares!, effects.primary)], more: 0 };
  return { heading, lines: [sharesWords(shares, effects), HOW_TO_READ], cells: sharesCells(shares), more: 0 };
}

/** {@linkcode sharesQuestion} as plain text. */
export function sharesText(effects: Effects): string {
  return questionsText([sharesQuestion(effects)]);
}

const HOW_TO_READ =
  "The shares are exact and sum to 1, since the grid is complete. They describe these configurations with these seeds; " +
  "the interval of an effect tells whether it holds for other seeds. A × B is the interaction of both.";

/** What an axis is called: of factors whose values are not all combined, `new state and old state`. */
export function axisName({ factors }: GridAxis): string {
  return factors.map(({ label }) => label).join(" and ");
}

/** What a term is called: `residual × layers`. */
export function termName({ axes }: Pick<VarianceShare, "axes">): string {
  return axes.map(axisName).join(" × ");
}

function sharesWords(found: VarianceShares, { primary, reads }: Effects): string {
  const { shares, configurations, deviation, at, noise } = found;
  const single = shares.filter(({ axes }) => axes.length === 1);
  const named = single.slice(0, MOST_NAMED).filter(({ share }) => share >= LEAST_NAMED);
  const others = single.slice(named.length), together = shares.filter(({ axes }) => axes.length > 1);
  const seeds = noise === undefined
    ? "how much of it is seed noise is unknown"
    : `seed noise is ${noise < 0.01 ? "" : "about "}${percent(noise)} of the variance and is included in every share`;
  const parts = [
    ...named.map((one) => ({ name: termName(one), share: one.share })),
    ...(others.length
      ? [{ name: counted(others.length, named.length ? "other single factor" : "single factor"), share: total(others) }]
      : []),
    { name: "interactions", share: total(together) },
  ].map(({ name, share }, i) => `${percent(share)} ${i ? "" : "is due "}to ${name}`);
  return `Of the variance between the ${formatCount(configurations)} configurations${whereWords(at)} (${
    measureInSentence(primary)
  }, standard deviation ` +
    `${formatLoss(deviation)} ${unitOfMeasure(primary, reads)}), ${listed(parts)}; ${seeds}.`;
}

/** What tells a part of the grid from the rest: ` at 1 and 2 layers, state size 256`; empty where it is the whole. */
function whereWords(at: VarianceShares["at"]): string {
  return at.length ? ` at ${atSomeLevels(at)}` : "";
}

function total(shares: readonly VarianceShare[]): number {
  return sum(shares.map(({ share }) => share));
}

/** A share in whole percent; a small one is not called nothing. */
function percent(share: number): string {
  if (share > 0 && share < 0.01) return "below 1 %";
  return `${Math.round(100 * share)} %`;
}

/** The largest terms, what all others come to, and the sum. */
function sharesCells({ shares }: VarianceShares): Cells {
  const line = (name: string, share: number) => [name, share.toFixed(4)];
  const shown = shares.filter(({ share }) => share >= LEAST_SHARE).slice(0, MOST_TERMS);
  const rest = shares.slice(shown.length);
  return {
    headings: ["term", "share of the variance"],
    lines: [
      ...shown.map((one) => line(termName(one), one.share)),
      ...(rest.length ? [line(`all ${counted(rest.length, "other")}`, total(rest))] : []),
      line("sum", total(shares)),
    ],
  };
}

function missingWords({ lacks, configurations, combinations, at }: MissingShares, measure: Measure): string {
  const where = whereWords(at), some = `${counted(configurations, "configuration")}${where}`;
  switch (lacks) {
    case "axes":
      if (configurations === 1 && at.some(({ factor }) => factor.key === STEPS_BACK.key)) {
        return `Shares of variance need two factors with a finished run for every combination; there is only one configuration${where}.`;
      }
      return `Shares of variance need two factors with a finished run for every combination; the ${some} ${
        configurations === 1 ? "has" : "have"
      } no such factors.`;
    case "combinations":
      return `Shares of variance need a complete grid: of the ${
        formatCount(combinations)
      } combinations of values${where}, ` +
        `${formatCount(configurations)} have a finished run.`;
    case "room":
      return `Shares of variance are not computed: the ${some} have too many factors.`;
    case "difference":
      return `The ${some} do not differ in ${measureInSentence(measure)}, so there is no variance.`;
    default:
      return lacks satisfies never;
  }
}
