/** The page's table of all configurations. */
import { NONE } from "../tables/format.ts";
import { type Factor, type FactorTable, isOther, isSize, isSwitch } from "../../cells/factor.ts";
import type { Unit } from "../../cells/unit.ts";
import { criterionInWords } from "../../experiments/study/criterion.ts";
import { isShown, type Metric, type ShownMetric } from "../../experiments/study/metric.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { FORGETTING_TIME, isCompared } from "../../experiments/study/dynamics_metrics.ts";
import { dynamicsOf, metricsMeasured } from "../data/dynamics.ts";
import { dynamicsHeading, dynamicsText } from "../tables/dynamics_text.ts";
import { escapeHtml, ON_SCREEN, table } from "./html.ts";
import { criterionOfRows, type MergedRow, mostSeeds, spreadOf } from "../data/merged.ts";
import { amountRead, areSeveralBack } from "../data/reading.ts";
import { distinct, shownIn } from "../data/rows.ts";
import { levelText } from "../tables/factor_words.ts";
import { inTables, isSaidOf, metricText, pageHeading, sortValue } from "../tables/metric_text.ts";
import { formatCount } from "../../cells/counts.ts";

/** A column of the table. */
interface Column {
  heading: string;
  /** Classes of its cells. */
  kind?: "text" | "tick";
  /** A heading that may take several lines. */
  turn?: boolean;
  /** Whether a sheet of paper has no room for it. */
  isOnScreen?: boolean;
  /** HTML. */
  cell(row: MergedRow, rank: number): string;
  /** What the column is sorted by, where that is not the number or text that the cell shows. */
  value?(row: MergedRow): number | undefined;
  /** Whether the column says something of these rows; absent: it always does. */
  isSaid?(rows: readonly MergedRow[]): boolean;
}

/** A factor's column: of a switch a narrow one, of a choice text. */
function factorColumn(factor: Factor, table: FactorTable): Column {
  return {
    heading: factor.label,
    ...(isSwitch(factor) ? { kind: "tick", turn: true } : factor.kind === "choice" ? { kind: "text" } : {}),
    cell: (row) => escapeHtml(levelText(table, factor, row)),
  };
}

/** A metric's column. */
function metricColumn(metric: ShownMetric, reads: Unit): Column {
  return {
    heading: pageHeading(metric, reads),
    turn: metric.column.turn,
    cell: (row) => metricText(row, metric),
    value: (row) => sortValue(row, metric),
    isSaid: (rows) => isSaidOf(metric, rows),
  };
}

/** What stands before the columns of factors. */
const FIRST_COLUMNS: readonly Column[] = [
  { heading: "rank", cell: (_, rank) => `${rank}` },
  { heading: "id", kind: "text", cell: ({ name }) => `<a href="#run-${name}"><code>${name}</code></a>` },
  {
    heading: "chosen as",
    kind: "text",
    cell: ({ control }) => control ? "control" : "promoted",
    isSaid: (rows) => rows.some(({ control }) => control),
  },
  { heading: "seeds", cell: ({ runs }) => `${runs.length}`, isSaid: (rows) => mostSeeds(rows) > 1 },
];

/** The loss increase under state resets, which is more than a number: mean over the seeds that have it. */
const RESETS_COLUMN: Column = {
  heading: "loss increase under state resets, bits/byte",
  turn: true,
  cell: (row) => {
    const increases = lossIncreases(row);
    return increases.length ? spreadOf(increases).mean.toFixed(3) : NONE;
  },
  isSaid: (rows) => rows.some((row) => lossIncreases(row).length),
};

function lossIncreases({ runs }: MergedRow): number[] {
  return runs.flatMap(({ memory }) => memory?.gain ?? []);
}

/** The numbers that the dynamics come to, where some were measured: those that effects are taken on, and the forgetting time. */
function dynamicsColumns(rows: readonly MergedRow[]): Column[] {
  return metricsMeasured(rows).filter((metric) => isCompared(metric) || metric === FORGETTING_TIME).map((metric) => ({
    heading: dynamicsHeading(metric, rows[0].reads),
    turn: true,
    isOnScreen: true,
    cell: (row) => dynamicsText(row, metric),
    value: (row) => dynamicsOf(row, metric)?.mean,
  }));
}

/** What a run has read, where that does not follow from its steps alone. */
function readColumn(reads: Unit): Column {
  return {
    heading: `${reads}s read`,
    cell: ({ runs: [run] }) => formatCount(amountRead(run)),
    value: ({ runs: [run] }) => amountRead(run),
    isSaid: areSeveralBack,
  };
}

const ENGINE_COLUMN: Column = {
  heading: "engine",
  kind: "text",
  cell: ({ runs }) => escapeHtml(distinct(runs, ({ engine }) => engine).join(", ")),
};

/** The columns that say something: what was chosen where there are controls, seeds where there are several, factors that are shown. */
function columnsFor(rows: readonly MergedRow[], table: FactorTable, metrics: readonly Metric[]): Column[] {
  const factors = shownIn(table, rows);
  const shown = metrics.filter(isShown),
    columns = (ofQuality: boolean) =>
      inTables(shown).filter(({ kind }) => (kind === "quality") === ofQuality)
        .map((metric) => metricColumn(metric, rows[0].reads));
  return [
    ...FIRST_COLUMNS,
    ...[...factors.filter(isSize), ...factors.filter(isSwitch), ...factors.filter(isOther)]
      .map((factor) => factorColumn(factor, table)),
    ...columns(true),
    RESETS_COLUMN,
    ...dynamicsColumns(rows),
    ...columns(false),
    readColumn(rows[0].reads),
    ENGINE_COLUMN,
  ].filter(({ isSaid }) => isSaid?.(rows) ?? true);
}

/**
 * All configurations, best first. Without the script the table stands in this order.
 *
 * @param metrics what is measured of each run
 */
export function runsTable(
  rows: readonly MergedRow[],
  factors: FactorTable,
  metrics: readonly Metric[] = METRICS,
): string {
  const columns = columnsFor(rows, factors, metrics);
  const attributes = (...classes: (string | false | undefined)[]) => {
    const all = classes.filter(Boolean).join(" ");
    return all ? ` class="${all}"` : "";
  };
  const head = columns.map(({ heading, kind, turn, isOnScreen }) =>
    `<th scope="col" data-key="${escapeHtml(heading)}"${attributes(kind, turn && "turn", isOnScreen && ON_SCREEN)}>${
      escapeHtml(heading)
    }</th>`
  );
  const body = rows.map((row, i) => {
    const cells = columns.map(({ kind, isOnScreen, cell, value }) => {
      const by = value?.(row), sorted = by === undefined ? "" : ` data-value="${by}"`;
      return `<td${attributes(kind, isOnScreen && ON_SCREEN)}${sorted}>${cell(row, i + 1)}</td>`;
    });
    return `<tr data-run="${row.name}">${cells.join("")}</tr>`;
  });
  return `${introduction(rows)}\n<div id="runs">\n${table(head.join(""), body.join("\n"))}\n</div>`;
}

/** By what the table is ranked, and what its two columns on memory are. */
function introduction(rows: readonly MergedRow[]): string {
  const gains = rows.some((row) => row.gain_over_order_1) ? [GAIN_IN_WORDS] : [];
  const resets = rows.some((row) => lossIncreases(row).length) ? [resetsInWords(rows[0].reads)] : [];
  const sentences = [`Ranked by ${criterionInWords(criterionOfRows(rows))}.`, ...gains, ...resets];
  return `<p>${escapeHtml(sentences.join(" "))}</p>`;
}

const GAIN_IN_WORDS =
  "“Below order 1” is the n-gram baseline of order 1 less the test score: what a model's memory gives it over the " +
  "byte before alone; above zero it uses more than that byte.";
/** @param reads what the models read */
function resetsInWords(reads: Unit): string {
  return `“Loss increase under state resets” is what the score loses when the state is set to zero before each ${reads}: no measure of ` +
    "what memory gives, since a trained model seldom meets a state of zero.";
}
