/**
 * Baselines: configurations of other cells than the table's own (docs/cells.md, "Baselines"). They are ranked with the others and have marks of their own;
 * they are part of no switch's mean, and of no mean of the table's own cell.
 */
import type { FactorTable } from "../../cells/factor.ts";
import { cellNameIn, ownCellName } from "./cell_names.ts";
import { type Configured, ownCellRows } from "./rows.ts";

/** Rows of a study, each in the order in which it was given. */
export interface Cohorts<Row extends Configured> {
  /** What the study is about: the table's own cell. In a study without it, all rows. */
  readonly own: Row[];
  /** What these are compared with. */
  readonly baselines: Row[];
}

/** Tells baselines from what they are compared with. A study of other cells alone compares those with each other: it has no baselines. */
export function cohortsOf<Row extends Configured>(table: FactorTable, rows: readonly Row[]): Cohorts<Row> {
  const own = ownCellRows(table, rows);
  if (!own.length) return { own: [...rows], baselines: [] };
  return { own, baselines: rows.filter(({ config }) => !table.isOwnCell(config)) };
}

/**
 * What the configurations of a study are, before a noun: `gated `; empty where they are of other cells alone, none of which is the table's own.
 *
 * @param own see {@linkcode Cohorts}
 */
export function ownKind(table: FactorTable, own: readonly Configured[]): string {
  return ownCellRows(table, own).length ? `${ownCellName(table)} ` : "";
}

/** One row of a cell, with the cell's name. */
export interface NamedRow<Row extends Configured> {
  readonly name: string;
  readonly row: Row;
}

/** The first row of each cell, in the order of these: of rows that are sorted, the best. */
export function firstOfCells<Row extends Configured>(table: FactorTable, rows: readonly Row[]): NamedRow<Row>[] {
  const cells = Map.groupBy(rows, ({ config }) => cellNameIn(table, config));
  return [...cells].map(([name, [row]]) => ({ name, row }));
}
