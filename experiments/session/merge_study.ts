/** What `merge` does: joins runs that copies of a study have trained apart. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { noteAttempt } from "../queue/attempts.ts";
import { heartbeat } from "../queue/heartbeat.ts";
import type { Queue } from "../queue/queue.ts";
import {
  claimKey,
  ClaimLost,
  commitWhileHeld,
  livingClaims,
  openStudyQueue,
  type QueueChoice,
} from "../queue/study_queue.ts";
import { commandOn } from "../study/commands.ts";
import { realFolder } from "../study/files.ts";
import { resultKeys } from "../study/paths.ts";
import { shortKey } from "../study/run_key.ts";
import { isFinished } from "../study/result.ts";
import type { Run } from "../study/runs.ts";
import { checkCopy } from "../study/same_study.ts";
import type { Experiment } from "../study/experiment.ts";
import { Study } from "../study/store.ts";
import { mixedInWords } from "../study/trained_on.ts";
import { bring, type Copies, decide, type Decision } from "./merge_run.ts";
import { Scheduler, waitingForOthers } from "./scheduler.ts";
import { plural, shortList } from "../../train/terminal/words.ts";

/** The most folders of one call: more than any sweep has machines. */
export const MOST_COPIES = 1000;

export interface MergeOptions extends Pick<QueueChoice, "nodeLocal" | "queue"> {
  readonly dir: string;
  readonly experiment: Experiment;
  /** Folders of copies of the study. */
  readonly from: readonly string[];
  /** Writes nothing, and tells what would come. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Called with a line that is no problem. */
  readonly onMessage?: (line: string) => void;
  /** Called with a line on each run that cannot come: its files are damaged, or contradict those that are here. The others come. */
  readonly onProblem?: (problem: string) => void;
}

/** What a call of `merge` has done. */
export interface MergeSummary {
  /** Runs that came, by folder, in the order in which these were named; of a dry run, those that would come. */
  readonly came: readonly { readonly dir: string; readonly runs: number }[];
  /** Runs that were here already, equal or further on: once for each folder that has them. */
  readonly here: number;
  /** Runs that stay where they are: somebody trains them, or they are unfinished in both. */
  readonly left: number;
  /** Runs that could not come: damaged, or other numbers than here. */
  readonly problems: number;
}

/**
 * Joins the runs of copies of a study. What is here stays; what comes is checked before, and each run is claimed meanwhile.
 *
 * @throws {UserError} before anything is written, if a folder is not a copy of the study, or is named twice; later, if the study cannot be written
 */
export async function mergeStudies(options: MergeOptions): Promise<MergeSummary> {
  const { dir, experiment, signal, onMessage } = options, study = await Study.open(dir);
  const others = await openCopies(study, options), runs = await study.runs(experiment);
  await using merging = new Merging(study, runs, options);
  for (const other of others) {
    if (signal?.aborted) break;
    await merging.take(other);
  }
  const finished = (await study.readResults(experiment)).results.filter(isFinished);
  for (const line of [merging.unscoredInWords, mixedInWords(finished)]) if (line !== undefined) onMessage?.(line);
  return merging.summary;
}

/** Opens the other folders. All are checked before anything comes from one. */
async function openCopies(
  study: Study,
  { from, experiment }: Pick<MergeOptions, "from" | "experiment">,
): Promise<Study[]> {
  if (!from.length) throw new UserError(`Cannot merge into ${study.dir}: must have the folders, as --from`);
  if (from.length > MOST_COPIES) {
    throw new UserError(`Cannot merge ${from.length} folders: must be at most ${MOST_COPIES}`);
  }
  const seen = new Set<string>(), own = await realFolder(study.dir), others: Study[] = [];
  for (const dir of from) {
    const folder = await realFolder(dir),
      fail = (why: string) => new UserError(`Cannot merge ${dir} into ${study.dir}: ${why}`);
    if (folder === own) throw fail("it is the study itself, must be a copy of it");
    if (seen.has(folder)) throw fail("it is named twice, must be named once");
    seen.add(folder);
    const other = await Study.open(dir, "name the folder of a copy of this study");
    await checkCopy(study, other, experiment);
    others.push(other);
  }
  return others;
}

/** One call at work. */
class Merging implements AsyncDisposable {
  readonly #came: { dir: string; runs: number }[] = [];
  #here = 0;
  #left = 0;
  #problems = 0;
  /** Runs that are here without the score that a copy has. */
  readonly #unscored = new Set<string>();
  readonly #wouldCome = new Set<string>();
  /** Opened once there is something to write: what changes nothing writes nothing. */
  #queue: Queue | undefined;
  #heart: Disposable | undefined;

  constructor(
    private readonly study: Study,
    private readonly runs: readonly Run[],
    private readonly options: MergeOptions,
  ) {}

  /** What is to be said of them once all folders have been seen. */
  get unscoredInWords(): string | undefined {
    const { size } = this.#unscored, { study, options: { experiment } } = this;
    if (!size) return undefined;
    const runs = size === 1 ? "1 run that was already here has" : `${size} runs that were already here have`;
    return `${runs} no score here: ${commandOn("evaluate", study, experiment)} adds it`;
  }

  get summary(): MergeSummary {
    return { came: this.#came, here: this.#here, left: this.#left, problems: this.#problems };
  }

  /** Takes what a copy has. */
  async take(other: Study): Promise<void> {
    const { experiment, signal, dryRun } = this.options, { study } = this;
    const busyThere = new Set((await livingClaims(other, experiment)).map(({ key }) => key));
    const copies: Copies = { study, other, experiment, busyThere }, count = { dir: other.dir, runs: 0 };
    this.#came.push(count);
    await this.#tellUnlisted(other);
    const coming: Run[] = [];
    for (const run of this.runs) {
      if (signal?.aborted) return;
      const decision = await this.#decide(copies, run);
      if (decision) coming.push(run);
    }
    if (dryRun) count.runs = this.#countDry(coming);
    else if (coming.length) await this.#bringAll(copies, coming, count);
  }

  async #tellUnlisted({ dir }: Study): Promise<void> {
    const { experiment, onMessage } = this.options, listed = new Set(this.runs.map(({ key }) => key));
    const unlisted = (await resultKeys(dir, experiment)).filter((key) => !listed.has(key)), { length } = unlisted;
    if (!length) return;
    const stay = `of ${length === 1 ? "a run that is" : "runs that are"} not listed ${
      length === 1 ? "stays" : "stay"
    } there`;
    onMessage?.(`${plural(length, "result")} of ${dir} ${stay}: ${shortList(unlisted.map(shortKey))}`);
  }

  /** Of a dry run, how many would come: those of an earlier folder would be here by then. */
  #countDry(coming: readonly Run[]): number {
    const fresh = coming.filter(({ key }) => !this.#wouldCome.has(key));
    for (const { key } of fresh) this.#wouldCome.add(key);
    this.#here += coming.length - fresh.length;
    return fresh.length;
  }

  /** What is to come of a run, if it is; all else is counted and told. */
  async #decide(copies: Copies, run: Run): Promise<Extract<Decision, { does: "come" }> | undefined> {
    const { onMessage, onProblem } = this.options, name = `run ${shortKey(run.key)} of ${copies.other.dir}`;
    let decision: Decision | undefined;
    try {
      decision = await decide(copies, run);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#problems++;
      onProblem?.(`${messageOf(error)}; ${name} is not merged`);
      return undefined;
    }
    if (decision?.does === "come") return decision;
    if (decision?.does === "is here") {
      this.#here++;
      if (decision.isUnscored) this.#unscored.add(run.key);
    }
    if (decision?.does !== "stay") return undefined;
    if (decision.isWrong) {
      this.#problems++;
      onProblem?.(`Cannot merge ${name}: ${decision.why}`);
    } else {
      this.#left++;
      onMessage?.(`Skipped ${name}: ${decision.why}`);
    }
    return undefined;
  }

  async #bringAll(copies: Copies, coming: readonly Run[], count: { runs: number }): Promise<void> {
    const { experiment, signal, onMessage } = this.options, queue = await this.#open();
    const onWait = (held: number) => onMessage?.(waitingForOthers(held));
    const scheduler = new Scheduler(coming, { queue, experiment, signal, onWait });
    while (!signal?.aborted) {
      const [run] = await scheduler.group(1);
      if (!run) break;
      const key = claimKey(experiment, run.key);
      let isNoted = false;
      try {
        // Somebody may have trained it since, or brought it.
        const decision = await this.#decide(copies, run);
        if (!decision) continue;
        isNoted = await this.#noteAttempt(copies, run, decision);
        if (isNoted) continue;
        await bring(copies, run, decision.files, commitWhileHeld(queue, key));
        count.runs++;
      } catch (error) {
        if (!(error instanceof ClaimLost)) throw error;
        this.#leaveToOthers(copies, run);
      } finally {
        if (isNoted) await scheduler.putBack(run);
        else await scheduler.release(run);
      }
    }
    for (const run of scheduler.others) this.#leaveToOthers(copies, run);
  }

  /**
   * Notes the attempt that a result names, so that all later attempts here have higher numbers; that of this process is then too low.
   *
   * @returns whether it was noted: the run is to be claimed again
   */
  async #noteAttempt(
    { study, experiment }: Copies,
    { key }: Run,
    { files: { result } }: Extract<Decision, { does: "come" }>,
  ) {
    const { attempt } = result, own = this.#queue!.attemptOf(claimKey(experiment, key));
    if (attempt === undefined || own === undefined || attempt <= own) return false;
    const noted = { attempt, owner: result.owner ?? "of another folder", since: result["start time"] };
    await noteAttempt(study.attemptsFolder(experiment, key), noted);
    return true;
  }

  #leaveToOthers({ other }: Copies, { key }: Run): void {
    this.#left++;
    this.options.onMessage?.(`Skipped run ${shortKey(key)} of ${other.dir}: another process is using it here`);
  }

  /** First of what is written: where its place is taken, nothing else is. */
  async #open(): Promise<Queue> {
    if (this.#queue) return this.#queue;
    this.#queue = (await openStudyQueue(this.study, this.options)).queue;
    this.#heart = heartbeat(this.#queue);
    await this.study.makeRunFolders(this.options.experiment);
    await this.study.removeLeftovers();
    return this.#queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heart?.[Symbol.dispose]();
    await this.#queue?.close();
  }
}
