/** The picture `results_*_dynamics_effects`, a forest plot: what each factor alone changes of the dynamics. */
import { dynamicsUnit } from "../../../experiments/study/dynamics_metrics.ts";
import { counted } from "../../../cells/counts.ts";
import type { Table } from "../../data/table.ts";
import type { DynamicsAnswers, MetricEffects } from "../../statistics/dynamics_effects.ts";
import { bySize, SIGNIFICANT_P } from "../../tables/significant_effects.ts";
import { metricTitle } from "../../tables/dynamics_text.ts";
import { contrastWords } from "../../tables/factor_words.ts";
import { differenceLegend, whyNoInterval } from "../comparisons.ts";
import { effectRows } from "../effects.ts";
import { forestTable } from "../forest_data.ts";
import { composeForests, type Forest, isCut } from "../forest.ts";
import type { FigureOptions, SvgDocument } from "../svg.ts";

const ROW = 34;
/** The measures that have a panel; the tables of the page have all. */
const SHOWN: ReadonlySet<string> = new Set([
  "lyapunov_largest",
  "recall_bits",
  "participation_ratio",
  "truncation_cosine_16",
]);
const NO_PAIR = "no two measured runs differ only in this";

/**
 * Draws a panel for each measure that has a pair, a row for each factor, in the order of the effects on the first one.
 *
 * @param answers with at least one pair
 * @returns the SVG's text
 */
export function figureDynamicsEffects(document: SvgDocument, answers: DynamicsAnswers, options: FigureOptions): string {
  const shown = shownEffects(answers), forests = forestsOf(answers), [{ effects: first }] = shown;
  const { noun: [one, several], atSecond } = contrastWords(first);
  const all = shown.flatMap(({ effects }) => effects), isSure = all.some(({ interval }) => interval);
  const pairs = `pairs of configurations that differ only in that ${one}`;
  const tested = first.filter(({ p }) => p !== undefined).length;
  return composeForests(document, {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      ...(isSure
        ? [
          `Large dot: mean over seeds and ${pairs}. Small: single seeds.`,
          "Line: 95 % interval for other configurations like these with other seeds, on the same text. " +
          `p: Holm's correction for ${counted(tested, one, several)}.`,
        ]
        : [`Dot: mean over ${pairs}.`, ...whyNoInterval(first)]),
      ...(forests.some(({ rows }) => isCut(rows)) ? ["Triangle: the interval extends beyond the picture."] : []),
    ],
    legend: isSure ? [differenceLegend(atSecond, `not significant (corrected p above ${SIGNIFICANT_P})`)] : [],
  }, forests);
}

/** The data behind {@linkcode figureDynamicsEffects}. */
export function dynamicsEffectsData(answers: DynamicsAnswers): Table {
  return forestTable(forestsOf(answers));
}

function forestsOf(answers: DynamicsAnswers): Forest[] {
  const shown = shownEffects(answers), order = bySize(shown[0].effects).map(({ factor }) => factor);
  return shown.map(({ metric, effects }): Forest => {
    const sorted = effects.toSorted((a, b) => order.indexOf(a.factor) - order.indexOf(b.factor));
    const { difference } = contrastWords(effects), unit = dynamicsUnit(metric, answers.reads);
    return {
      rows: sorted.flatMap((effect) => effectRows(effect, { measure: metric.key, unit }, NO_PAIR)),
      title: `${metricTitle(metric, answers.reads)}: right of zero ${metric.words.higher}`,
      axis: `${difference}${unit === undefined ? "" : `, ${unit}`}`,
      difference,
      isTested: true,
      rowHeight: ROW,
    };
  });
}

/** What the picture shows; nothing where no two measured runs differ in one factor alone. */
export function shownEffects({ effects }: DynamicsAnswers): MetricEffects[] {
  return effects.filter((one) => SHOWN.has(one.metric.key) && one.effects.some(({ pairs }) => pairs > 0));
}
