/** What the measures of a comparison are called, and their units. */
import type { Unit } from "../../cells/unit.ts";
import type { Measure } from "../statistics/matched.ts";

const WORDS: Readonly<Record<Measure, { readonly name: string; readonly title: string }>> = {
  test_bits_per_byte: { name: "test score", title: "Score on the test split" },
  min_loss: { name: "lowest training loss", title: "Lowest training loss" },
};

/** Their columns in the table of runs. */
export const COLUMN_OF: Readonly<Record<Measure, string>> = {
  test_bits_per_byte: "test_bits_per_byte",
  min_loss: "min loss",
};

/** `test score`. */
export function measureName(measure: Measure): string {
  return WORDS[measure].name;
}

/** A measure in a sentence: `the test score`. */
export function measureInSentence(measure: Measure): string {
  return `the ${measureName(measure)}`;
}

/** A measure as a heading by itself. */
export function measureTitle(measure: Measure): string {
  return WORDS[measure].title;
}

/** `bits per byte`; of losses, `nats per token`. */
export function unitOfMeasure(measure: Measure, reads: Unit): string {
  return measure === "min_loss" ? `nats per ${reads}` : "bits per byte";
}

/** `test score, bits per byte`. */
export function measureWithUnit(measure: Measure, reads: Unit): string {
  return `${measureName(measure)}, ${unitOfMeasure(measure, reads)}`;
}
