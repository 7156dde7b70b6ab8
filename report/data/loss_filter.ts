/** Which configurations the filtered picture of experiment 01 shows. */
import type { Unit } from "../../cells/unit.ts";
import type { Level } from "./levels.ts";
import type { MergedRow } from "./merged.ts";

/** Those whose mean over the seeds lies below a threshold. */
export interface LossFilter {
  readonly measure: "min_loss" | "test_loss";
  /** Nats per what the models read. */
  readonly threshold: number;
  /** How the picture's file is called: `loss_below_1.9`. */
  readonly name: string;
  /** For a title: `configurations below 1.9`. */
  readonly title: string;
  /** For a sentence, behind the configurations: `below 1.9 nats per byte`. */
  readonly words: string;
  /** A line that explains them, where they need it. */
  readonly note?: string;
}

/** The original's sign on its own corpus, enwik8, that a network uses its memory, nats per byte. */
const ORIGINAL_BELOW = 1.9;

/** By the lowest training loss. */
export function belowLoss(threshold: number, reads: Unit): LossFilter {
  return {
    measure: "min_loss",
    threshold,
    name: `loss_below_${threshold}`,
    title: `configurations below ${threshold}`,
    words: `below ${threshold} nats per ${reads}`,
  };
}

/** By the loss on the test split: below the n-gram baseline of order 1, which sees the byte before and nothing else, a model uses its memory. */
function belowOrder1(threshold: number): LossFilter {
  return {
    measure: "test_loss",
    threshold,
    name: "test_loss_below_order_1",
    title: "test loss below order 1",
    words: `with a test loss below order 1 (${Number(threshold.toPrecision(4))})`,
    note: "Order 1: the n-gram baseline of the test split that sees the last byte.",
  };
}

/**
 * The filter that is asked for; else that of order 1, or the original's where the study has no baselines or no row has been scored.
 *
 * @param below threshold of the lowest training loss, nats per what the models read; absent where none is asked for
 * @param levels of the study
 * @param rows at least one
 */
export function lossFilter(
  below: number | undefined,
  levels: readonly Level[] | undefined,
  rows: readonly MergedRow[],
): LossFilter {
  const [{ reads }] = rows, order1 = levels?.find(({ order }) => order === 1);
  if (below !== undefined) return belowLoss(below, reads);
  const isScored = rows.some(({ test_loss }) => test_loss !== undefined);
  return order1 && isScored ? belowOrder1(order1.value) : belowLoss(ORIGINAL_BELOW, reads);
}

/** The rows that pass; one without the number does not. */
export function filteredRows(rows: readonly MergedRow[], { measure, threshold }: LossFilter): MergedRow[] {
  return rows.filter((row) => (row[measure]?.mean ?? Infinity) < threshold);
}
