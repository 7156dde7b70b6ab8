/** Lines of text above a narrow panel: what it is of. */
import * as Plot from "@observablehq/plot";
import {
  appliesTo,
  type Factor,
  type FactorTable,
  formatLevel,
  isSize,
  namesCell,
  valueOf,
} from "../../cells/factor.ts";
import { cellNameIn } from "../data/cell_names.ts";
import type { MergedRow } from "../data/merged.ts";
import { compactSwitches, shownOthers, shownSwitches } from "../tables/tables.ts";
import { BOLD, fitTogether } from "./text.ts";
import { COLOUR } from "./theme.ts";

/** Between two lines, and the base of the last one from the panel's top, in pixels. */
export const HEADING_LINE = 17;
const LOWEST_HEADING = -16, HEADING_SIZE = 13;

/** What a configuration is called above its panel: its name, and of another cell than the table's that cell's. */
export function panelName({ name, control, config }: MergedRow, table: FactorTable): string {
  const cell = table.isOwnCell(config) ? "" : `: ${cellNameIn(table, config)}`;
  return `${name}${control ? " (control)" : ""}${cell}`;
}

/**
 * What a configuration is, in lines that a narrow panel has room for: its sizes and switches, then what else tells the rows apart.
 *
 * @param rows of the whole picture, which say what is told
 */
export function describer(rows: readonly MergedRow[], table: FactorTable): (row: MergedRow) => string[] {
  const switches = shownSwitches(table, rows), others = otherLines(rows, table), sizes = table.factors.filter(isSize);
  return ({ config }) => [
    [
      sizes.map((factor) => `${valueOf(factor, config)}`).join(" × "),
      switches.length ? compactSwitches({ config }, switches, table) : "",
    ].filter(Boolean).join("  "),
    ...others.filter((factor) => appliesTo(table, factor, config))
      .map((factor) => `${factor.label} ${formatLevel(factor, valueOf(factor, config))}`),
  ];
}

/** The factors that have a line each in {@linkcode describer}. */
export function otherLines(rows: readonly MergedRow[], table: FactorTable): Factor[] {
  return shownOthers(table, rows).filter((factor) => !namesCell(factor));
}

/** From the top: the name, what is described, and what it came to; each no wider than `room`, in pixels. */
export function panelHeadings(
  room: number,
  name: string,
  described: readonly string[],
  scores: readonly string[],
): Plot.Markish[] {
  const lines: readonly [string, Plot.TextOptions][] = [
    [name, { fontWeight: "bold" }],
    ...described.map((text): [string, Plot.TextOptions] => [text, {}]),
    ...scores.map((text): [string, Plot.TextOptions] => [text, { fill: COLOUR.muted }]),
  ];
  return lines.map(([whole, more], i) => {
    const boldness = more.fontWeight === "bold" ? BOLD : 1;
    const { texts, size } = fitTogether([whole], room, HEADING_SIZE, { boldness });
    const dy = LOWEST_HEADING - (lines.length - 1 - i) * HEADING_LINE;
    return Plot.text(texts, { frameAnchor: "top-left", dy, fontSize: size, fill: COLOUR.text, ...more });
  });
}
