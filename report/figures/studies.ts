/** The picture `results_*_studies`: how the same configurations score in other studies, and whether the effects of factors hold there. */
import { isSwitch } from "../../cells/factor.ts";
import type { ComparedEffect, StudyComparison } from "../statistics/study_comparison.ts";
import type { Table } from "../data/table.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import { SIGNIFICANT_P } from "../tables/significant_effects.ts";
import { contrastWords, differenceName } from "../tables/factor_words.ts";
import { COLUMN_OF, measureWithUnit, unitOfMeasure } from "../tables/measure_words.ts";
import { differencesInWords, intervalOf, unitHere } from "../tables/study_words.ts";
import { differenceColour } from "./comparisons.ts";
import { forestTable } from "./forest_data.ts";
import { composeForests, type Forest, type ForestRow, type ForestSubject, isCut, type Measured } from "./forest.ts";
import type { FigureOptions, Frame, LegendEntry, SvgDocument } from "./svg.ts";
import { BOLD, shortened, wrapped } from "./text.ts";
import { BASELINE_COLOUR, DIFFERENCE_COLOUR, SIDE_COLOUR, SIZE } from "./theme.ts";

const ROW = { mean: 36, effect: 27 } as const;
/** Labels that are longer are set in two lines, in characters. */
const LONG_LABEL = 24;
/** Of a panel's title, which is bold and may name a study. */
const TITLE_ROOM = (SIZE.width - 2 * SIZE.margin) / BOLD;
/** The most baselines of a study that have rows: words and tables have all. */
const MOST_BASELINES = 6;

/**
 * Draws the mean difference of each other study, then a panel for each on what factors change here and there.
 *
 * @param comparisons at least one
 * @returns the SVG's text
 */
export function figureStudies(
  document: SvgDocument,
  comparisons: readonly StudyComparison[],
  options: FigureOptions,
): string {
  const forests = studyForests(comparisons);
  const frame: Frame = {
    name: options.name,
    title: options.title,
    subtitle: [options.subtitle, ...explanation(comparisons, forests)],
    legend: [{ heading: "there − here:", entries: entriesOf(forests) }],
  };
  return composeForests(document, frame, forests);
}

/** The data behind {@linkcode figureStudies}. */
export function studiesData(comparisons: readonly StudyComparison[]): Table {
  return forestTable(studyForests(comparisons), [{
    name: "study",
    about: "the other study",
    of: ({ subject }) => subject.study,
  }]);
}

function studyForests(comparisons: readonly StudyComparison[]): Forest[] {
  return [changeForest(comparisons), ...comparisons.flatMap(effectForest)];
}

/** The colours that occur. */
function entriesOf(forests: readonly Forest[]): LegendEntry[] {
  const used = new Set(forests.flatMap(({ rows }) => rows.map(({ colour }) => colour)));
  const entries: LegendEntry[] = [
    { mark: "dot", colour: DIFFERENCE_COLOUR.lower, text: "lower there" },
    { mark: "dot", colour: DIFFERENCE_COLOUR.higher, text: "higher there" },
    {
      mark: "dot",
      colour: DIFFERENCE_COLOUR.unclear,
      text: `not significant (no corrected p of at most ${SIGNIFICANT_P})`,
    },
    { mark: "dot", colour: BASELINE_COLOUR, text: "a baseline" },
  ];
  return entries.filter(({ colour }) => used.has(colour));
}

function explanation(comparisons: readonly StudyComparison[], forests: readonly Forest[]): string[] {
  const isSure = forests.some(({ rows }) => rows.some(({ effect }) => effect.interval));
  const isMany = comparisons.some(({ compared_baselines }) => compared_baselines.length > MOST_BASELINES);
  return [
    ...comparisons.map(({ there: { name }, differences }) =>
      `Study ${name} differs in: ${differences.length ? differencesInWords(differences) : "no recorded setting"}.`
    ),
    isSure
      ? "Large dot: mean over pairs of the same configuration and seed. Small: single seeds. Line: 95 % interval."
      : "Dot: mean over pairs of the same configuration and seed. One seed has no interval and no p.",
    ...(forests.some(({ rows }) => isCut(rows)) ? ["Triangle: the interval extends beyond the picture."] : []),
    ...(isMany ? [`Of each study the first ${MOST_BASELINES} baselines; the table has all.`] : []),
  ];
}

function changeForest(comparisons: readonly StudyComparison[]): Forest {
  const units = new Set(comparisons.map((one) => measureWithUnit(one.measure, unitHere(one))));
  return {
    title: "The same configurations, other study − this one",
    axis: `there − here, ${[...units].join(" or ")} (left of zero: lower there)`,
    rows: comparisons.flatMap(changeRows),
    difference: "there − here",
    isTested: true,
    rowHeight: ROW.mean,
  };
}

function changeRows(one: StudyComparison): ForestRow[] {
  const { there: { name }, means, measure, compared_baselines } = one, own = means[measure];
  const subject = (shown: string) => ({ ...measuredIn(one), shown, study: name });
  return [
    ...(own.pairs ? [rowOf(subject("mean of there − here"), name, own, differenceColour(own), own.p_holm)] : []),
    ...compared_baselines.slice(0, MOST_BASELINES).map(({ label, mean }) =>
      rowOf(subject(`there − here of ${label}`), `${name}, ${label}`, mean, BASELINE_COLOUR)
    ),
  ];
}

/** What a study is compared by. */
function measuredIn(one: StudyComparison): Measured {
  return { measure: COLUMN_OF[one.measure], unit: unitOfMeasure(one.measure, unitHere(one)) };
}

function rowOf(subject: ForestSubject, label: string, mean: PairMean, colour: string, p_holm?: number): ForestRow {
  return {
    subject,
    label: label.length > LONG_LABEL ? wrapped(label, 2) : label,
    effect: { ...mean, interval: intervalOf(mean) },
    colour,
    p_holm,
    none: "",
  };
}

function effectForest(one: StudyComparison): Forest[] {
  const { effects, there: { name }, measure } = one, compared = effects.filter(({ change }) => change.pairs > 0);
  if (!compared.length) return [];
  const words = contrastWords(compared), of = measureWithUnit(measure, unitHere(one));
  return [{
    title: shortened(`Effect of each ${words.noun[0]} here and in ${name}`, TITLE_ROOM, SIZE.text),
    axis: `${words.difference}, ${of} (left of zero: lower ${words.atSecond})`,
    rows: compared.flatMap((effect) => effectRows(effect, { ...measuredIn(one), study: name })),
    difference: words.difference,
    isTested: true,
    rowHeight: ROW.effect,
  }];
}

/** A factor's effect in both studies, and how far it differs. */
function effectRows(
  { here, there, change, p_holm, ...contrast }: ComparedEffect,
  measured: Measured & { readonly study: string },
): ForestRow[] {
  const { factor } = contrast, { study: name } = measured;
  const subject = (shown: string): ForestSubject => ({ ...measured, shown, contrast });
  return [
    {
      ...rowOf(subject("effect here"), "here", here, SIDE_COLOUR.here),
      group: isSwitch(factor) ? factor.label : `${factor.label} ${differenceName(contrast)}`,
    },
    rowOf(subject("effect there"), name, there, SIDE_COLOUR.there),
    rowOf(subject("effect there − here"), "there − here", change, differenceColour({ ...change, p_holm }), p_holm),
  ];
}
