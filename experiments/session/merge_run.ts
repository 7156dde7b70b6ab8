/** One run of a copy of a study: what the copy has of it, checked, and whether that comes into the study. */
import { Buffer } from "node:buffer";
import { cellJob, stepOf } from "../../train/training/training_run.ts";
import type { Checkpoint } from "../../train/training/checkpoint.ts";
import { claimKey } from "../queue/study_queue.ts";
import { advised, type Commit, readBytes, sumOf, writeInOrder } from "../study/files.ts";
import { checkReplaceable } from "../study/ownership.ts";
import { type FinishedResult, isFinished, type RunResult } from "../study/result.ts";
import type { Run } from "../study/runs.ts";
import { resultsDifference } from "../study/same_result.ts";
import type { Experiment } from "../study/experiment.ts";
import type { Study } from "../study/store.ts";
import { trainingSettings } from "../study/training_settings.ts";
import { checkModel, checkpointOf, decodeRunCheckpoint } from "./run_model.ts";

/** A study, and a copy of it that was trained elsewhere. */
export interface Copies {
  readonly study: Study;
  readonly other: Study;
  readonly experiment: Experiment;
  /** Claims of living processes that work on the copy. */
  readonly busyThere: ReadonlySet<string>;
}

/** What becomes of a run that the copy has. */
export type Decision =
  | { readonly does: "come"; readonly files: FilesThere }
  /** The study has it, or more of it; `isUnscored` where it has all but the score that the copy has. */
  | { readonly does: "is here"; readonly isUnscored?: boolean }
  /** It is left as it is, there and here; `isWrong` where the two contradict each other. */
  | { readonly does: "stay"; readonly why: string; readonly isWrong: boolean };

/** The files of a run that comes, read and checked. */
export interface FilesThere {
  readonly result: RunResult;
  readonly resultBytes: Uint8Array;
  readonly checkpoint?: Uint8Array;
  readonly model?: Uint8Array;
  readonly dynamics?: Uint8Array;
}

const HERE: Decision = { does: "is here" };
const stay = (why: string): Decision => ({ does: "stay", why, isWrong: false });
const contradict = (why: string): Decision => ({
  does: "stay",
  why: `${why}; the one here stays as it is`,
  isWrong: true,
});

/**
 * Decides about a run, from what lies in both folders now.
 *
 * @returns undefined where the copy has nothing of it
 * @throws {UserError} naming the file, if one of its files is damaged or another run's
 */
export async function decide(copies: Copies, run: Run): Promise<Decision | undefined> {
  const { study, other, experiment, busyThere } = copies;
  const found = await other.readResultFile(experiment, run.key);
  if (!found) return undefined;
  const theirs = found.result, ours = await study.readResult(experiment, run.key);
  const hasEnded = isFinished(theirs) || theirs.failed !== undefined;
  if (ours && (isFinished(ours) || ours.failed !== undefined)) {
    return hasEnded ? await compareEnded(copies, run, theirs, ours) : HERE;
  }
  if (!hasEnded && busyThere.has(claimKey(experiment, run.key))) return stay("a process is training it there");
  const begun = (await readRunCheckpoint(study, experiment, run, theirs))?.state.steps_done ?? 0;
  const files = await readFiles(copies, run, found.result, found.bytes);
  if (isFinished(theirs)) {
    const isFurther = begun > theirs.steps_done || (begun > 0 && !files.checkpoint);
    return isFurther ? stay(`it is unfinished here, at step ${begun}`) : { does: "come", files };
  }
  if (begun) return stay(`it is unfinished here, at step ${begun}, and ${whereThere(theirs, files)} there`);
  if (theirs.failed === undefined && !files.checkpoint) return stay("it has begun there and has no checkpoint");
  return { does: "come", files };
}

function whereThere({ failed, failed_at_step }: RunResult, { steps }: { readonly steps: number }): string {
  return failed === undefined ? `at step ${steps}` : `failed at step ${failed_at_step}`;
}

/** Of two results of one run both of which have ended: they are the same, or contradict each other. */
async function compareEnded(
  { study, other, experiment }: Copies,
  { key }: Run,
  theirs: RunResult,
  ours: RunResult,
): Promise<Decision> {
  if (isFinished(theirs) !== isFinished(ours)) {
    const [is, has] = isFinished(theirs) ? ["has finished", "failed"] : ["failed", "has finished"];
    return contradict(`it ${is} there, and ${has} here`);
  }
  const difference = resultsDifference(theirs, ours);
  if (difference !== undefined) return contradict(difference);
  if (!isFinished(theirs)) return HERE;
  const [{ model }, { model: own }] = [await other.readModel(experiment, key), await study.readModel(experiment, key)];
  if (!Buffer.from(model).equals(own)) return contradict("its model has other bytes than the one here");
  // A score would have to be written into the result that is here, which stays as it is.
  return { does: "is here", isUnscored: theirs.test_loss !== undefined && ours.test_loss === undefined };
}

/** The files that the copy has of a run, each checked; and the steps in its checkpoint. */
async function readFiles(
  { study, other, experiment }: Copies,
  run: Run,
  result: RunResult,
  resultBytes: Uint8Array,
): Promise<FilesThere & { readonly steps: number }> {
  const { key } = run, finished = isFinished(result) ? result : undefined;
  const checkpoint = await readRunCheckpoint(other, experiment, run, result, finished);
  const common = { result, resultBytes, checkpoint: checkpoint?.bytes, steps: checkpoint?.state.steps_done ?? 0 };
  checkReplaceable(study.checkpointPath(experiment, key));
  if (!finished) return common;
  const { path, model } = await other.readModel(experiment, key);
  await checkModel(model, finished, path, other, experiment);
  checkReplaceable(study.modelPath(experiment, key));
  // What was measured here stays; what was measured of another model says nothing of this one.
  const measured = await readBytes(study.dynamicsPath(experiment, key))
    ? undefined
    : await other.readDynamicsFile(experiment, key);
  const dynamics = measured?.dynamics.model_sha256 === sumOf(model) ? measured.bytes : undefined;
  return { ...common, model, dynamics };
}

/**
 * A run's checkpoint in one of the two folders; undefined where it has none.
 *
 * @param result says what the run is
 * @param finished the result that lies beside it, where the run has finished
 */
async function readRunCheckpoint(
  study: Study,
  experiment: Experiment,
  { key, entry: { config }, seed }: Run,
  result: RunResult,
  finished?: FinishedResult,
): Promise<Checkpoint & { readonly bytes: Uint8Array } | undefined> {
  const { path, bytes } = await study.readCheckpoint(experiment, key);
  if (!bytes) return undefined;
  const step = stepOf(cellJob({ config, seed, space: study.space }), trainingSettings(study.settings, experiment));
  const about = checkpointOf(result, study.space);
  const mend = finished ? "move it away to merge the run without it" : "move it and the run's result away";
  return { ...await advised(mend, () => decodeRunCheckpoint(bytes, path, step, about, finished)), bytes };
}

/** Puts the files of a run in place, the result last: so a run that has one has all, whenever the process is killed. */
export async function bring(
  { study, experiment }: Copies,
  { key }: Run,
  files: FilesThere,
  commit: Commit,
): Promise<void> {
  const { result, resultBytes, checkpoint, model, dynamics } = files;
  const { owner, ...record } = result;
  await writeInOrder(commit, [
    ...(checkpoint ? [(commit: Commit) => study.writeCheckpoint(experiment, key, checkpoint, commit)] : []),
    ...(model ? [(commit: Commit) => study.writeModel(experiment, key, model, commit)] : []),
    ...(dynamics ? [(commit: Commit) => study.writeDynamicsFile(experiment, key, dynamics, commit)] : []),
    // A run under way is nobody's here. All others come as they are, with what a person has put into the file.
    (commit: Commit) =>
      owner === undefined
        ? study.writeResultFile(experiment, key, resultBytes, commit)
        : study.writeResult(experiment, key, record, commit),
  ]);
}
