/** Where each run of an experiment stands: by its result, by who has it, and by what is asked of it. */
import { stepsBackOf } from "../../cells/config.ts";
import { totalSteps, type TrainingSettings } from "../../train/training/settings.ts";
import { type FinishedResult, hasEnded, isFinished, type RunResult } from "../study/result.ts";
import { runKey } from "../study/run_key.ts";
import type { ReadResults, Run } from "../study/runs.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Claim } from "./queue.ts";
import { claimKey, type ClaimsLook, isSilent } from "./study_queue.ts";

/** Each run is in one of these. */
export type RunState =
  | "done"
  | "running"
  | "stale"
  | "failed"
  | "damaged"
  | "unknown_version"
  | "elsewhere"
  | "waiting";

/** What a standing is made of. */
export interface SeenRuns {
  readonly experiment: Experiment;
  /** Those that are asked about. */
  readonly runs: readonly Run[];
  /** Their results; others may be among them. */
  readonly read: Pick<ReadResults, "results" | "damaged" | "unknown_version">;
  /** The claims on them; others may be among them. */
  readonly look: ClaimsLook;
  /** How they are to be trained: the study's settings, or what a call of `train` asks for. */
  readonly settings: TrainingSettings;
  /** Unix seconds. */
  readonly now: number;
}

/** A run that has finished. */
export interface FinishedRun {
  readonly run: Run;
  readonly result: FinishedResult;
}

/** Where runs stand. */
export interface Standing {
  /** The runs in a state, in the list's order. */
  readonly of: (state: RunState) => readonly Run[];
  /** Runs that have finished, in whatever state they are: some are trained further. */
  readonly finished: readonly FinishedRun[];
  /** Done runs that have fewer steps than are asked for. */
  readonly short: readonly Run[];
  /** Steps that are asked of a run, whole passes. */
  readonly stepsOf: (run: Run) => number;
  readonly resultOf: (run: Run) => RunResult | undefined;
  readonly claimOf: (run: Run) => Claim | undefined;
  /** Whether a process has a done run, to measure or to score it. */
  readonly isInUse: (run: Run) => boolean;
}

/** Tells the state of each run. */
export function standingOf({ experiment, runs, read, look, settings, now }: SeenRuns): Standing {
  const { results, damaged } = read, unknown = new Set(read.unknown_version);
  const byKey = new Map(results.map((result) => [runKey(result.id, result.seed), result]));
  const resultOf = ({ key }: Run) => byKey.get(key);
  const claims = new Map(look.claims.map((claim) => [claim.key, claim]));
  const claimOf = ({ key }: Run) => claims.get(claimKey(experiment, key));
  const stepsOf = ({ entry: { config } }: Run) => totalSteps(settings, stepsBackOf(config));
  // This process has not watched: it goes by the clock, and does no more with it than to show it.
  const isLive = (claim: Claim | undefined) => claim !== undefined && !isSilent(claim, now);
  // Whoever trains a finished run further is soon beyond its steps: others have claimed it to measure or to score it.
  const isInUse = (run: Run) => {
    const claim = claimOf(run), result = resultOf(run);
    return isLive(claim) && result !== undefined && isFinished(result) && claim!.step <= result.steps_done;
  };
  const stateOf = (run: Run): RunState => {
    const claim = claimOf(run), result = resultOf(run);
    if (isLive(claim) && !isInUse(run)) return "running";
    // A process may die after its last word on a run, and before it lets go of it: nobody need come back to that.
    if (claim && !isLive(claim) && !hasEnded(result, stepsOf(run))) return "stale";
    const problem = damaged.get(run.key);
    if (problem !== undefined) return unknown.has(problem) ? "unknown_version" : "damaged";
    if (result?.failed !== undefined) return "failed";
    if (result && isFinished(result)) return "done";
    return look.isElsewhere(claimKey(experiment, run.key), stepsOf(run)) ? "elsewhere" : "waiting";
  };
  const inState = Map.groupBy(runs, stateOf);
  const of = (state: RunState) => inState.get(state) ?? [];
  const finished = runs.flatMap((run) => {
    const result = resultOf(run);
    return result && isFinished(result) ? [{ run, result }] : [];
  });
  const short = of("done").filter((run) => !hasEnded(resultOf(run), stepsOf(run)));
  return { of, finished, short, stepsOf, resultOf, claimOf, isInUse };
}
