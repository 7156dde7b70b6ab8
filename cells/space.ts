/**
 * What a space is: a table of factors, and how a configuration of it becomes a cell. The built-in one is `GATED_SPACE` of the catalog; others
 * are made by `defineSpace`. See docs/cells.md, "A space of your own".
 */
import type { Cell } from "./cell.ts";
import type { Configuration, FactorTable } from "./factor.ts";

/** Factors, the rules on their combinations, and the cells that come of them. */
export interface Space extends FactorTable {
  /** Names that a configuration's `cell` may have: that of the space's own cell first, then those of baselines. */
  readonly cellNames: readonly string[];
  /**
   * The cell of a configuration. Configurations that differ in sizes or in training alone get the very same cell, so that what is worked out
   * for a cell is kept with it.
   *
   * @throws {UserError} if the space knows no such cell, or the configuration is not a valid one
   */
  cellOf(config: Configuration): Cell;
  /** Whether a configuration's cell is code of the space itself: another version of the space may have another cell of that name. */
  definesCell(config: Configuration): boolean;
}
