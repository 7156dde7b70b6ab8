/** Plain-text tables for the terminal, and the best run's forward function in words. */
import { maxOf } from "../../cells/extremes.ts";
import {
  type Factor,
  type FactorTable,
  formatLevel,
  isQuantity,
  isSize,
  isSwitch,
  type SwitchFactor,
  valueOf,
} from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import { forwardInWords } from "../../cells/forward_words.ts";
import { isShown, type Metric } from "../../experiments/study/metric.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { type MergedRow, mostSeeds } from "../data/merged.ts";
import { type Configured, shownIn } from "../data/rows.ts";
import { inTables, metricText, terminalHeading } from "./metric_text.ts";

/** Rows of cells, the first row being the headings; numbers are set to the right. */
export function layOut(lines: readonly string[][], rightAligned: readonly boolean[]): string {
  const widths = lines[0].map((_, column) => maxOf(lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((cell, i) => rightAligned[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ").trimEnd()
  ).join("\n");
}

/** The switches that rows tell something of, in the order of their table. */
export function shownSwitches(table: FactorTable, rows: readonly MergedRow[]): SwitchFactor[] {
  return shownIn(table, rows).filter(isSwitch);
}

/** What tells rows apart beside sizes and switches: mostly nothing. */
export function shownOthers(table: FactorTable, rows: readonly MergedRow[]): Factor[] {
  return shownIn(table, rows).filter((factor) => !isSize(factor) && !isSwitch(factor));
}

/** One sign for each switch: 1 to 9, then a to z. */
function signOf(index: number): string {
  return (index + 1).toString(36);
}

/** The switches that are on, as the signs that {@linkcode switchLegend} explains: `·2·45·7`. */
export function compactSwitches({ config }: Configured, switches: readonly SwitchFactor[]): string {
  return switches.map((factor, i) => valueOf(factor, config) ? signOf(i) : "·").join("");
}

/** What the signs of {@linkcode compactSwitches} stand for. */
export function switchLegend(switches: readonly SwitchFactor[]): string {
  return `switches: ${switches.map(({ label }, i) => `${signOf(i)} ${label}`).join(", ")}; · is off`;
}

/** A column of a text table: its heading, and a row's cell. */
interface TextColumn {
  readonly heading: string;
  /** Whether it holds text, which is set to the left. */
  readonly isText?: boolean;
  readonly cell: (row: MergedRow, rank: number) => string;
}

function columnOf(factor: Factor): TextColumn {
  const { label, heading = label } = factor;
  return { heading, isText: !isQuantity(factor), cell: ({ config }) => formatLevel(factor, valueOf(factor, config)) };
}

function bestRunsColumns(
  rows: readonly MergedRow[],
  table: FactorTable,
  metrics: readonly Metric[],
): TextColumn[] {
  const switches = shownSwitches(table, rows);
  return [
    { heading: "rank", cell: (_, rank) => `${rank}` },
    { heading: "id", isText: true, cell: ({ name }) => name },
    ...(rows.some(({ control }) => control)
      ? [{ heading: "chosen as", isText: true, cell: ({ control }: MergedRow) => control ? "control" : "" }]
      : []),
    ...(mostSeeds(rows) > 1 ? [{ heading: "seeds", cell: ({ runs }: MergedRow) => `${runs.length}` }] : []),
    ...table.factors.filter(isSize).map(columnOf),
    { heading: "switches", isText: true, cell: (row) => compactSwitches(row, switches) },
    ...shownOthers(table, rows).map(columnOf),
    ...inTables(metrics.filter(isShown)).filter(({ column }) => column.terminal !== undefined).map((metric) => ({
      heading: terminalHeading(metric, rows[0].reads),
      cell: (row: MergedRow) => metricText(row, metric),
    })),
  ];
}

/**
 * The best configurations as a text table, best first: means over the seeds, `±` their standard deviation.
 *
 * @param rows configurations, best first
 * @param table whose factors are its columns
 * @param most rows of the text table
 * @param metrics what is measured of each run
 */
export function bestRunsTable(
  rows: readonly MergedRow[],
  table: FactorTable = GATED,
  most = 10,
  metrics: readonly Metric[] = METRICS,
): string {
  const columns = bestRunsColumns(rows, table, metrics);
  const cells = rows.slice(0, most).map((row, i) => columns.map(({ cell }) => cell(row, i + 1)));
  const text = layOut([columns.map(({ heading }) => heading), ...cells], columns.map(({ isText }) => !isText));
  const note = mostSeeds(rows) > 1 ? "\nmeans over seeds, ± their standard deviation" : "";
  return `${text}\n${switchLegend(shownSwitches(table, rows))}${note}`;
}

/** The forward function of a configuration in words, as plain text. */
export function forwardText(
  { config, reads }: Pick<MergedRow, "config" | "reads">,
  table: FactorTable = GATED,
): string {
  const { before, lead, layer, after } = forwardInWords(config, reads, table);
  return [before, lead, ...layer.map((line) => `  - ${line}`), after].join("\n");
}
