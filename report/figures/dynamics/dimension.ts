/** The picture `results_*_dynamics_dimension`: how many dimensions of its state a model uses, against the test score. */
import type { FactorTable } from "../../../cells/factor.ts";
import type { Table } from "../../data/table.ts";
import type { MergedRow } from "../../data/merged.ts";
import { meanOverSeeds, measuresOf } from "../../data/seed_estimates.ts";
import type { SvgDocument } from "../svg.ts";
import type { MeasureAxis } from "./dots.ts";
import { drawMeasures, type MeasureOptions, type MeasurePanel, measuresData } from "./measure_panels.ts";
import { extentText } from "./words.ts";

const NOTHING_BEYOND = { low: "", high: "" } as const;

/** Dimensions, and as a share of the numbers of the state. */
const DIMENSIONS = measured(() => 1), SHARE = measured((numbers) => numbers / 100);

function measured(unitOf: (numbers: number) => number): Pick<MeasureAxis, "of"> {
  return {
    of(row) {
      const found = measuresOf(row, ({ participation_ratio }) => participation_ratio?.whole);
      const mean = meanOverSeeds(found.map(({ value, standard_error, numbers }) => ({
        value: value === null ? null : value / unitOf(numbers),
        standard_error: standard_error === null ? null : standard_error / unitOf(numbers),
      })));
      return mean.value === null ? undefined : mean;
    },
  };
}

const PANELS: readonly MeasurePanel[] = [
  {
    measure: "participation_ratio",
    unit: "dimensions",
    axis: { ...DIMENSIONS, scale: "log", beyond: NOTHING_BEYOND },
    heading: "effective dimension",
    xLabel: "participation ratio (dimensions, logarithmic)",
    share: 0.5,
  },
  {
    measure: "participation_ratio divided by the number of state variables",
    unit: "%",
    axis: { ...SHARE, scale: "linear", beyond: NOTHING_BEYOND },
    heading: "relative to the number of state variables",
    xLabel: "participation ratio / number of state variables (%)",
    share: 0.5,
  },
];

/** The data behind {@linkcode figureDimension}. */
export function dimensionData(rows: readonly MergedRow[], table: FactorTable): Table {
  return measuresData(rows, PANELS, table);
}

/**
 * Draws a dot for each configuration, by its participation ratio on the left and by that as a share of its carried numbers on the right, over its
 * test score.
 *
 * @param rows best first, at least one with a participation ratio and a test score
 * @returns the SVG's text
 */
export function figureDimension(document: SvgDocument, rows: readonly MergedRow[], options: MeasureOptions): string {
  return drawMeasures(
    document,
    rows,
    PANELS,
    [
      `Read: ${extentText(rows, ({ participation_ratio }) => participation_ratio)}.`,
      "It is n (100 %) if n state variables vary equally and independently, and 1 if one direction has all the variance.",
    ],
    options,
  );
}
