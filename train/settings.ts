/** How runs are trained. */
import { checkWhole } from "../cells/bounds.ts";
import { UserError } from "../cells/errors.ts";

/** The design's section 2 has the reasons. */
export interface TrainingSettings {
  /** Updates wanted: passes repeat until at least so many are done. */
  readonly steps: number;
  /** Parallel sequences: rows that each read the text from an offset of their own. */
  readonly batch: number;
  /** Tokens of one pass (bytes are tokens, where nothing else is said): `history − 1` updates. */
  readonly history: number;
  /** Steps between two logged values. */
  readonly log_every: number;
  /** Tokens are the numbers below; absent: 256, for bytes. */
  readonly vocabulary?: number;
}

/**
 * The most that each setting may be. A typing error must not ask for a year or for a terabyte, and all who take settings
 * (flags, `study.json`, the library) refuse the same ones.
 */
export const LIMITS = {
  /** The whole loss curve is in memory and in the result: at the default of one value in 50 steps these are two million. */
  steps: 100_000_000,
  /** The logits alone take 64 MiB at 256 values a row; a GPU starts at most 65,535 workgroups in a row. */
  batch: 65_536,
  /** A pass is always finished, so this is also the fewest steps that a run may have: hours, on a fast machine. */
  history: 10_000_000,
  /** More than a run has steps would log nothing. */
  log_every: 100_000_000,
  /** So many runs of each configuration are listed; 20240101 was meant to be a seed. */
  seeds: 1000,
} as const;

/** The least that each setting may be: a pass needs a token and the next one. */
const LEAST: Readonly<Record<keyof typeof LIMITS, number>> = { steps: 1, batch: 1, history: 2, log_every: 1, seeds: 1 };

/**
 * Checks settings from outside against {@linkcode LIMITS}; those that are absent are not judged.
 *
 * @throws {UserError} naming the first that is out of bounds
 */
export function checkLimits(settings: { readonly [K in keyof typeof LIMITS]?: number }): void {
  for (const key of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
    const value = settings[key];
    if (value === undefined || Number.isInteger(value) && value >= LEAST[key] && value <= LIMITS[key]) continue;
    throw new UserError(
      `Cannot use ${key} ${value}: must be a whole number of at least ${LEAST[key]} and at most ${LIMITS[key]}`,
    );
  }
}

/** Updates that a run gets: whole passes, until `steps` are done. One that has done more already ends with the pass it is in. */
export function totalSteps({ steps, history }: TrainingSettings, stepsDone = 0): number {
  return Math.ceil(Math.max(steps, stepsDone) / (history - 1)) * (history - 1);
}

/**
 * Checks settings that a library user gives, against the same bounds.
 *
 * @throws {RangeError} naming the first that is out of bounds
 */
export function checkSettings({ vocabulary = 1, ...settings }: TrainingSettings): void {
  for (const key of ["steps", "batch", "history", "log_every"] as const) {
    checkWhole("train", key, settings[key], LEAST[key], LIMITS[key]);
  }
  checkWhole("train", "vocabulary", vocabulary, 1);
}

/** @throws {UserError} if a run would end before its loss is logged once */
export function checkLogged(settings: TrainingSettings): void {
  const steps = totalSteps(settings);
  if (steps >= settings.log_every) return;
  throw new UserError(
    `Cannot train ${steps} steps: the loss is logged every ${settings.log_every} steps, so they must be at least as many`,
  );
}
