/** Which results lack a score on the validation split, and how they get it. */
import { plural } from "../../train/terminal/progress.ts";
import { canValidate } from "../../train/scoring/validation.ts";
import { commandOn } from "./commands.ts";
import type { RunResult } from "./result.ts";
import type { Experiment, StudySettings } from "./schema.ts";

/** Whether runs of a study get a validation score: its split may be too short for one. */
export function isValidated({ split, tokens }: Pick<StudySettings, "split" | "tokens">): boolean {
  return canValidate((tokens?.split ?? split).validation);
}

/** How many scored runs lack a validation score that they could have: versions before 0.4 scored them. */
export function countUnvalidated(
  results: readonly RunResult[],
  settings: Pick<StudySettings, "split" | "tokens">,
): number {
  if (!isValidated(settings)) return 0;
  return results.filter(({ test_loss, validation_bits_per_byte }) =>
    test_loss !== undefined && validation_bits_per_byte === undefined
  ).length;
}

/** `3 scored runs have no score on the validation split, by which the best is chosen; deno task evaluate --again gives them one`. */
export function unvalidatedInWords(count: number, study: { readonly dir: string }, experiment: Experiment): string {
  const has = count === 1 ? "has" : "have", them = count === 1 ? "it" : "them";
  return `${plural(count, "scored run")} ${has} no score on the validation split, by which the best is chosen; ${
    commandOn("evaluate", study, experiment, { again: true })
  } gives ${them} one`;
}
