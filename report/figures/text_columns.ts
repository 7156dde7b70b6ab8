/** Columns of text to the right of a plot, each under its heading. */
import * as Plot from "@observablehq/plot";
import { COLOUR, SIZE } from "./theme.ts";

/** The size of a heading, and how far it stands above the plot, in pixels. */
const HEADING = { size: 13, above: 14 } as const;

/** Where a column's texts end, in pixels to the right of the plot's marks. */
type Right = number;

/** The heading of a column. */
export function columnHeading(
  heading: string,
  right: Right,
  { size = HEADING.size, above = HEADING.above }: { readonly size?: number; readonly above?: number } = {},
): Plot.Text {
  return Plot.text([heading], {
    frameAnchor: "top-right",
    textAnchor: "end",
    dx: right,
    dy: -above,
    fill: COLOUR.muted,
    fontSize: size,
  });
}

/** Columns that have a text for each row; `y` says where a row stands. */
export function textColumns<Row>(
  rows: readonly Row[],
  y: Plot.ChannelValue,
  columns: readonly { readonly heading: string; readonly right: Right; readonly text: (row: Row) => string }[],
  fontSize: number = SIZE.tick,
): Plot.Markish[] {
  return columns.flatMap(({ heading, right, text }) => [
    Plot.text(rows, { y, frameAnchor: "right", textAnchor: "end", dx: right, text, fontSize }),
    columnHeading(heading, right),
  ]);
}
