/** What pictures by hyperparameter show: panels with their groups and baselines; and the same as a table. */
import type { Factor, FactorTable, FactorValue } from "../../cells/factor.ts";
import { cohortsOf } from "../data/baselines.ts";
import { filteredRows, type LossFilter } from "../data/loss_filter.ts";
import type { MergedRow } from "../data/merged.ts";
import type { Table } from "../data/table.ts";
import { type Grouping, groupings } from "../statistics/means.ts";
import { type BaselineLine, baselineLines } from "./baselines.ts";
import {
  factorColumns,
  levelValue,
  measureColumn,
  nameColumns,
  numberColumn,
  pictureTable,
  spreadColumns,
  textColumn,
} from "./data_columns.ts";

/** What is drawn. */
export interface HyperparameterPanels {
  /** The configurations that are no baselines. */
  readonly own: readonly MergedRow[];
  /** Those of them that pass, which have a dot in each panel. */
  readonly shown: readonly MergedRow[];
  readonly panels: readonly Grouping[];
  /** Across every panel. */
  readonly lines: readonly BaselineLine[];
}

/** @param rows at least one configuration, best first; @param filter only what passes is shown; all where absent */
export function hyperparameterPanels(
  rows: readonly MergedRow[],
  table: FactorTable,
  filter?: LossFilter,
): HyperparameterPanels {
  const { own } = cohortsOf(table, rows), shown = filter ? filteredRows(own, filter) : own;
  return {
    own,
    shown,
    panels: shown.length ? groupings(shown, table, rows) : [],
    lines: shown.length ? baselineLines(table, rows) : [],
  };
}

/** A dot of a panel, the mean of a group, or a baseline, which is the same in all panels. */
interface Shown {
  readonly shown: "configuration" | "mean of the group" | "baseline";
  readonly factor?: Factor;
  readonly value?: FactorValue;
  readonly row?: MergedRow;
  readonly mean?: number;
}

/** The data behind a picture by hyperparameter: a row for each dot of each panel, for the mean of each group, and for each baseline. */
export function hyperparametersData(rows: readonly MergedRow[], table: FactorTable, filter?: LossFilter): Table {
  const { panels, lines } = hyperparameterPanels(rows, table, filter), [{ reads }] = rows;
  const marks = panels.flatMap(({ factor, groups }) =>
    groups.flatMap(({ value, rows, mean }): Shown[] => [
      ...rows.map((row) => ({ shown: "configuration" as const, factor, value, row })),
      ...(mean === undefined ? [] : [{ shown: "mean of the group" as const, factor, value, mean }]),
    ])
  );
  const column = measureColumn("min_loss", reads);
  return pictureTable<Shown>([
    textColumn(
      "panel",
      "the hyperparameter, by the name of its column in the table of runs",
      ({ factor }) => factor?.key,
    ),
    textColumn("panel_value", "its value", ({ value }) => value === undefined ? undefined : levelValue(value)),
    textColumn("shown", "a configuration, the mean of a group (without controls), or a baseline", ({ shown }) => shown),
    ...nameColumns(({ row }: Shown) => row),
    ...spreadColumns(column, "of a configuration: lowest smoothed training loss", ({ row }: Shown) => row?.min_loss),
    numberColumn(`group_mean_${column}`, "of a group: mean of its configurations' means", ({ mean }) => mean),
    ...factorColumns(table, ({ row }: Shown) => row),
  ], [...marks, ...lines.map(({ row }): Shown => ({ shown: "baseline", row }))]);
}
