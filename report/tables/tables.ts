/** Plain-text tables for the terminal, and the best run's forward function in words. */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { maxOf } from "../../cells/extremes.ts";
import {
  appliesTo,
  type Factor,
  type FactorTable,
  isOther,
  isQuantity,
  isSize,
  isSwitch,
  type SwitchFactor,
  valueOf,
} from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { forwardInWords } from "../../cells/forward_words.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { isShown, type Metric, type ShownMetric } from "../../experiments/study/metric.ts";
import type { DynamicsMetric } from "../../experiments/study/dynamics_metrics.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { cohortsOf, firstOfCells } from "../data/baselines.ts";
import { criterionOfRows, type MergedRow, mostSeeds } from "../data/merged.ts";
import { metricsMeasured } from "../data/dynamics.ts";
import { type Configured, shownIn } from "../data/rows.ts";
import { dynamicsText, unitInHeading } from "./dynamics_text.ts";
import { levelText } from "./factor_words.ts";
import { NONE } from "./format.ts";
import { inTables, isSaidOf, metricText, terminalHeading, terminalUnits } from "./metric_text.ts";

/** Rows of cells, the first row being the headings; numbers are set to the right. */
export function layOut(lines: readonly string[][], rightAligned: readonly boolean[]): string {
  const widths = lines[0].map((_, column) => maxOf(lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((cell, i) => rightAligned[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ").trimEnd()
  ).join("\n");
}

/** The switches that are shown of rows, in the order of their table. */
export function shownSwitches(table: FactorTable, rows: readonly MergedRow[]): SwitchFactor[] {
  return shownIn(table, rows).filter(isSwitch);
}

/** What tells rows apart beside sizes and switches: mostly nothing. */
export function shownOthers(table: FactorTable, rows: readonly MergedRow[]): Factor[] {
  return shownIn(table, rows).filter(isOther);
}

/** One sign for each switch: 1 to 9, then a to z. */
function signOf(index: number): string {
  return (index + 1).toString(36);
}

/** The switches that are on, as the signs that {@linkcode switchLegend} explains: `·2·45·7`; a dash for another cell than the table's. */
export function compactSwitches(
  { config }: Configured,
  switches: readonly SwitchFactor[],
  table: FactorTable = GATED,
): string {
  if (switches.some((factor) => !appliesTo(table, factor, config))) return NONE;
  return switches.map((factor, i) => valueOf(factor, config) ? signOf(i) : "·").join("");
}

/** What the signs of {@linkcode compactSwitches} stand for, in one line; none where these rows have no switches. */
export function switchLegend(rows: readonly MergedRow[], table: FactorTable = GATED): string[] {
  const switches = shownSwitches(table, rows);
  if (!switches.length) return [];
  const signs = switches.map(({ label }, i) => `${signOf(i)} ${label}`).join(", ");
  const others = rows.every(({ config }) => table.isOwnCell(config)) ? "" : `; ${NONE} marks another cell`;
  return [`switches: ${signs}; · is off${others}`];
}

/** A column of a text table: its heading, and a row's cell. */
interface TextColumn {
  readonly heading: string;
  /** Whether it holds text, which is set to the left. */
  readonly isText?: boolean;
  readonly cell: (row: MergedRow, rank: number) => string;
}

function columnOf(factor: Factor, table: FactorTable): TextColumn {
  const { label, heading = label } = factor;
  return { heading, isText: !isQuantity(factor), cell: (row) => levelText(table, factor, row) };
}

function bestRunsColumns(
  rows: readonly MergedRow[],
  table: FactorTable,
  metrics: readonly Metric[],
): TextColumn[] {
  const switches = shownSwitches(table, rows), ofFactor = (factor: Factor) => columnOf(factor, table);
  return [
    { heading: "rank", cell: (_, rank) => `${rank}` },
    { heading: "id", isText: true, cell: ({ name }) => name },
    ...(rows.some(({ control }) => control)
      ? [{ heading: "chosen as", isText: true, cell: ({ control }: MergedRow) => control ? "control" : "" }]
      : []),
    ...(mostSeeds(rows) > 1 ? [{ heading: "seeds", cell: ({ runs }: MergedRow) => `${runs.length}` }] : []),
    ...table.factors.filter(isSize).map(ofFactor),
    ...(switches.length
      ? [{ heading: "switches", isText: true, cell: (row: MergedRow) => compactSwitches(row, switches, table) }]
      : []),
    ...shownOthers(table, rows).map(ofFactor),
    ...inTerminal(metrics, rows).map((metric) => ({
      heading: terminalHeading(metric),
      cell: (row: MergedRow) => metricText(row, metric),
    })),
    ...dynamicsInTerminal(rows).map((metric) => ({
      heading: metric.terminal!,
      cell: (row: MergedRow) => dynamicsText(row, metric),
    })),
  ];
}

/** The numbers on dynamics that the terminal's table has a column of. */
function dynamicsInTerminal(rows: readonly MergedRow[]): DynamicsMetric[] {
  return metricsMeasured(rows).filter(({ terminal }) => terminal !== undefined);
}

/** The metrics that the terminal's table has a column of. */
function inTerminal(metrics: readonly Metric[], rows: readonly MergedRow[]): ShownMetric[] {
  return inTables(metrics.filter(isShown)).filter((metric) =>
    metric.column.terminal !== undefined && isSaidOf(metric, rows)
  );
}

/**
 * The best configurations as a text table, best first, and of each baseline's the best: means over the seeds, `±` their standard deviation.
 *
 * @param rows configurations, best first
 * @param table whose factors are its columns
 * @param most rows of the text table, before baselines that are not among them
 * @param metrics what is measured of each run
 */
export function bestRunsTable(
  rows: readonly MergedRow[],
  table: FactorTable = GATED,
  most = 10,
  metrics: readonly Metric[] = METRICS,
): string {
  const columns = bestRunsColumns(rows, table, metrics);
  // Whoever asked for a baseline wants to see how it did.
  const baselines = new Set(firstOfCells(table, cohortsOf(table, rows).baselines).map(({ row }) => row));
  const cells = rows.flatMap((row, i) =>
    i < most || baselines.has(row) ? [columns.map(({ cell }) => cell(row, i + 1))] : []
  );
  const text = layOut([columns.map(({ heading }) => heading), ...cells], columns.map(({ isText }) => !isText));
  const seeds = mostSeeds(rows) > 1 ? ["means over seeds, ± their standard deviation"] : [];
  const ranked = rows.length > 1 ? [`ranked by ${criterionInWords(criterionOfRows(rows))}`] : [];
  const [{ reads }] = rows, units = terminalUnits(inTerminal(metrics, rows), reads);
  const ofDynamics = dynamicsInTerminal(rows).map((metric) => `${metric.terminal} in ${unitInHeading(metric, reads)}`);
  const dynamics = ofDynamics.length ? [ofDynamics.join("; ")] : [];
  return [text, ...switchLegend(rows, table), ...units, ...dynamics, ...ranked, ...seeds].join("\n");
}

/** The forward function of a configuration in words, as plain text. */
export function forwardText(
  { config, reads }: Pick<MergedRow, "config" | "reads">,
  table: Space = GATED_SPACE,
): string {
  const { before, lead, layer, after } = forwardInWords(config, reads, table);
  return [before, lead, ...layer.map((line) => `  - ${line}`), after].join("\n");
}
