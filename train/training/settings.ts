/** How runs are trained. */
import { checkWhole, MAX_BATCH, MAX_VOCABULARY } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { LEAST_HISTORY } from "../corpus/corpus.ts";

/** The design's section 2 has the reasons. */
export interface TrainingSettings {
  /** Updates wanted: passes repeat until at least so many are done. */
  readonly steps: number;
  /** Batch size: so many parallel sequences read the text, each from an offset of its own. */
  readonly batch: number;
  /**
   * Tokens of one pass (bytes are tokens, where nothing else is said): `history − 1` updates, each of which predicts the next token. A step
   * that reads further ahead reads as many more.
   */
  readonly history: number;
  /** Steps between two logged values: no more than a run has. */
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
  batch: MAX_BATCH,
  /** A pass is always finished, so this is also the fewest steps that a run may have: hours, on a fast machine. */
  history: 10_000_000,
  /** More than a run has steps would log nothing. */
  log_every: 100_000_000,
  /** So many runs of each configuration are listed; 20240101 was meant to be a seed. */
  seeds: 1000,
} as const;

/** The least that each setting may be. */
export const LEAST: Readonly<Record<keyof typeof LIMITS, number>> = {
  steps: 1,
  batch: 1,
  history: LEAST_HISTORY,
  log_every: 1,
  seeds: 1,
};

type Limited = keyof typeof LIMITS;
const LIMITED = Object.keys(LIMITS) as Limited[];

/** The class of an error: `UserError` for what a person has typed or written, `RangeError` for what a program has passed. */
type Refusal = new (message: string) => Error;

/**
 * Checks settings from outside against {@linkcode LIMITS}; those that are absent are not judged.
 *
 * @throws {UserError} naming the first that is out of bounds
 */
export function checkLimits(settings: { readonly [K in Limited]?: number }): void {
  checkEach(settings, LIMITED.filter((key) => settings[key] !== undefined), UserError);
}

/** @throws naming the first of these settings that is out of bounds */
function checkEach(settings: { readonly [K in Limited]?: number }, keys: readonly Limited[], Refusal: Refusal): void {
  for (const key of keys) {
    const value = settings[key], least = LEAST[key], most = LIMITS[key];
    if (value !== undefined && Number.isInteger(value) && value >= least && value <= most) continue;
    throw new Refusal(`Cannot use ${key} ${value}: must be a whole number of at least ${least} and at most ${most}`);
  }
}

/** Updates that a run gets: whole passes, until `steps` are done. One that has done more already ends with the pass it is in. */
export function totalSteps({ steps, history }: TrainingSettings, stepsDone = 0): number {
  return Math.ceil(Math.max(steps, stepsDone) / (history - 1)) * (history - 1);
}

/**
 * Checks settings that a library user gives, against the same bounds.
 *
 * @throws {RangeError} naming the first that is out of bounds, or saying that nothing would be logged
 */
export function checkSettings({ vocabulary = 1, ...settings }: TrainingSettings): void {
  checkEach(settings, ["steps", "batch", "history", "log_every"], RangeError);
  checkWhole("train", "vocabulary", vocabulary, 1, MAX_VOCABULARY);
  checkLogged(settings, RangeError);
}

/** @throws if a run would end before its loss is logged once */
export function checkLogged(settings: TrainingSettings, Refusal: Refusal = UserError): void {
  const steps = totalSteps(settings);
  if (steps >= settings.log_every) return;
  throw new Refusal(
    `Cannot train ${steps} steps: the loss is logged every ${settings.log_every} steps, so they must be at least as many`,
  );
}
