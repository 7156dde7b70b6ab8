/** The picture `results_*_studies`: how the same configurations score in other studies, and whether the effects of factors hold there. */
import { isSwitch } from "../../cells/factor.ts";
import { formatCount } from "../../cells/counts.ts";
import type { ComparedEffect, StudyComparison, StudyMean } from "../statistics/study_comparison.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import { formatInterval } from "../tables/effect_tables.ts";
import { CLEAR_P } from "../tables/effect_words.ts";
import { contrastWords, differenceName } from "../tables/factor_words.ts";
import { formatDifference, formatP, NONE } from "../tables/format.ts";
import { differencesInWords, intervalOf, measureWords } from "../tables/study_words.ts";
import { forestHeight, type ForestPanel, forestPanel, type ForestRow } from "./forest.ts";
import { composeFigure, type FigureOptions, type Frame, panelArea, type SvgDocument } from "./svg.ts";
import { BASELINE_COLOUR, DIFFERENCE_COLOUR, SIDE_COLOUR } from "./theme.ts";

const GAP = 26;
/** Pixels between the means of both studies in a row, and the middle of the row. */
const APART = 8;
/** What stands to the right of each row: of the difference between both studies, there less here. */
const COLUMNS = [
  { heading: "there − here", end: 76 },
  { heading: "95 % interval", end: 212 },
  { heading: "pairs", end: 264 },
  { heading: "corrected p", end: 346 },
] as const;

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
  const panels = [changePanel(comparisons), ...comparisons.flatMap(effectPanel)];
  const frame: Frame = {
    name: options.name,
    title: options.title,
    subtitle: [options.subtitle, ...explanation(comparisons)],
    legend: [
      {
        heading: "there − here:",
        entries: [
          { mark: "dot", colour: DIFFERENCE_COLOUR.lower, text: "lower there" },
          { mark: "dot", colour: DIFFERENCE_COLOUR.higher, text: "higher there" },
          { mark: "dot", colour: DIFFERENCE_COLOUR.unclear, text: "not clear" },
          ...(comparisons.some(({ compared_baselines }) => compared_baselines.length)
            ? [{ mark: "dot" as const, colour: BASELINE_COLOUR, text: "a baseline" }]
            : []),
        ],
      },
      ...(panels.length > 1
        ? [{
          heading: "effects:",
          entries: [
            { mark: "circle" as const, colour: SIDE_COLOUR.here, text: "here" },
            { mark: "diamond" as const, colour: SIDE_COLOUR.there, text: "in the other study" },
          ],
        }]
        : []),
    ],
  };
  let { top } = panelArea(frame), height = 0;
  const drawn = panels.map((content) => {
    const one = forestPanel(document, content, top), own = forestHeight(content) + GAP;
    top += own;
    height += own;
    return one;
  });
  return composeFigure(document, frame, drawn, height - 24);
}

function explanation(comparisons: readonly StudyComparison[]): string[] {
  const isOneSeed = comparisons.every(({ means, measure }) => !intervalOf(means[measure]));
  return [
    isOneSeed
      ? "Dot: mean over pairs of the same configuration and seed. One seed: no interval."
      : "Dot: mean over pairs of the same configuration and seed. Line: 95 % interval. Rings: single seeds.",
    ...(comparisons.some(({ compared_baselines }) => compared_baselines.length > MOST_BASELINES)
      ? [`Of each study the first ${MOST_BASELINES} baselines; the table has all.`]
      : []),
    ...comparisons.map(({ there: { name }, differences }) =>
      `${name}: ${differences.length ? differencesInWords(differences) : "no recorded setting differs"}.`
    ),
  ];
}

function changePanel(comparisons: readonly StudyComparison[]): ForestPanel {
  const units = new Set(comparisons.map((one) => measureWords(one.measure, one).join(", ")));
  return {
    title: "The same configurations, other study − this one",
    axis: `there − here, ${[...units].join(" or ")} (left of zero: lower there)`,
    rows: comparisons.flatMap(changeRows),
    columns: COLUMNS,
    row: 34,
  };
}

/** The most baselines of a study that have rows: words and tables have all. */
const MOST_BASELINES = 6;

function changeRows({ there: { name }, means, measure, compared_baselines }: StudyComparison): ForestRow[] {
  const row = (label: string, mean: PairMean, colour: string, p_holm?: number): ForestRow => ({
    label,
    marks: [{ mean, colour, shape: "circle", dy: 0 }],
    cells: cellsOf(mean, p_holm),
  });
  const own = means[measure];
  return [
    ...(own.pairs ? [row(name, own, colourOf(own), own.p_holm)] : []),
    ...compared_baselines.slice(0, MOST_BASELINES).map((one) =>
      row(`${name}: ${one.label}`, one.mean, BASELINE_COLOUR)
    ),
  ];
}

/** A text for each of {@linkcode COLUMNS}. */
function cellsOf(mean: PairMean, p_holm: number | undefined): string[] {
  const interval = intervalOf(mean);
  return [
    formatDifference(mean.difference!),
    interval ? formatInterval(interval) : "one seed",
    formatCount(mean.pairs),
    p_holm === undefined ? NONE : formatP(p_holm),
  ];
}

function colourOf({ difference, p_holm }: StudyMean): string {
  if (p_holm === undefined || p_holm > CLEAR_P) return DIFFERENCE_COLOUR.unclear;
  return difference! < 0 ? DIFFERENCE_COLOUR.lower : DIFFERENCE_COLOUR.higher;
}

function effectPanel(one: StudyComparison): ForestPanel[] {
  const { effects, there: { name }, measure } = one, compared = effects.filter(({ change }) => change.pairs > 0);
  if (!compared.length) return [];
  const words = contrastWords(compared), [what, unit] = measureWords(measure, one);
  return [{
    title: `What each ${words.noun[0]} changes here and in ${name}`,
    axis: `${words.difference}, ${what}, ${unit} (left of zero: lower ${words.atSecond})`,
    rows: compared.map(effectRow),
    columns: COLUMNS,
    row: 42,
  }];
}

function effectRow({ here, there, change, p_holm, ...contrast }: ComparedEffect): ForestRow {
  const { factor } = contrast;
  return {
    label: isSwitch(factor) ? factor.label : `${factor.label}\n${differenceName(contrast)}`,
    marks: [
      { mean: here, colour: SIDE_COLOUR.here, shape: "circle", dy: -APART },
      { mean: there, colour: SIDE_COLOUR.there, shape: "diamond", dy: APART },
    ],
    cells: cellsOf(change, p_holm),
  };
}
