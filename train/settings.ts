/** How runs are trained. */
import { checkWhole } from "../cells/bounds.ts";
import { UserError } from "../cells/errors.ts";

/** The design's section 2 has the reasons. */
export interface TrainingSettings {
  /** Updates wanted: passes repeat until at least so many are done. */
  readonly steps: number;
  readonly batch: number;
  /** Tokens of one pass (bytes are tokens, where nothing else is said): `history − 1` updates. */
  readonly history: number;
  /** Steps between two logged values. */
  readonly log_every: number;
  /** Tokens are the numbers below; absent: 256, for bytes. */
  readonly vocabulary?: number;
}

/** Updates that a run gets: whole passes, until `steps` are done. One that has done more already ends with the pass it is in. */
export function totalSteps({ steps, history }: TrainingSettings, stepsDone = 0): number {
  return Math.ceil(Math.max(steps, stepsDone) / (history - 1)) * (history - 1);
}

/** @throws {RangeError} if one is out of bounds */
export function checkSettings({ steps, batch, history, log_every, vocabulary = 1 }: TrainingSettings): void {
  const check = (what: string, value: number, least: number) => checkWhole("train", what, value, least);
  check("steps", steps, 1);
  check("batch", batch, 1);
  // One token is read and one predicted.
  check("history", history, 2);
  check("log_every", log_every, 1);
  check("vocabulary", vocabulary, 1);
}

/** @throws {UserError} if a run would end before its loss is logged once */
export function checkLogged(settings: TrainingSettings): void {
  const steps = totalSteps(settings);
  if (steps >= settings.log_every) return;
  throw new UserError(
    `Cannot train ${steps} steps: the loss is logged every ${settings.log_every} steps, so they must be at least as many`,
  );
}
