/** Contests: who is measured against another takes turns with it, so that what else goes on upon the machine meets both. */
import { median } from "./median.ts";

/** Something that does steps. */
export interface Contender {
  readonly name: string;
  /** Does so many steps; returns the milliseconds of one. */
  round(steps: number): Promise<number>;
}

export interface ContestTiming {
  readonly rounds: number;
  /** About how long a round of one contender takes. */
  readonly roundSeconds: number;
  /** After so long no further round begins, if there have been three. */
  readonly limitSeconds: number;
}

/** Many short rounds: on a shared machine what disturbs one comes and goes within seconds. */
export const CONTEST: ContestTiming = { rounds: 41, roundSeconds: 0.12, limitSeconds: 30 };

export interface Outcome {
  /** Milliseconds per step: the median over rounds. */
  readonly ms_per_step: number;
  /** Its time divided by that of the first contender: the median of the ratios within each round. */
  readonly ratio: number;
}

const LEAST_ROUNDS = 3;
const MOST_STEPS = 500;
/** The first steps may compile something, and fill caches. */
const WARM_UP_STEPS = 3;

/**
 * Lets contenders take turns, round by round, after a warm-up of each.
 *
 * @param now a clock, in milliseconds
 * @returns an outcome for each, in their order
 */
export async function contest(
  contenders: readonly Contender[],
  timing: ContestTiming = CONTEST,
  now: () => number = () => performance.now(),
): Promise<Outcome[]> {
  const steps: number[] = [];
  for (const contender of contenders) {
    await contender.round(WARM_UP_STEPS);
    const ms = await contender.round(WARM_UP_STEPS);
    steps.push(Math.max(1, Math.min(MOST_STEPS, Math.round(1000 * timing.roundSeconds / ms))));
  }
  const begun = now(), rounds: number[][] = [];
  while (
    rounds.length < timing.rounds && (rounds.length < LEAST_ROUNDS || now() - begun < 1000 * timing.limitSeconds)
  ) {
    const times: number[] = [];
    for (const [i, contender] of contenders.entries()) times.push(await contender.round(steps[i]));
    rounds.push(times);
  }
  return contenders.map((_, i) => ({
    ms_per_step: median(rounds.map((times) => times[i])),
    ratio: median(rounds.map((times) => times[i] / times[0])),
  }));
}
