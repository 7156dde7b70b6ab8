/** What `status` shows: where a study stands. */
import { totalSteps } from "../../train/training/settings.ts";
import { bestFirst } from "../study/criterion.ts";
import { dynamicsKeys } from "../study/paths.ts";
import { comparedWithList } from "../study/list_gaps.ts";
import type { ReadResults, Run } from "../study/runs.ts";
import type { Experiment } from "../study/experiment.ts";
import { selectedResults } from "../study/selected_results.ts";
import { selectFrom, type Selection } from "../study/selection.ts";
import { Study } from "../study/store.ts";
import { stepsBackAmong, trainingSettings } from "../study/training_settings.ts";
import { countUnvalidated } from "../study/validation.ts";
import { standingOf } from "./standing.ts";
import { claimKey, type ClaimsLook, lookAtClaims } from "./study_queue.ts";
import { timeLeft } from "./time_left.ts";

/** A run that somebody has claimed. */
export interface ClaimedRun {
  /** The name of its files. */
  readonly key: string;
  /** Names the process that has it. */
  readonly owner: string;
  /** When it was claimed, Unix seconds. */
  readonly since: number;
  /** When its owner was last heard of, Unix seconds. */
  readonly heard: number;
  /** Steps done, as its owner last said. */
  readonly step: number;
  /** Steps that the study asks of it, whole passes. */
  readonly steps: number;
}

/** Where each run of an experiment is; `done`, `running`, `stale`, `failed`, `damaged`, `unknown_version`, `elsewhere` and `waiting` make up `total`. */
export interface Overview {
  /** Which experiment. */
  readonly experiment: Experiment;
  /** The expression that says which configurations are counted; absent where all are. */
  readonly selection?: string;
  /** Listed runs. */
  readonly total: number;
  /** Runs that have finished. */
  readonly done: number;
  /** Done runs that a process has, which measures or scores them. */
  readonly in_use: readonly ClaimedRun[];
  /** Done runs that have fewer steps than the study asks for now. */
  readonly short: number;
  /** Steps of a run, whole passes; of those that go the fewest steps back, where runs differ in that. */
  readonly steps: number;
  /** The same by steps back; absent where all go one step back. */
  readonly steps_by_bptt?: Readonly<Record<string, number>>;
  /** Runs that a process has, which has been heard of lately. */
  readonly running: readonly ClaimedRun[];
  /** Claimed by processes that have fallen silent; the next `train` takes them over. */
  readonly stale: readonly ClaimedRun[];
  /** Runs that diverged (NaN or Inf), with the step where. */
  readonly failed: readonly { key: string; why: string }[];
  /** Runs that nobody works on, those included that were started and left. */
  readonly waiting: number;
  /** Keys of waiting runs that were started and left. */
  readonly left_unfinished: readonly string[];
  /** Keys of waiting runs that nobody has begun. */
  readonly not_begun: readonly string[];
  /** Keys of runs that other folders have trained, as the server of the queue knows; `merge` joins them. */
  readonly elsewhere: readonly string[];
  /** Why the server of the queue could not be asked: which processes train is then unknown. */
  readonly queue_problem?: string;
  /** Runs whose result cannot be read; `train` leaves them alone. */
  readonly damaged: number;
  /** Runs whose result is of a version of this program that this one does not know; `train` leaves them alone. */
  readonly unknown_version: number;
  /** Keys of results whose run is not in the study's list; they are beside `total`. */
  readonly unlisted: readonly string[];
  /** A line for each file that cannot be read. */
  readonly unreadable: readonly string[];
  /** Scored runs that lack a score on the validation split, since a version before 0.4 scored them: `evaluate --again` gives it. */
  readonly unvalidated: number;
  /** What `dynamics` has kept; absent where nothing has ever been measured. */
  readonly dynamics?: MeasuredRuns;
  /** The best of the finished runs, by its score on the validation split; absent where none has finished. */
  readonly best?: BestRun;
  /** From the speed of the finished runs; absent where none has finished. */
  readonly seconds_left?: number;
}

/** How many runs `dynamics` has measured. */
export interface MeasuredRuns {
  /** Finished runs that have a file of it, whatever their models are now. */
  readonly measured: number;
  /** All finished runs. */
  readonly finished: number;
}

/** What is told of the best run. */
export interface BestRun {
  /** The name of its files. */
  readonly key: string;
  /** Score on the validation split, bits per byte. Where a scored run lacks it, or none is scored yet, `min_loss` decides. */
  readonly validation_bits_per_byte?: number;
  /** Score on the test split, bits per byte. */
  readonly test_bits_per_byte?: number;
  /** Lowest logged training loss, nats per token. */
  readonly min_loss: number;
  /** What its model reads, where that is not bytes. */
  readonly tokens?: string;
  /** Whether it was drawn at random from what experiment 02 has not chosen. */
  readonly control?: true;
}

/** What an overview is of. */
export interface OverviewOptions {
  /** Which configurations; all where absent. */
  readonly only?: Selection;
  /** Unix seconds. */
  readonly now?: number;
  /** Where a PostgreSQL server has the claims: a URL. Absent: they are in the study. */
  readonly queue?: string;
}

/** What an overview is made of. */
export interface SeenExperiment {
  readonly study: Study;
  readonly experiment: Experiment;
  /** The study's runs. */
  readonly runs: readonly Run[];
  /** Their results. */
  readonly read: ReadResults;
  /** The claims on them. */
  readonly look: ClaimsLook;
  /** Keys of what has been measured; undefined where nothing ever was. */
  readonly measured: readonly string[] | undefined;
}

/** @throws {UserError} if there is no study, its list is damaged, or nothing of it is selected */
export async function overviewOf(
  dir: string,
  experiment: Experiment,
  { queue, ...options }: OverviewOptions = {},
): Promise<Overview> {
  const study = await Study.open(dir), runs = await study.runs(experiment);
  const read = await study.readResults(experiment), look = await lookAtClaims(study, { queue });
  return overviewIn({ study, experiment, runs, read, look, measured: await dynamicsKeys(dir, experiment) }, options);
}

/** @throws {UserError} if nothing is selected */
export function overviewIn(
  { study, experiment, runs: all, read: found, look, measured }: SeenExperiment,
  { only, now = Date.now() / 1000 }: Omit<OverviewOptions, "queue"> = {},
): Overview {
  const doing = `look at experiment ${experiment} of ${study.dir}`;
  const runs = selectFrom(all, only, ({ entry }) => entry.config, doing, "run");
  const read = selectedResults(found, only, all.map(({ entry }) => entry), study.space);
  const { not_begun, unlisted } = comparedWithList(runs, read);
  const settings = trainingSettings(study.settings, experiment);
  const standing = standingOf({ experiment, runs, read, look, settings, now });
  const { of, finished, short, stepsOf, resultOf, claimOf, isInUse } = standing;
  const stepsBack = stepsBackAmong(runs.map(({ entry }) => entry.config));
  const claimed = (run: Run): ClaimedRun => {
    const { owner, since, heard, step } = claimOf(run)!;
    return { key: run.key, owner, since, heard, step, steps: stepsOf(run) };
  };
  const dynamics = measuredAmong(measured, finished.map(({ run }) => run.key));
  const [best] = bestFirst(finished.map(({ result }) => result));
  const own = finished.find(({ result }) => result === best)?.run;
  const claims = new Set(look.claims.map(({ key }) => key));
  const elsewhere = of("elsewhere").map(({ key }) => key);
  return {
    experiment,
    ...(only ? { selection: only.text } : {}),
    total: runs.length,
    done: of("done").length,
    in_use: of("done").filter(isInUse).map(claimed),
    short: short.length,
    steps: totalSteps(settings, stepsBack[0] ?? 1),
    ...(stepsBack.some((back) => back > 1)
      ? { steps_by_bptt: Object.fromEntries(stepsBack.map((back) => [back, totalSteps(settings, back)])) }
      : {}),
    running: of("running").map(claimed),
    stale: of("stale").map(claimed),
    failed: of("failed").map((run) => ({ key: run.key, why: resultOf(run)!.failed! })),
    waiting: of("waiting").length,
    left_unfinished: of("waiting").filter((run) => resultOf(run) !== undefined).map(({ key }) => key),
    not_begun: not_begun.filter((key) => !claims.has(claimKey(experiment, key)) && !elsewhere.includes(key)),
    elsewhere,
    ...(look.problem === undefined ? {} : { queue_problem: look.problem }),
    damaged: of("damaged").length,
    unknown_version: of("unknown_version").length,
    unlisted,
    unreadable: read.unreadable,
    unvalidated: countUnvalidated(read.results, study.settings),
    ...(dynamics ? { dynamics } : {}),
    ...(best
      ? {
        best: {
          key: own!.key,
          validation_bits_per_byte: best.validation_bits_per_byte,
          test_bits_per_byte: best.test_bits_per_byte,
          min_loss: best["min loss"],
          ...(best.tokens ? { tokens: best.tokens } : {}),
          ...(own!.entry.control ? { control: true } : {}),
        },
      }
      : {}),
    seconds_left: timeLeft(standing),
  };
}

function measuredAmong(keys: readonly string[] | undefined, finished: readonly string[]): MeasuredRuns | undefined {
  const known = new Set(keys);
  return keys && { measured: finished.filter((key) => known.has(key)).length, finished: finished.length };
}
