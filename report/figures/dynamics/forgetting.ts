/** The picture `results_*_dynamics`: the largest Lyapunov exponent and the forgetting time against the test score. */
import type { FactorTable } from "../../../cells/factor.ts";
import { dynamicsUnit, FORGETTING_TIME, LARGEST_EXPONENT } from "../../../experiments/study/dynamics_metrics.ts";
import type { MergedRow } from "../../data/merged.ts";
import { meanOverSeeds, measuresOf } from "../../data/seed_estimates.ts";
import type { Table } from "../../data/table.ts";
import type { SvgDocument } from "../svg.ts";
import type { MeasureAxis } from "./dots.ts";
import { drawMeasures, type MeasureOptions, type MeasurePanel, measuresData } from "./measure_panels.ts";
import { extentText } from "./words.ts";

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

function panelsOf([{ reads }]: readonly MergedRow[]): MeasurePanel[] {
  return [
    {
      measure: LARGEST_EXPONENT.key,
      unit: dynamicsUnit(LARGEST_EXPONENT, reads)!,
      axis: LARGEST,
      heading: "how fast differences shrink",
      xLabel: `largest Lyapunov exponent λ₁ (nats per ${reads})`,
      share: 0.36,
    },
    {
      measure: FORGETTING_TIME.key,
      unit: dynamicsUnit(FORGETTING_TIME, reads)!,
      axis: FORGETTING,
      heading: "how long differences last",
      xLabel: `forgetting time −1/λ₁ (${reads}s, logarithmic)`,
      share: 0.64,
    },
  ];
}

/** The data behind {@linkcode figureForgetting}. */
export function forgettingData(rows: readonly MergedRow[], table: FactorTable): Table {
  return measuresData(rows, panelsOf(rows), table);
}

/**
 * Draws a dot for each configuration, by λ₁ on the left and by forgetting time on the right, over its test score. The means over seeds are of either
 * number, so that of the times is no reciprocal of that of the exponents.
 *
 * @param rows best first, at least one with a spectrum and a test score
 * @returns the SVG's text
 */
export function figureForgetting(document: SvgDocument, rows: readonly MergedRow[], options: MeasureOptions): string {
  return drawMeasures(
    document,
    rows,
    panelsOf(rows),
    [
      `Read: ${extentText(rows, ({ lyapunov }) => lyapunov)}.`,
      "λ₁ < 0: differences between states shrink to 1/e in the forgetting time −1/λ₁. λ₁ ≥ 0: they persist or grow.",
      ...(rows.some(({ runs }) => runs.length > 1)
        ? ["Each number is averaged over seeds separately: the mean time is not −1 divided by the mean exponent."]
        : []),
    ],
    options,
  );
}
