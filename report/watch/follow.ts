/**
 * Follows an experiment as its runs train, no matter which process trains them, by what lies in the study's folder. It changes nothing there: it opens no database, takes
 * no lock, and reads a file again only where that has changed.
 */
import { messageOf, UserError } from "../../cells/errors.ts";
import { stepsBackOf } from "../../cells/config.ts";
import { type CheckpointOf, type CheckpointProgress, decodeProgress } from "../../train/training/checkpoint.ts";
import { bytesBeforeData, LENGTH_BYTES } from "../../train/training/safetensors.ts";
import { totalSteps } from "../../train/training/settings.ts";
import { type Overview, overviewIn } from "../../experiments/queue/overview.ts";
import { BEAT_SECONDS } from "../../experiments/queue/queue.ts";
import { imageReaders } from "../../experiments/queue/sqlite_image.ts";
import { type ClaimsLook, lookAtClaims } from "../../experiments/queue/study_queue.ts";
import { readStart } from "../../experiments/study/files.ts";
import { KnownFiles, stampOf } from "../../experiments/study/known_files.ts";
import { KnownResults } from "../../experiments/study/known_results.ts";
import { dynamicsKeys, StudyPaths } from "../../experiments/study/paths.ts";
import { configOf, isFinished, isUnderWay, type RunResult } from "../../experiments/study/result.ts";
import type { Run } from "../../experiments/study/runs.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { Study } from "../../experiments/study/store.ts";
import { trainingSettings } from "../../experiments/study/training_settings.ts";
import { labelIn } from "../data/cell_names.ts";
import { changesBetween } from "./changes.ts";
import type { Changes, Curve, ListedRun, Snapshot } from "./events.ts";

/** What is followed. */
export interface FollowOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  /** Where a PostgreSQL server has the claims: a URL. Absent: they are in the study. */
  readonly queue?: string;
  /** Unix seconds; tests set their own. */
  readonly now?: () => number;
  /** Called with the path of each file that is read, before it is. */
  readonly onRead?: (path: string) => void;
}

/** A study as its settings and its list had it. */
interface ListedStudy {
  readonly study: Study;
  readonly runs: readonly Run[];
  readonly list: readonly ListedRun[];
}

/** Milliseconds between two looks at a server: claims change with heartbeats. */
const SERVER_MILLISECONDS = 1000 * BEAT_SECONDS;

/** Follows one experiment. A call of {@linkcode Follower.poll} must have ended before the next. */
export class Follower {
  #snapshot!: Snapshot;
  /** Of the study's own files, as they were when it was opened, or could not be. */
  #stamps: string;
  /** Why the study cannot be opened as it is now: what it was is followed meanwhile. */
  #problem: string | undefined;
  readonly #results: KnownResults;
  readonly #progress: KnownFiles<CheckpointProgress>;
  #resultOf: ReadonlyMap<string, RunResult> = new Map();
  readonly #readerOf = imageReaders();
  /** What a server has said, and when. */
  #told: { readonly at: number; readonly look: ClaimsLook } | undefined;
  #asking = false;

  private constructor(private readonly options: FollowOptions, private listed: ListedStudy, stamps: string) {
    const { experiment } = options;
    this.#stamps = stamps;
    this.#results = new KnownResults(() => this.#study, experiment, (path) => this.#note(path));
    this.#progress = new KnownFiles(
      (key) => this.#study.checkpointPath(experiment, key),
      (key, path) => this.#readProgress(key, path),
    );
  }

  /**
   * Looks at an experiment for the first time.
   *
   * @throws {UserError} with one line, if there is no study, or its settings or its list cannot be read
   */
  static async open(options: FollowOptions): Promise<Follower> {
    const stamps = await stampsOf(new StudyPaths(options.dir), options.experiment);
    const follower = new Follower(options, await openListed(options), stamps);
    follower.#snapshot = await follower.#look();
    return follower;
  }

  /** Where the experiment stood at the last look. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Looks again. What cannot be looked at for now is named among the problems, and stands as it was. */
  async poll(): Promise<Changes> {
    const before = this.#snapshot;
    this.#snapshot = await this.#look().catch((error) => {
      if (!(error instanceof UserError)) throw error;
      return { ...before, problems: [error.message] };
    });
    return changesBetween(before, this.#snapshot);
  }

  get #study(): Study {
    return this.listed.study;
  }

  #note(path: string): void {
    this.options.onRead?.(path);
  }

  async #look(): Promise<Snapshot> {
    const { dir, experiment, now = () => Date.now() / 1000 } = this.options;
    await this.#openAgain();
    const { study, runs, list } = this.listed;
    const { byKey, read } = await this.#results.look(dir), look = await this.#lookAtClaims();
    this.#resultOf = byKey;
    const measured = await dynamicsKeys(dir, experiment);
    const overview = overviewIn({ study, experiment, runs, read, look, measured }, { now: now() });
    const progress = await this.#progress.look(keysWithCurves(byKey, overview));
    const problems = [...read.unreadable, ...[...progress.problems.values()].map(messageOf)];
    return {
      experiment,
      list,
      results: read.results,
      curves: curvesOf(progress.values, byKey),
      overview,
      problems: this.#problem === undefined ? problems : [this.#problem, ...problems],
    };
  }

  /** Opens the study again where a command has changed its settings or its list. One that is half written is tried again when it is whole. */
  async #openAgain(): Promise<void> {
    const stamps = await stampsOf(this.#study, this.options.experiment);
    if (stamps === this.#stamps) return;
    try {
      this.listed = await openListed(this.options);
    } catch (error) {
      // All of it may be away for a moment, with its disk.
      if (!(error instanceof UserError) || await stampOf(this.#study.settingsPath) === undefined) throw error;
      this.#stamps = stamps;
      this.#problem = error.message;
      return;
    }
    this.#stamps = stamps;
    this.#problem = undefined;
    // Results are checked by what the study says of itself.
    this.#results.forget();
    this.#progress.forget();
  }

  /** A server is asked beside: it may take long to answer. */
  async #lookAtClaims(): Promise<ClaimsLook> {
    const { queue } = this.options;
    if (queue === undefined) return await lookAtClaims(this.#study, { readerOf: this.#readerOf });
    const ask = async () => {
      this.#asking = true;
      try {
        this.#told = { look: await lookAtClaims(this.#study, { queue }), at: performance.now() };
      } finally {
        this.#asking = false;
      }
    };
    if (!this.#told) await ask();
    else if (!this.#asking && performance.now() - this.#told.at >= SERVER_MILLISECONDS) {
      // What the server cannot say is a part of the look; anything else comes again at the next.
      ask().catch(() => {});
    }
    return this.#told!.look;
  }

  async #readProgress(key: string, path: string): Promise<CheckpointProgress | undefined> {
    this.#note(path);
    const file = await readStart(path, LENGTH_BYTES, (start, length) => bytesBeforeData(start, length, path));
    return file && decodeProgress(file.start, file.length, path, checkpointOf(this.#resultOf.get(key)!, this.#study));
  }
}

/** The study's own files: all that its settings and its list are read from. */
async function stampsOf(paths: StudyPaths, experiment: Experiment): Promise<string> {
  const files = [paths.settingsPath, paths.spacePath, paths.configsPath(experiment)];
  return (await Promise.all(files.map(stampOf))).join();
}

async function openListed({ dir, experiment }: FollowOptions): Promise<ListedStudy> {
  const study = await Study.open(dir), runs = await study.runs(experiment);
  const settings = trainingSettings(study.settings, experiment);
  const list = runs.map(({ key, seed, entry: { id, config, control } }): ListedRun => ({
    key,
    id,
    seed,
    config,
    label: labelIn(study.space, config),
    steps: totalSteps(settings, stepsBackOf(config)),
    ...(control ? { control } : {}),
  }));
  return { study, runs, list };
}

/** Runs whose checkpoints have more of the curve than their results: those under way, and those that are trained further. */
function keysWithCurves(results: ReadonlyMap<string, RunResult>, { running }: Overview): string[] {
  const atWork = new Set(running.map(({ key }) => key));
  return [...results].filter(([key, result]) => isUnderWay(result) || (isFinished(result) && atWork.has(key)))
    .map(([key]) => key);
}

function curvesOf(
  progress: ReadonlyMap<string, CheckpointProgress>,
  results: ReadonlyMap<string, RunResult>,
): Curve[] {
  return [...progress].flatMap(([key, { curve }]) => {
    const { log_every, loss = [] } = results.get(key)!, from = loss.length;
    return curve.length > from ? [{ key, log_every, from, values: curve.slice(from) }] : [];
  });
}

/** What a run's checkpoint must be of. */
function checkpointOf(result: RunResult, { space }: Study): CheckpointOf {
  const { seed, dataset, corpus_sha1, tokenizer_sha1, log_every } = result;
  return {
    config: configOf(result, space),
    table: space,
    seed,
    corpus: dataset,
    corpus_sha1,
    tokenizer_sha1,
    batch: result["batch size"],
    history: result["history size"],
    log_every,
  };
}
