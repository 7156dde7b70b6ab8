/** What `status` shows of a study's jobs. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { formatDuration, plural } from "../../train/terminal/words.ts";
import { commandOn } from "../study/commands.ts";
import type { Experiment } from "../study/experiment.ts";
import { Study } from "../study/store.ts";
import { sharesInWords } from "./job_script.ts";
import { readJobs, type SlurmJob } from "./jobs_file.ts";
import { countShares, type ShareCount } from "./shares.ts";
import { askTasks, type SlurmTask } from "./tasks.ts";

/** One task of a job, and how far its share is. */
export interface JobTask extends Omit<SlurmTask, "job" | "slurm_state" | "restarts"> {
  /** In Slurm's words; absent where Slurm does not know the task any more. */
  readonly slurm_state?: string;
  readonly restarts?: number;
  /** Runs of the share, and those of them that are done. Absent where the list has been changed since. */
  readonly runs?: number;
  readonly done?: number;
}

/** One job array of a study. */
export interface JobOverview extends Pick<SlurmJob, "cluster" | "job" | "shards" | "submitted"> {
  /** Whether the study's list has been changed since: its shares are others now. */
  readonly list_changed: boolean;
  readonly tasks: readonly JobTask[];
}

/** The jobs of an experiment. */
export interface JobsOverview {
  /** The last one, and earlier ones that are still at work; the last first. */
  readonly jobs: readonly JobOverview[];
  /** Why nothing is known of them. */
  readonly problem?: string;
}

/** Looks at the jobs of an experiment; undefined where none was submitted. What goes wrong is told as a problem: the rest of a status stands without. */
export async function jobsOverview(dir: string, experiment: Experiment): Promise<JobsOverview | undefined> {
  try {
    const study = await Study.open(dir);
    const jobs = (await readJobs(study)).filter((job) => job.experiment === experiment).reverse();
    if (!jobs.length) return undefined;
    const tasks = Map.groupBy(await askTasks(jobs), ({ job }) => job);
    const shown = jobs.filter(({ job }, i) => !i || tasks.get(job)?.some(({ state }) => state !== "ended"));
    return { jobs: await Promise.all(shown.map((job) => overviewOfJob(study, job, tasks.get(job.job) ?? []))) };
  } catch (error) {
    if (error instanceof UserError) return { jobs: [], problem: messageOf(error) };
    throw error;
  }
}

async function overviewOfJob(study: Study, submitted: SlurmJob, known: readonly SlurmTask[]): Promise<JobOverview> {
  const { cluster, job, shards, experiment } = submitted;
  const { list, shares } = await countShares(study, experiment, shards);
  const list_changed = list !== submitted.list;
  const tasks = submitted.tasks.map((share): JobTask => {
    const { job: _, ...task } = known.find((task) => task.share === share) ?? { job, share, state: "ended" };
    return { ...task, ...(list_changed ? {} : countsOf(shares[share - 1])) };
  });
  return { cluster, job, shards, submitted: submitted.submitted, list_changed, tasks };
}

function countsOf({ runs, left }: ShareCount): Pick<JobTask, "runs" | "done"> {
  return { runs, done: runs - left };
}

/** What `status` prints of it. */
export function* jobLines({ jobs, problem }: JobsOverview, dir: string, experiment: Experiment): Generator<string> {
  if (problem !== undefined) yield `Slurm: ${problem}`;
  for (const { job, cluster, shards, tasks, list_changed } of jobs) {
    const changed = list_changed ? "; the list has been changed since" : "";
    yield `Slurm job ${job} on ${cluster}: ${plural(tasks.length, "task")} for ${plural(shards, "share")}${changed}`;
    for (const task of tasks.filter((task) => !isThrough(task))) {
      yield `  ${task.state.padEnd(8)} share ${task.share}${countInWords(task)}${stateInWords(task)}`;
    }
    const through = tasks.filter(isThrough).map(({ share }) => share);
    if (through.length) yield `  ended    ${sharesInWords(through)}, all runs done`;
  }
  const [last] = jobs;
  if (last && isLeftToSubmit(jobs)) {
    yield `  ${commandOn("slurm", { dir }, experiment, { shards: last.shards })} submits the runs that are left`;
  }
}

/** Whether `slurm` would submit anything: some share has runs left and no task, and no task is at work that splits the list in another way. */
function isLeftToSubmit(jobs: readonly JobOverview[]): boolean {
  const [last] = jobs, working = jobs.filter(({ tasks }) => tasks.some(({ state }) => state !== "ended"));
  if (working.some(({ shards, list_changed }) => list_changed || shards !== last.shards)) return false;
  const taken = new Set(
    working.flatMap(({ tasks }) => tasks.filter(({ state }) => state !== "ended")).map(({ share }) => share),
  );
  return jobs.some(({ tasks }) => tasks.some((task) => !isThrough(task) && !taken.has(task.share)));
}

/** Whether a task has ended, and nothing of its share is left. */
function isThrough({ state, runs, done }: JobTask): boolean {
  return state === "ended" && runs !== undefined && done === runs;
}

function countInWords({ runs, done }: JobTask): string {
  return runs === undefined ? "" : `, ${done} of ${plural(runs, "run")} done`;
}

function stateInWords({ state, slurm_state, reason, node, seconds, restarts = 0 }: JobTask): string {
  const again = restarts ? `, started again ${plural(restarts, "time")}` : "";
  const isUsual = slurm_state === undefined || slurm_state === state.toUpperCase();
  const words = isUsual ? "" : `, ${slurm_state.toLowerCase()}`;
  if (state === "ended") return `${words}${again}`;
  if (state === "pending") {
    const requeued = restarts ? `, requeued ${plural(restarts, "time")}` : "";
    return `${words}${reason === undefined ? "" : `: ${reason}`}${requeued}`;
  }
  const duration = seconds === undefined ? "" : `, for ${formatDuration(seconds)}`;
  return `${words}${node === undefined ? "" : `, on ${node}`}${duration}${again}`;
}
