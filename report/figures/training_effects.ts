/** The picture `results_*_effects_by_*`: what each factor changes at each value of one that is about training, as the learning rate. */
import { formatLevel, isSwitch } from "../../cells/factor.ts";
import { counted } from "../../cells/counts.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import type { Table } from "../data/table.ts";
import type { Effects } from "../statistics/effects.ts";
import { type PairMean, significantSide } from "../statistics/pair_means.ts";
import { comparedAtSeveral, type TrainingEffect, type TrainingEffects } from "../statistics/training_effects.ts";
import { bySize } from "../tables/significant_effects.ts";
import { COLUMN_OF, measureTitle, unitOfMeasure } from "../tables/measure_words.ts";
import { contrastWords, differenceName, inSentence } from "../tables/factor_words.ts";
import { levelValue } from "./data_columns.ts";
import { forestTable } from "./forest_data.ts";
import { composeForests, type Forest, type ForestRow, type ForestSubject, isCut, type Measured } from "./forest.ts";
import { differenceLegend, whyNoInterval } from "./comparisons.ts";
import type { FigureOptions, SvgDocument } from "./svg.ts";
import { DIFFERENCE_COLOUR } from "./theme.ts";

const ROW = 23;
/** What is shown of an effect after its values. */
const AT_BEST = "each at its best";

/**
 * Draws a group of rows for each factor: its effect on the primary measure at each value, and with each configuration at the value that is best
 * for it.
 *
 * @returns the SVG's text
 */
export function figureTrainingEffects(
  document: SvgDocument,
  effects: Effects,
  training: TrainingEffects,
  options: FigureOptions,
): string {
  const forest = trainingForest(effects, training), words = contrastWords(comparedAtSeveral(training));
  const isSure = forest.rows.some(({ effect }) => effect.interval);
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [options.subtitle, ...explanation(training, forest, isSure)],
    legend: isSure ? [differenceLegend(words.atSecond, "zero lies in the interval")] : [],
  };
  return composeForests(document, frame, [forest]);
}

/** The data behind {@linkcode figureTrainingEffects}. */
export function trainingEffectsData(effects: Effects, training: TrainingEffects): Table {
  return forestTable([trainingForest(effects, training)], [{
    name: `at_${training.factor.key}`,
    about: `the ${training.factor.label} at which the effect is; empty: each configuration at its best`,
    of: ({ subject }) => subject.at,
  }]);
}

function trainingForest(effects: Effects, training: TrainingEffects): Forest {
  const order = bySize(effects[effects.primary]).map(({ factor }) => factor);
  const compared = comparedAtSeveral(training).toSorted((a, b) => order.indexOf(a.factor) - order.indexOf(b.factor));
  const words = contrastWords(compared), unit = unitOfMeasure(effects.primary, effects.reads);
  return {
    rows: compared.flatMap((effect) => rowsOf(effect, training, { measure: COLUMN_OF[effects.primary], unit })),
    title: measureTitle(effects.primary),
    labelled: training.factor.label,
    axis: `${words.difference}, ${unit} (left of zero: lower ${words.atSecond})`,
    difference: words.difference,
    isTested: false,
    rowHeight: ROW,
  };
}

function rowsOf(
  effect: TrainingEffect,
  { factor, levels, tuned }: TrainingEffects,
  measured: Measured,
): ForestRow[] {
  const name = isSwitch(effect.factor) ? effect.factor.label : `${effect.factor.label} ${differenceName(effect)}`;
  const row = (
    mean: PairMean,
    label: string,
    subject: Pick<ForestSubject, "shown" | "at">,
    group?: string,
  ): ForestRow => ({
    subject: { ...measured, ...subject, contrast: effect },
    label,
    group,
    effect: mean,
    colour: colourOf(mean),
    none: "no pair",
  });
  return [
    ...levels.map((value, i) =>
      row(
        effect.at[i],
        formatLevel(factor, value),
        { shown: "effect", at: levelValue(value) },
        i ? undefined : `${name}${effect.turns ? " ↔" : ""}`,
      )
    ),
    ...(tuned ? [row(effect.atBest, AT_BEST, { shown: AT_BEST })] : []),
  ];
}

function colourOf({ interval }: PairMean): string {
  const side = significantSide(interval);
  return side < 0 ? DIFFERENCE_COLOUR.lower : side > 0 ? DIFFERENCE_COLOUR.higher : DIFFERENCE_COLOUR.unclear;
}

function explanation(training: TrainingEffects, forest: Forest, isSure: boolean): string[] {
  const { factor, factor: { label }, effects, tuned, criterion } = training, compared = comparedAtSeveral(training);
  const named = (some: readonly TrainingEffect[]) => some.map(({ factor }) => factor.label).join(", ");
  const turning = compared.filter(({ turns }) => turns), others = effects.filter((one) => !compared.includes(one));
  return [
    ...(turning.length ? [`↔ The sign changes with ${inSentence(factor)}: ${named(turning)}.`] : []),
    ...(isSure
      ? [
        "Large dot: mean over seeds and pairs of configurations. Small: single seeds.",
        "Line: 95 % interval for other configurations like these with other seeds, not corrected for multiple comparisons.",
      ]
      : [
        forest.rows.some(({ effect: { pairs, seeds } }) => pairs > 0 && seeds.length > 1)
          ? "Large dot: mean over seeds and pairs of configurations. Small: single seeds."
          : "Dot: mean over pairs of configurations.",
        ...whyNoInterval(forest.rows.map(({ effect }) => effect)),
      ]),
    ...(tuned
      ? [
        `${AT_BEST[0].toUpperCase()}${AT_BEST.slice(1)}: ${counted(tuned, "configuration")}, ${label} by ${
          criterionInWords(criterion)
        }.`,
      ]
      : []),
    ...(others.length ? [`No pairs at two values: ${named(others)}.`] : []),
    ...(isCut(forest.rows) ? ["Triangle: the interval extends beyond the picture."] : []),
  ];
}
