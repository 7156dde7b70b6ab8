/** Which results lack a score on the validation split, how they get it, and what that means for what is chosen. */
import { canValidate } from "../../train/scoring/validation.ts";
import { plural } from "../../train/terminal/words.ts";
import { commandOn } from "./commands.ts";
import { criterionInWords, unvalidatedOf } from "./criterion.ts";
import type { Ranking } from "./ranking.ts";
import type { RunResult } from "./result.ts";
import type { Experiment } from "./experiment.ts";
import type { StudySettings } from "./schema.ts";

/** What tells whether the runs of a study get a validation score: its split may be too short for one. */
type Splits = Pick<StudySettings, "split" | "tokens">;

/** Whether runs of a study get a validation score. */
export function isValidated({ split, tokens }: Splits): boolean {
  return canValidate((tokens?.split ?? split).validation);
}

/** How many scored runs lack a validation score that they could have: versions before 0.4 scored them. */
export function countUnvalidated(results: readonly RunResult[], settings: Splits): number {
  return isValidated(settings) ? unvalidatedOf(results).length : 0;
}

/** `3 scored runs have no score on the validation split, so the best is chosen by the lowest training loss; 'deno task evaluate --again' gives them one`. */
export function unvalidatedInWords(count: number, study: { readonly dir: string }, experiment: Experiment): string {
  return `${lackInWords(count)}, so the best is chosen by the lowest training loss; ${
    adviceOn(count, study, experiment)
  }`;
}

function lackInWords(count: number): string {
  return `${plural(count, "scored run")} ${count === 1 ? "has" : "have"} no score on the validation split`;
}

function adviceOn(count: number, study: { readonly dir: string }, experiment: Experiment): string {
  return `${commandOn("evaluate", study, experiment, { again: true })} gives ${count === 1 ? "it" : "them"} one`;
}

/**
 * What configurations of experiment 01 were ranked by, and where that is not the validation score, why:
 * `by the lowest training loss, since 3 scored runs have no score on the validation split ('deno task evaluate --again' gives them one)`.
 */
export function rankedInWords(
  { criterion, unvalidated, unscored }: Pick<Ranking, "criterion" | "unvalidated" | "unscored">,
  { dir, settings }: { readonly dir: string; readonly settings: Splits },
): string {
  const by = `by ${criterionInWords(criterion)}`;
  if (criterion !== "min loss") {
    return unscored ? `${by}; ${plural(unscored, "configuration")} without a score came last` : by;
  }
  if (!unvalidated) return `${by}, since no run has a score`;
  const advice = isValidated(settings) ? ` (${adviceOn(unvalidated, { dir }, "01")})` : "";
  return `${by}, since ${lackInWords(unvalidated)}${advice}`;
}
