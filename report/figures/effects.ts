/** The picture `results_*_effects`, a forest plot: what each factor alone changes, with its interval, by both measures. */
import { formatLevel, isSwitch } from "../../cells/factor.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { atLevels } from "../data/training_factors.ts";
import type { Dependence } from "../statistics/dependences.ts";
import type { Effects, FactorEffect } from "../statistics/effects.ts";
import type { Table } from "../data/table.ts";
import type { Measure } from "../statistics/matched.ts";
import { bySize, hasBothSigns, qualificationOf, SIGNIFICANT_P } from "../tables/significant_effects.ts";
import { measuresOf, randomLabel } from "../tables/effect_tables.ts";
import { COLUMN_OF, measureTitle, unitOfMeasure } from "../tables/measure_words.ts";
import { contrastWords, differenceName } from "../tables/factor_words.ts";
import { formatDifference } from "../tables/format.ts";
import { forestTable } from "./forest_data.ts";
import { composeForests, type Forest, type ForestRow, isCut, type Measured } from "./forest.ts";
import { differenceColour, differenceLegend, whyNoInterval } from "./comparisons.ts";
import type { FigureOptions, Frame, SvgDocument } from "./svg.ts";
import { wrapped } from "./text.ts";
import { DIFFERENCE_COLOUR } from "./theme.ts";

const ROW = 36;
/** Labels that are longer are set in two lines, in characters. */
const LONG_LABEL = 26;

/** What stands in a row without a pair. */
const NO_PAIR: Readonly<Record<Measure, string>> = {
  min_loss: "no two runs differ only in this",
  test_bits_per_byte: "no two scored runs differ only in this",
};

/**
 * Draws the effects, a row for each factor and a panel for each measure that has a pair, the primary one first; both have their rows in one order, that of the
 * effects on the primary measure. Pairs whose added weights are never trained have a row of their own. What cannot be compared has a row that
 * says so.
 *
 * @returns the SVG's text
 */
export function figureEffects(document: SvgDocument, effects: Effects, options: FigureOptions): string {
  const forests = effectForests(effects);
  const frame: Frame = {
    name: options.name,
    title: options.title,
    subtitle: [options.subtitle, ...explanation(effects, forests)],
    legend: isSure(effects)
      ? [
        differenceLegend(
          contrastWords(effects.min_loss).atSecond,
          `not significant (corrected p above ${SIGNIFICANT_P})`,
        ),
      ]
      : [],
  };
  return composeForests(document, frame, forests);
}

/** The data behind {@linkcode figureEffects}. */
export function effectsData(effects: Effects): Table {
  return forestTable(effectForests(effects));
}

/** The panels, the primary measure's first. */
function effectForests(effects: Effects): Forest[] {
  const order = bySize(effects[effects.primary]).map(({ factor }) => factor);
  return measuresOf(effects).map((measure) => {
    const own = effects[measure].toSorted((a, b) => order.indexOf(a.factor) - order.indexOf(b.factor));
    return forestOf(measure, own, effects);
  });
}

/** Whether anything has an interval: with one seed nothing has. */
function isSure(effects: Effects): boolean {
  return [...effects.min_loss, ...effects.test_bits_per_byte].some(({ interval }) => interval);
}

function explanation(effects: Effects, forests: readonly Forest[]): string[] {
  const all = effects[effects.primary], { noun: [one, several] } = contrastWords(all);
  const tested = all.filter(({ p }) => p !== undefined).length;
  const isAnyRandom = forests.some(({ rows }) => rows.some(({ isAside }) => isAside));
  return [
    ...meaning(effects, one),
    ...(tested
      ? [
        "Line: 95 % interval for other configurations like these with other seeds. " +
        `p: Holm's correction for ${counted(tested, one, several)}.`,
      ]
      : []),
    ...(isAnyRandom
      ? [
        "Random: pairs whose added weights are never trained, so random weights are compared with none. Not counted in any effect.",
      ]
      : []),
    ...(forests.some(({ rows }) => isCut(rows)) ? ["Triangle: the interval extends beyond the picture."] : []),
  ];
}

function meaning(effects: Effects, noun: string): string[] {
  const pairs = `pairs of configurations that differ only in that ${noun}`;
  return isSure(effects)
    ? [`Large dot: mean over seeds and ${pairs}. Small: single seeds.`]
    : [`Dot: mean over ${pairs}.`, ...whyNoInterval(effects[effects.primary])];
}

function forestOf(measure: Measure, effects: readonly FactorEffect[], { reads }: Effects): Forest {
  const words = contrastWords(effects), unit = unitOfMeasure(measure, reads);
  return {
    rows: effects.flatMap((effect) => effectRows(effect, { measure: COLUMN_OF[measure], unit }, NO_PAIR[measure])),
    title: measureTitle(measure),
    axis: `${words.difference}, ${unit} (left of zero: lower ${words.atSecond})`,
    difference: words.difference,
    isTested: true,
    rowHeight: ROW,
  };
}

/** A factor's row, and under it that of its random pairs. @param none what stands in a row without a pair */
export function effectRows(effect: FactorEffect, measured: Measured, none: string): ForestRow[] {
  const { inactive, p_holm } = effect;
  const own: ForestRow = {
    subject: { ...measured, shown: "effect", contrast: effect },
    label: labelOf(effect),
    effect,
    colour: differenceColour(effect),
    p_holm,
    note: noteOf(effect),
    none: inactive ? "trained in no pair" : none,
  };
  if (!inactive) return [own];
  const label = randomLabel(effect), colour = DIFFERENCE_COLOUR.unclear;
  const where = atLevels(inactive.at);
  return [own, {
    subject: { ...measured, shown: "random weights", contrast: effect },
    label: [label, ...(where ? [where] : [])].join("\n"),
    effect: inactive,
    colour,
    isAside: true,
    none,
  }];
}

/** Of what is not a switch, with the values that are compared. */
function labelOf({ factor, from, to }: FactorEffect): string {
  if (!isSwitch(factor)) return `${factor.label}\n${differenceName({ factor, from, to })}`;
  return factor.label.length > LONG_LABEL ? wrapped(factor.label, 2) : factor.label;
}

/** What an effect depends on so much that it says little by itself. */
function noteOf(effect: FactorEffect): string | undefined {
  const found = qualificationOf(effect);
  if (!found) return undefined;
  const { kind, dependences: [largest, ...others], more } = found, further = others.length + more;
  const verb = kind === "open" ? "may depend on" : hasBothSigns(largest) ? "changes sign with" : "depends on";
  return `${verb} ${largest.factor.label}: ${levelsOf(largest)}${further ? `; ${formatCount(further)} more` : ""}`;
}

/** `+0.021 off, −0.041 on`; of many values the first and the last. */
function levelsOf({ factor, at }: Dependence): string {
  const ends = at.length > 1 ? [at[0], at[at.length - 1]] : at;
  return ends.map(({ value, effect }) =>
    `${formatDifference(effect.difference!)} ${isSwitch(factor) ? "" : "at "}${formatLevel(factor, value)}`
  ).join(", ");
}
