/** What is best, promoted or chosen is chosen by one number of each run, of which less is better. */
import { mean } from "simple-statistics";
import type { MetricKey } from "./metrics.ts";
import { unitOf } from "../../cells/unit.ts";
import type { FinishedResult, RunResult } from "./result.ts";

/** The score on the validation split; where results of earlier versions have none, the lowest training loss, as these chose. */
export type Criterion = Extract<MetricKey, "validation_bits_per_byte" | "min loss">;

/** What a run is chosen by: of a finished result its keys, of a row those of its runs. */
export interface Chosen {
  readonly min_loss: number;
  readonly validation_bits_per_byte: number | undefined;
  /** Whether it has been scored at all. */
  readonly isScored: boolean;
}

/** What one run is chosen by. */
export function chosenBy(
  { "min loss": min_loss, validation_bits_per_byte, test_loss }: FinishedResult,
): Chosen {
  return { min_loss, validation_bits_per_byte, isScored: test_loss !== undefined };
}

/** What some runs, at least one, are chosen by together: their means, of the validation score over those that have it. */
export function meanChosen(runs: readonly Chosen[]): Chosen {
  const scores = runs.flatMap(({ validation_bits_per_byte }) => validation_bits_per_byte ?? []);
  return {
    min_loss: mean(runs.map(({ min_loss }) => min_loss)),
    validation_bits_per_byte: scores.length ? mean(scores) : undefined,
    isScored: runs.some(({ isScored }) => isScored),
  };
}

/** Results with a score and without one on the validation split. */
export function unvalidatedOf(results: readonly RunResult[]): readonly RunResult[] {
  return results.filter(({ test_loss, validation_bits_per_byte }) =>
    test_loss !== undefined && validation_bits_per_byte === undefined
  );
}

/** How good a run is, first of all by what it is chosen: `validation 1.8302, test 1.8175 bits/byte, min loss 1.3156 nats/byte`. */
export function qualityInWords(
  { "min loss": lowest, validation_bits_per_byte, test_bits_per_byte, tokens }: Pick<
    FinishedResult,
    "min loss" | "validation_bits_per_byte" | "test_bits_per_byte" | "tokens"
  >,
): string {
  const scores = Object.entries({ validation: validation_bits_per_byte, test: test_bits_per_byte })
    .flatMap(([split, bits]) => bits === undefined ? [] : `${split} ${bits.toFixed(4)}`).join(", ");
  return `${scores && `${scores} bits/byte, `}min loss ${lowest.toFixed(4)} nats/${unitOf({ tokens })}`;
}

/** Finished runs, the best first; what is equally good stays in its order. */
export function bestFirst<R extends FinishedResult>(runs: readonly R[]): R[] {
  const criterion = criterionOf(runs.map(chosenBy));
  return runs.toSorted((one, two) => compareBy(criterion, chosenBy(one), chosenBy(two)));
}

/**
 * What such runs are ordered by: the validation score, unless one that was scored lacks it, or none was scored. One that has not been scored
 * yet says nothing against it: it comes last.
 */
export function criterionOf(runs: readonly Chosen[]): Criterion {
  const scored = runs.filter(({ isScored }) => isScored);
  const isKnown = scored.length > 0 &&
    scored.every(({ validation_bits_per_byte }) => validation_bits_per_byte !== undefined);
  return isKnown ? "validation_bits_per_byte" : "min loss";
}

/** Less than zero where the first is better by the criterion; runs that are not scored are ordered by their lowest loss, behind all that are. */
export function compareBy(criterion: Criterion, one: Chosen, two: Chosen): number {
  if (criterion === "validation_bits_per_byte") {
    const [a, b] = [one, two].map(({ validation_bits_per_byte }) => validation_bits_per_byte ?? Infinity);
    if (a !== b) return a < b ? -1 : 1;
  }
  return one.min_loss - two.min_loss;
}

/** The criterion in words: `the lowest score on the validation split`. */
export function criterionInWords(criterion: Criterion): string {
  return criterion === "min loss" ? "the lowest training loss" : "the lowest score on the validation split";
}
