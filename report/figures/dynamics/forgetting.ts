/** The picture `results_*_dynamics`: the largest Lyapunov exponent and the forgetting time against the test score. */
import type { FactorTable, SwitchFactor } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { FORGETTING_TIME, LARGEST_EXPONENT } from "../../../experiments/study/dynamics_metrics.ts";
import type { MergedRow } from "../../data/merged.ts";
import { meanOverSeeds, measuresOf } from "../../data/seed_estimates.ts";
import { cellNames, drawScatter, TICK_LABELS } from "../scatter.ts";
import { composeFigure, type FigureOptions, panelArea, type SvgDocument } from "../svg.ts";
import { COLOUR, SIZE } from "../theme.ts";
import { type MeasureAxis, placeDots, RINGED, ringMarks, switchKey } from "./dots.ts";
import { SCORE_LABEL, scoreAxis } from "./score_axis.ts";
import { ERRORS, extentText } from "./words.ts";

const HEIGHT = 560, GAP = 26;
/** Shares of the two panels in the width. */
const SHARES = [0.36, 0.64] as const;

/** λ₁, nats per byte; −∞ lies left of the axis. */
const LARGEST: MeasureAxis = {
  scale: "linear",
  beyond: { low: "−∞", high: "" },
  of(row) {
    const found = measuresOf(row, LARGEST_EXPONENT.of);
    if (!found.length) return undefined;
    return found.some(({ value }) => value === null) ? "low" : meanOverSeeds(found);
  },
};

/** −1/λ₁; 0 has no place on a logarithmic axis, and without a negative exponent there is no end to it. */
export const FORGETTING: MeasureAxis = {
  scale: "log",
  beyond: { low: "0", high: "never" },
  of(row) {
    const found = measuresOf(row, FORGETTING_TIME.of);
    if (!found.length) return undefined;
    if (found.some(({ value }) => value === null)) return "high";
    return found.some(({ value }) => value === 0) ? "low" : meanOverSeeds(found);
  },
};

/**
 * Draws a dot for each configuration, by λ₁ on the left and by forgetting time on the right, over its test score.
 *
 * @param rows best first, at least one with a test score
 * @param by the switch that colours are of; sizes where absent
 * @returns the SVG's text
 */
export function figureForgetting(
  document: SvgDocument,
  rows: readonly MergedRow[],
  options: FigureOptions,
  { table = GATED, by }: { readonly table?: FactorTable; readonly by?: SwitchFactor } = {},
): string {
  const { domain, shown, levels, notes } = scoreAxis(rows, options.levels, table);
  const key = switchKey(shown, table, by), [{ reads }] = rows;
  const frame = {
    name: options.name,
    title: options.title,
    subtitle: [
      options.subtitle,
      `Read: ${extentText(rows, ({ lyapunov }) => lyapunov)}.`,
      `One mark per configuration; level bars: ${ERRORS}.`,
      "Upright bars: lowest to highest score of its seeds; lower is better.",
      "λ₁ < 0: differences between states die out, by a factor of e in the forgetting time −1/λ₁. λ₁ > 0: chaos; they grow.",
      ...notes,
    ],
    legend: [...key.legend, {
      entries: [
        { mark: "bar" as const, colour: COLOUR.highlight, text: "bold ring: the best configuration" },
        { mark: "line" as const, colour: COLOUR.highlight, text: `thin rings: the best ${RINGED}` },
      ],
    }],
    y: SCORE_LABEL,
  };
  const area = panelArea(frame), room = SIZE.width - area.left - TICK_LABELS - GAP - 10;
  let left = area.left;
  const panels = [
    {
      axis: LARGEST,
      xLabel: `largest Lyapunov exponent λ₁ (nats per ${reads})`,
      heading: "how fast differences vanish",
    },
    {
      axis: FORGETTING,
      xLabel: `forgetting time −1/λ₁ (${reads}s, logarithmic)`,
      heading: "how long differences last",
    },
  ].map(({ axis, xLabel, heading }, i) => {
    const { dots, ticks, ...placed } = placeDots(shown, axis, key), width = SHARES[i] * room;
    const position = [left, area.top] as const;
    left += width + GAP + (i ? 0 : TICK_LABELS);
    // Worst first, so that better ones lie above.
    return drawScatter(document, dots.toReversed(), {
      position,
      width,
      height: HEIGHT,
      heading,
      xLabel,
      xScale: axis.scale,
      xDomain: placed.domain,
      xTicks: ticks,
      tickFormat: placed.tickFormat,
      yDomain: domain,
      labelled: i === 0,
      key,
      names: cellNames(dots, table),
      levels,
      under: placed.under,
      over: ringMarks(dots, shown.slice(0, RINGED)),
    });
  });
  return composeFigure(document, frame, panels, HEIGHT - 24);
}
