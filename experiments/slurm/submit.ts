/** What `slurm` does: submits one job array for the shares that have runs left and no task at work. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { projectFolder } from "../../train/process/folders.ts";
import { plural } from "../../train/terminal/words.ts";
import { resolve } from "node:path";
import { commandOn } from "../study/commands.ts";
import { makeFolder } from "../study/files.ts";
import { lockStudy } from "../study/lock.ts";
import type { Experiment } from "../study/experiment.ts";
import { Study } from "../study/store.ts";
import { jobScript, type Resources, sharesInWords } from "./job_script.ts";
import { checkJobsPlace, readJobs, type SlurmJob, writeJobs } from "./jobs_file.ts";
import { askCluster, askSlurm, type Cluster, NoSlurm } from "./programs.ts";
import { countShares, type Shares } from "./shares.ts";
import { askTasks, type SlurmTask } from "./tasks.ts";

export interface SubmitOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  readonly shards: number;
  readonly resources?: Resources;
  /** More flags of `train`. */
  readonly flags?: readonly string[];
  /** Only makes the script; where there is no Slurm, as if nothing had been submitted. */
  readonly dryRun?: boolean;
  /** See {@linkcode jobScript}. */
  readonly train?: string;
  /** Called with a line for people. */
  readonly onMessage?: (line: string) => void;
}

/** What a call has submitted. */
export interface Submission {
  /** Absent where nothing is left to submit. */
  readonly script?: string;
  /** Shares that have got a task; none where nothing is left to submit. */
  readonly tasks: readonly number[];
  /** The array's number; absent where nothing was submitted. */
  readonly job?: number;
}

/** How sbatch is called; it reads the script from its standard input. */
export const SBATCH = ["sbatch", "--parsable"] as const;

/**
 * Submits what is left of an experiment. Where sbatch fails, nothing is recorded.
 *
 * @throws {UserError} if the study has no runs, Slurm refuses or does not answer, there are more shares than an array may have tasks, or tasks are
 * at work that split the list in another way
 */
export async function submitJobs(options: SubmitOptions): Promise<Submission> {
  const { dir, experiment, shards, dryRun, onMessage } = options;
  const study = await Study.open(dir);
  if (dryRun) return await submitLocked(options, study);
  using _lock = await lockStudy(dir, onMessage);
  const submission = await submitLocked(options, study);
  if (submission.job !== undefined) {
    const { job, tasks } = submission;
    onMessage?.(
      `Submitted job ${job}: ${plural(tasks.length, "task")} for ${sharesInWords(tasks)} of ${shards}; ` +
        `${commandOn("status", { dir }, experiment)} shows them, logs are in ${study.slurmFolder}`,
    );
  }
  return submission;
}

async function submitLocked(options: SubmitOptions, study: Study): Promise<Submission> {
  const { dir, experiment, shards, dryRun, onMessage } = options;
  const doing = `submit experiment ${experiment} of ${dir}`;
  const shares = await countShares(study, experiment, shards);
  if (!shares.shares.some(({ runs }) => runs)) {
    throw new UserError(
      `Cannot ${doing}: it has no configurations; run ${commandOn("init", { dir }, experiment)}`,
    );
  }
  for (const problem of shares.problems) onMessage?.(problem);
  const jobs = await readJobs(study);
  const { cluster, working } = await lookAtCluster(jobs, options, doing);
  checkSplit(working, jobs, shares, options, doing);
  const tasks = tasksToSubmit(shares, working, options);
  if (!tasks.length) return { tasks };
  const name = `cellspace-${experiment}-${shares.list.slice(0, 8)}`;
  const script = jobScript({
    ...options,
    study: resolve(dir),
    project: projectFolder(),
    deno: Deno.execPath(),
    logs: resolve(study.slurmFolder),
    name,
    tasks,
  });
  if (dryRun || !cluster) return { script, tasks };
  checkJobsPlace(study);
  // Slurm starts no task whose log it cannot write.
  await makeFolder(study.slurmFolder);
  const [program, ...args] = SBATCH, printed = await askSlurm({ program, args, doing, input: script });
  const job = Number(/^\d+/.exec(printed)?.[0]);
  const { list } = shares, submitted = Date.now() / 1000;
  try {
    if (!job) throw new Error(`sbatch printed no job number: ${printed.trim()}`);
    await writeJobs(study, [...jobs, { cluster: cluster.name, job, name, experiment, shards, tasks, list, submitted }]);
  } catch (error) {
    throw new UserError(
      `Cannot record job ${job || "that was submitted"}: ${
        messageOf(error)
      }; cancel it with scancel, and submit it again`,
    );
  }
  return { script, tasks, job };
}

/** A cluster, and the tasks of these jobs that are not through. */
interface Look {
  /** Absent where there is none, and none is needed. */
  readonly cluster?: Cluster;
  readonly working: readonly SlurmTask[];
}

async function lookAtCluster(
  jobs: readonly SlurmJob[],
  { experiment, shards, dryRun, onMessage }: SubmitOptions,
  doing: string,
): Promise<Look> {
  try {
    const cluster = await askCluster(doing);
    if (shards >= cluster.max_array_size) {
      throw new UserError(
        `Cannot ${doing} in ${shards} shares: MaxArraySize of cluster ${cluster.name} is ${cluster.max_array_size}, ` +
          `so --shards must be at most ${cluster.max_array_size - 1}`,
      );
    }
    const own = jobs.filter((job) => job.experiment === experiment && job.cluster === cluster.name);
    for (const job of jobs.filter((job) => job.experiment === experiment && job.cluster !== cluster.name)) {
      onMessage?.(
        `job ${job.job} was submitted on cluster ${job.cluster}, this is ${cluster.name}: it was not checked`,
      );
    }
    return { cluster, working: (await askTasks(own)).filter(({ state }) => state !== "ended") };
  } catch (error) {
    if (!dryRun || !(error instanceof NoSlurm)) throw error;
    onMessage?.("Slurm is not installed on this machine: pending and running tasks were not checked");
    return { working: [] };
  }
}

/** Shares of one list and number are apart from each other; those of another are not. */
function checkSplit(
  working: readonly SlurmTask[],
  jobs: readonly SlurmJob[],
  { list }: Shares,
  { shards }: SubmitOptions,
  doing: string,
): void {
  for (const { job, share, state } of working) {
    const of = jobs.find((submitted) => submitted.job === job)!;
    const why = of.shards !== shards
      ? `split the list into ${of.shards} shares, not ${shards}`
      : of.list !== list
      ? "split another list: the list has changed since"
      : undefined;
    if (why === undefined) continue;
    const tasks = working.filter((task) => task.job === job).length;
    throw new UserError(
      `Cannot ${doing}: job ${job} has ${
        plural(tasks, "task")
      } pending or running (task ${share} is ${state}) that ${why}; ` +
        `wait for them, or cancel them with scancel ${job}`,
    );
  }
}

/** The shares that are to get a task; says which get none, and why. */
function tasksToSubmit(
  { shares }: Shares,
  working: readonly SlurmTask[],
  { shards, onMessage }: SubmitOptions,
): number[] {
  const taken = new Map(working.map(({ share, job }) => [share, job]));
  const done = shares.filter(({ left }) => !left).map(({ share }) => share);
  const atWork = shares.filter(({ share, left }) => left && taken.has(share)).map(({ share }) => share);
  const rest = shares.filter(({ share, left }) => left && !taken.has(share)).map(({ share }) => share);
  const all = shares.every(({ left }) => !left);
  if (all) onMessage?.("All runs are done");
  else if (done.length) onMessage?.(`${sharesInWords(done)} of ${shards}: no runs left, no task is submitted`);
  if (atWork.length) {
    const jobs = [...new Set(atWork.map((share) => taken.get(share)!))].join(", ");
    onMessage?.(
      `${sharesInWords(atWork)} of ${shards}: pending or running in job ${jobs}, no further task is submitted`,
    );
  }
  if (!rest.length) onMessage?.("Nothing is left to submit");
  return rest;
}
