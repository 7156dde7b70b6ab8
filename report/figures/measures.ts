/** What pictures call the measures that configurations are compared by. */
import type { Unit } from "../../cells/unit.ts";
import type { Measure } from "../statistics/matched.ts";

/** The measure as a heading, and its unit. */
export function measureTitle(measure: Measure, reads: Unit): { readonly title: string; readonly unit: string } {
  return measure === "min_loss"
    ? { title: "Lowest training loss", unit: `nats per ${reads}` }
    : { title: "Score on the test split", unit: "bits per byte" };
}
