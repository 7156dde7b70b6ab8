/** What the page says of each configuration: columns of the table of all, rows where some are compared. */
import { formatFixed, NONE } from "../tables/format.ts";
import {
  appliesTo,
  type Factor,
  type FactorTable,
  isOther,
  isSize,
  isSwitch,
  namesCell,
  valueOf,
} from "../../cells/factor.ts";
import type { Unit } from "../../cells/unit.ts";
import { isShown, type Metric, type ShownMetric } from "../../experiments/study/metric.ts";
import { METRICS } from "../../experiments/study/metrics.ts";
import { FORGETTING_TIME, isCompared } from "../../experiments/study/dynamics_metrics.ts";
import { dynamicsOf, dynamicsOfRun, metricsMeasured } from "../data/dynamics.ts";
import { dynamicsHeading, dynamicsText } from "../tables/dynamics_text.ts";
import { escapeHtml } from "./html.ts";
import { type MergedRow, mostSeeds, numbered, spreadOf } from "../data/merged.ts";
import { amountRead, areSeveralBack } from "../data/reading.ts";
import { distinct, metricName, type RunRow, shownIn } from "../data/rows.ts";
import { levelText } from "../tables/factor_words.ts";
import {
  inTables,
  isSaidOf,
  metricMean,
  metricText,
  metricTextOfRun,
  pageHeading,
  sortValue,
} from "../tables/metric_text.ts";
import { formatCount } from "../../cells/counts.ts";

/** A column of the table of all configurations. */
export interface RunColumn {
  /** Names it in the page's address: it stays the same from one report to the next. */
  readonly key: string;
  readonly heading: string;
  /** A class of its cells. */
  readonly kind?: "text" | "tick";
  /** A heading that may take several lines. */
  readonly turn?: boolean;
  /** Whether it is shown only where a person asks for it, and not on paper: what matters must have room. */
  readonly isExtra?: boolean;
  /** HTML. */
  cell(row: MergedRow, rank: number): string;
  /** What the column is sorted by, where that is not the number or text that the cell shows. */
  value?(row: MergedRow): number | undefined;
  /** Whether its cell says that something is off. */
  isOff?(row: MergedRow): boolean;
  /** Whether the column says something of these rows; absent: it always does. */
  isSaid?(rows: readonly MergedRow[]): boolean;
  /** Of what is measured of each run. */
  readonly measured?: MeasuredOfRuns;
}

/** What is measured of each run, beside its mean. */
export interface MeasuredOfRuns {
  /** As the column's cells are written. */
  text(run: RunRow): string;
  /** A configuration's mean; undefined where no run has the number. */
  mean(row: MergedRow): number | undefined;
  /** Whether all runs of a configuration have the same. */
  readonly isShared?: boolean;
  /** Which is better; absent: neither is. */
  readonly better?: Metric["better"];
}

/** A factor's column: of a switch a narrow one, of a choice text. */
function factorColumn(factor: Factor, table: FactorTable): RunColumn {
  return {
    key: factor.key,
    heading: factor.label,
    ...(isSwitch(factor)
      ? {
        kind: "tick",
        turn: true,
        isOff: ({ config }: MergedRow) => appliesTo(table, factor, config) && !valueOf(factor, config),
      }
      : factor.kind === "choice"
      ? { kind: "text" }
      : { turn: true }),
    cell: (row) => escapeHtml(levelText(table, factor, row)),
  };
}

/** A metric's column. */
function metricColumn(metric: ShownMetric, reads: Unit): RunColumn {
  return {
    key: metricName(metric),
    heading: pageHeading(metric, reads),
    turn: metric.column.turn,
    isExtra: metric.column.extra,
    cell: (row) => metricText(row, metric),
    value: (row) => sortValue(row, metric),
    isSaid: (rows) => isSaidOf(metric, rows),
    measured: {
      text: (run) => metricTextOfRun(run, metric),
      mean: (row) => metricMean(row, metric),
      isShared: metric.shared,
      better: metric.better,
    },
  };
}

/** What stands before the columns of factors and metrics. */
const FIRST_COLUMNS: readonly RunColumn[] = [
  { key: "rank", heading: "rank", cell: (_, rank) => `${rank}` },
  { key: "id", heading: "id", kind: "text", cell: ({ name }) => `<a href="#run-${name}"><code>${name}</code></a>` },
  {
    key: "chosen_as",
    heading: "chosen as",
    kind: "text",
    cell: ({ control }) => control ? "control" : "promoted",
    isSaid: (rows) => rows.some(({ control }) => control),
  },
  {
    key: "seeds",
    heading: "seeds",
    cell: ({ runs }) => `${runs.length}`,
    isSaid: (rows) => mostSeeds(rows) > 1,
  },
];

/** The loss increase under state resets, which is more than a number: mean over the seeds that have it. */
const RESETS_COLUMN: RunColumn = {
  key: "resets",
  heading: "loss increase under state resets, bits/byte",
  turn: true,
  isExtra: true,
  cell: (row) => {
    const increases = lossIncreases(row);
    return increases.length ? spreadOf(increases).mean.toFixed(3) : NONE;
  },
  isSaid: (rows) => rows.some((row) => lossIncreases(row).length),
  measured: {
    text: ({ memory }) => memory ? memory.gain.toFixed(3) : NONE,
    mean: (row) => lossIncreases(row).length ? spreadOf(lossIncreases(row)).mean : undefined,
  },
};

/** The loss increases under state resets of the runs that were scored with resets. */
export function lossIncreases({ runs }: MergedRow): number[] {
  return runs.flatMap(({ memory }) => memory?.gain ?? []);
}

/** The numbers that the dynamics come to, where some were measured: those that effects are taken on, and the forgetting time. */
function dynamicsColumns(rows: readonly MergedRow[]): RunColumn[] {
  return metricsMeasured(rows).filter((metric) => isCompared(metric) || metric === FORGETTING_TIME).map((metric) => ({
    key: metric.key,
    heading: dynamicsHeading(metric, rows[0].reads),
    turn: true,
    isExtra: true,
    cell: (row) => dynamicsText(row, metric),
    value: (row) => dynamicsOf(row, metric)?.mean,
    measured: {
      text: (run) => {
        const value = dynamicsOfRun(run, metric);
        return value === undefined ? NONE : formatFixed(value, metric.decimals);
      },
      mean: (row) => dynamicsOf(row, metric)?.mean,
    },
  }));
}

/** What a run has read, where that does not follow from its steps alone. */
function readColumn(reads: Unit): RunColumn {
  return {
    key: `${reads}s_read`,
    heading: `${reads}s read`,
    isExtra: true,
    cell: ({ runs: [run] }) => formatCount(amountRead(run)),
    value: ({ runs: [run] }) => amountRead(run),
    isSaid: areSeveralBack,
  };
}

const ENGINE_COLUMN: RunColumn = {
  key: "engine",
  heading: "engine",
  kind: "text",
  isExtra: true,
  cell: ({ runs }) => escapeHtml(distinct(runs, ({ engine }) => engine).join(", ")),
};

/**
 * The columns that say something, what matters first: which configuration it is, how good, then of which parts, and what else there is.
 *
 * @param metrics what is measured of each run
 */
export function columnsFor(
  rows: readonly MergedRow[],
  table: FactorTable,
  metrics: readonly Metric[] = METRICS,
): RunColumn[] {
  const factors = shownIn(table, rows),
    ofFactors = (some: readonly Factor[]) => some.map((factor) => factorColumn(factor, table));
  const shown = Map.groupBy(
    inTables(metrics.filter(isShown)),
    ({ kind, column }) => kind === "quality" && !column.extra ? "first" : "last",
  );
  const ofMetrics = (which: "first" | "last") =>
    (shown.get(which) ?? []).map((metric) => metricColumn(metric, rows[0].reads));
  const columns = [
    ...FIRST_COLUMNS,
    ...ofFactors(factors.filter(isSize)),
    ...ofFactors(factors.filter(namesCell)),
    ...ofMetrics("first"),
    ...ofFactors(factors.filter(isSwitch)),
    ...ofFactors(factors.filter((factor) => isOther(factor) && !namesCell(factor))),
    ...ofMetrics("last"),
    RESETS_COLUMN,
    ...dynamicsColumns(rows),
    readColumn(rows[0].reads),
    ENGINE_COLUMN,
  ].filter(({ isSaid }) => isSaid?.(rows) ?? true);
  // A space's factor may be called as a column is.
  const keys = numbered(columns.map(({ key }) => key));
  return columns.map((column, i) => ({ ...column, key: keys[i] }));
}
