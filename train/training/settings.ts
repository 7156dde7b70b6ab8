/** How runs are trained. */
import { checkWhole, MAX_BATCH, MAX_VOCABULARY } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import { LEAST_HISTORY } from "../corpus/bounds.ts";

/**
 * What runs of one study have in common that go different numbers of steps back: the tokens that they read, or the number of their updates.
 */
export type Budget = "tokens" | "updates";
/** All of them. */
export const BUDGETS: readonly Budget[] = ["tokens", "updates"];
/** Where nothing is said, all runs read the same text. */
export const DEFAULT_BUDGET = "tokens" satisfies Budget;

/** The design's sections 2 and 8 have the reasons. */
export interface TrainingSettings {
  /**
   * Updates wanted of a run that goes one step back: passes repeat until at least so many are done. What the others get follows from the
   * budget.
   */
  readonly steps: number;
  /**
   * How long a run trains that goes several steps back, and makes fewer updates of a pass: for as many passes as one that goes one step back
   * (`tokens`), or until it has done as many updates (`updates`). Absent: `tokens`.
   */
  readonly budget?: Budget;
  /** Batch size: so many parallel sequences read the text, each from an offset of its own. */
  readonly batch: number;
  /**
   * Tokens of one pass (bytes are tokens, where nothing else is said): `history − 1` of them are read, to predict the next one each. A step
   * that reads further ahead reads as many more.
   */
  readonly history: number;
  /** Updates between two logged values: no more than a run has. */
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

/**
 * Updates of a pass, each of which reads `bptt` tokens of each row. What is left at the end of a pass is not read. See docs/bptt.md,
 * "What a run does".
 */
export function passUpdates({ history }: Pick<TrainingSettings, "history">, bptt: number): number {
  return Math.floor((history - 1) / bptt);
}

/**
 * Updates that a run gets: whole passes, as many as the budget wants. One that has done more already ends with the pass it is in.
 *
 * @param bptt steps back, of which a pass has room for at least one update
 * @param stepsDone updates so far
 */
export function totalSteps(
  { budget = DEFAULT_BUDGET, ...settings }: Pick<TrainingSettings, "steps" | "history" | "budget">,
  bptt: number,
  stepsDone = 0,
): number {
  const ofPass = passUpdates(settings, bptt);
  const wanted = Math.ceil(settings.steps / passUpdates(settings, budget === "tokens" ? 1 : bptt));
  return Math.max(wanted, Math.ceil(stepsDone / ofPass)) * ofPass;
}

/**
 * Updates that are asked of a run: what a person has said, or, where that number is another run's, what it comes to in whole passes.
 */
export function stepsAsked(settings: TrainingSettings, bptt: number): number {
  return bptt === 1 || settings.budget === "updates" ? settings.steps : totalSteps(settings, bptt);
}

/**
 * Checks settings that a library user gives, against the same bounds. Whether a run has losses to log is checked for each: see
 * {@linkcode checkLogged}.
 *
 * @throws {RangeError} naming the first that is out of bounds
 */
export function checkSettings({ vocabulary = 1, budget, ...settings }: TrainingSettings): void {
  checkEach(settings, ["steps", "batch", "history", "log_every"], RangeError);
  checkWhole("train", "vocabulary", vocabulary, 1, MAX_VOCABULARY);
  checkBudget(budget, RangeError);
}

/** @throws if there is no such budget */
export function checkBudget(budget: Budget = DEFAULT_BUDGET, Refusal: Refusal = UserError): void {
  if (BUDGETS.includes(budget)) return;
  throw new Refusal(`Cannot use budget '${budget}': must be one of ${BUDGETS.join(", ")}`);
}

/**
 * Checks that runs which go so many steps back have losses to log.
 *
 * @param bptt from 1
 * @param mend what to do where a run with several steps back is too short, for the end of the message
 * @throws if a pass has not so many tokens, or a run would end before its loss is logged once
 */
export function checkLogged(
  settings: TrainingSettings,
  bptt: number,
  Refusal: Refusal = UserError,
  mend: () => string = () => "",
): void {
  const { history, log_every } = settings;
  if (passUpdates(settings, bptt) < 1) {
    throw new Refusal(
      `Cannot train with ${bptt} steps back: history ${history} is ${
        history - 1
      } training tokens, must be at least ${bptt}`,
    );
  }
  const steps = totalSteps(settings, bptt);
  if (steps >= log_every) return;
  const [what, unit, more] = bptt === 1
    ? [`${steps} steps`, "steps", ""]
    : [`${steps} updates with ${bptt} steps back`, "updates", mend()];
  throw new Refusal(
    `Cannot train ${what}: the loss is logged every ${log_every} ${unit}, so they must be at least as many${more}`,
  );
}

/** The fewest whole passes, in `steps`, after which runs that go so many steps back have logged a loss. */
export function stepsToLog({ budget, history, log_every }: TrainingSettings, bptt: number): number {
  if (budget === "updates") return log_every;
  return Math.ceil(log_every / passUpdates({ history }, bptt)) * (history - 1);
}
