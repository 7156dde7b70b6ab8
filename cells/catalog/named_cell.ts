/** What is known of a named cell, for lists, tables and pictures. */
import type { Cell } from "../cell.ts";

/** A named cell: one of the catalog, or a user's. */
export interface NamedCell {
  /** Its name is what a configuration's `cell` gives. */
  readonly cell: Cell;
  /** What tables and pictures call it: `GRU`. */
  readonly label: string;
  /** What it is, in one line. */
  readonly about: string;
  /** The publication that its equations are from. */
  readonly source?: string;
  /**
   * How it keeps gradients alive through many steps, where it was made for that. Training without back-propagation through time sends none
   * through them, so there this says what the cell cannot show.
   */
  readonly keepsGradients?: string;
}

/** What a list says of a cell that was made to keep gradients alive; undefined for others. */
export function gradientNote({ keepsGradients }: NamedCell): string | undefined {
  return keepsGradients === undefined ? undefined : `Designed against vanishing gradients: ${keepsGradients}. ` +
    "Without backpropagation through time this does not matter.";
}
