/** The numbers of figures: group means, and ranges of losses. */
import { mean, quantileSorted } from "simple-statistics";
import { type Factor, type FactorTable, type FactorValue, isSwitch, valueOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { minOf } from "../../cells/extremes.ts";
import { levelsIn, ownCellRows, rowsOf, variedIn } from "../data/rows.ts";
import { cohortsOf } from "../data/baselines.ts";
import { nameOfLevel } from "../data/cell_names.ts";
import { meanCurve, type MergedRow } from "../data/merged.ts";

/** The configurations that share one value of one hyperparameter. */
export interface Group {
  value: FactorValue;
  /** The value as an axis shows it. */
  name: string;
  rows: MergedRow[];
  /**
   * Mean of the configurations' `min_loss`, each averaged over its seeds, nats per what the models read; undefined in an empty group. Without
   * controls: they were not chosen by what the others were, nor widened, and would raise the means of the sizes they have.
   */
  mean: number | undefined;
}

/** One hyperparameter and its groups: what one panel of a figure shows. */
export interface Grouping {
  factor: Factor;
  groups: Group[];
}

function groupOf(value: FactorValue, name: string, rows: MergedRow[]): Group {
  const chosen = rows.filter(({ control }) => !control);
  return { value, name, rows, mean: chosen.length ? mean(chosen.map((row) => row.min_loss.mean)) : undefined };
}

/**
 * The groups of one factor, one per value that occurs, in the order of {@linkcode levelsIn}. A switch always has both, off before on; either
 * may be empty. Configurations that the factor says nothing of are in none: other cells than the table's own are not part of a switch's
 * mean (docs/cells.md, "Baselines").
 *
 * @param table that the factor is of
 */
export function groupByFactor(rows: readonly MergedRow[], factor: Factor, table: FactorTable = GATED): Grouping {
  const own = rowsOf(table, factor, rows), values = isSwitch(factor) ? [false, true] : levelsIn(factor, own);
  return {
    factor,
    groups: values.map((value) =>
      groupOf(value, nameOfLevel(factor, value), own.filter(({ config }) => valueOf(factor, config) === value))
    ),
  };
}

/**
 * The hyperparameters that pictures have a panel for, in the table's order. Baselines are in no group: they would move the means of the sizes
 * that they have.
 *
 * @param all the rows that say which factors these are: the same for a picture of all and for one of some
 */
export function groupings(
  rows: readonly MergedRow[],
  table: FactorTable = GATED,
  all: readonly MergedRow[] = rows,
): Grouping[] {
  const { own, baselines } = cohortsOf(table, all), shown = baselines.length ? ownCellRows(table, rows) : rows;
  return variedIn(table, own).map((factor) => groupByFactor(shown, factor, table));
}

/** An axis of losses with room at its ends. It does not go below 0 where no loss does: nothing can lie there. */
export function padded([low, high]: readonly [number, number], pad: number): [number, number] {
  return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
}

/** A range of losses to draw, nats per what the models read. */
export interface LossRange {
  low: number;
  high: number;
  /** Curves with a value above `high`. */
  cut: number;
}

/** The first part of each curve, in which it falls steeply from where every model starts, may lie above the picture. */
const START_SHARE = 0.03;
/** Largest share of the picture's height that the last half per cent of the values may take before they are cut off. */
const TAIL_SHARE = 0.35;

/**
 * The range that shows what differs between curves: from the lowest value to the highest after the steep start, unless a
 * few outliers (a diverging run) would squeeze all others into a strip; then up to the quantile 0.995.
 */
export function lossRange(rows: readonly MergedRow[]): LossRange {
  const curves = rows.map(meanCurve);
  const late = [...Float64Array.from(curves.flatMap((loss) => loss.slice(startOf(loss)))).sort()];
  const low = minOf(curves.map((loss) => minOf(loss)));
  const highest = late[late.length - 1];
  const usual = quantileSorted(late, 0.995);
  const high = highest - usual <= TAIL_SHARE * (highest - low) ? highest : usual;
  return { low, high, cut: curves.filter((curve) => curve.some((loss) => loss > high)).length };
}

/** A curve of one value keeps it. */
function startOf(loss: readonly number[]): number {
  return Math.min(Math.ceil(START_SHARE * loss.length), loss.length - 1);
}
