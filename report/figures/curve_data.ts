/** The data behind pictures of training curves: a row for each point of a curve that is drawn. */
import type { CurveAxis, PlacedPoint } from "../data/curve_axis.ts";
import type { MergedRow } from "../data/merged.ts";
import { LOSS_DIGITS } from "../data/rows.ts";
import type { Column, Table } from "../data/table.ts";
import { countColumn, nameColumns, numberColumn, pictureTable, withUnit } from "./data_columns.ts";

/** A configuration's curve. */
export interface DrawnCurve {
  readonly row: MergedRow;
  readonly points: readonly PlacedPoint[];
}

/** A point of it. */
interface Point<Curve extends DrawnCurve> {
  readonly curve: Curve;
  readonly point: PlacedPoint;
}

/** @param more columns before the others, of the curve that a point is of */
export function curvesTable<Curve extends DrawnCurve>(
  curves: readonly Curve[],
  axis: CurveAxis,
  more: readonly Column<Curve>[] = [],
): Table {
  const rows = curves.flatMap((curve) => curve.points.map((point): Point<Curve> => ({ curve, point })));
  const [{ row: { reads } }] = curves, loss = withUnit("loss", `nats per ${reads}`);
  return pictureTable<Point<Curve>>([
    ...more.map(({ of, ...column }) => ({ ...column, of: ({ curve }: Point<Curve>) => of(curve) })),
    ...nameColumns(({ curve }: Point<Curve>) => curve.row),
    countColumn("step", "steps done when the loss was logged", ({ point }) => point.updates),
    ...(axis.noun === "steps" ? [] : [
      countColumn(
        axis.noun.replaceAll(" ", "_"),
        "x coordinate of the point: steps × steps back × batch size",
        ({ point }: Point<Curve>) => point.step,
      ),
    ]),
    numberColumn(
      loss,
      `smoothed training loss, mean over the seeds of values with ${LOSS_DIGITS} digits; points are those that are drawn`,
      ({ point }) => point.loss,
    ),
    numberColumn(`${loss}_least`, "the lowest of the seeds", ({ point }) => point.least),
    numberColumn(`${loss}_most`, "the highest of the seeds", ({ point }) => point.most),
  ], rows);
}
