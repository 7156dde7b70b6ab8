/** `slurm_jobs.json`: what has been submitted of a study. */
import * as z from "zod";
import { parseWith } from "../../cells/config.ts";
import { advised, readJson, writeAtomically } from "../study/files.ts";
import { checkReplaceable } from "../study/ownership.ts";
import { EXPERIMENTS } from "../study/experiment.ts";
import { MOST_SHARDS } from "../study/shard.ts";
import type { StudyPaths } from "../study/paths.ts";

const count = z.int().min(1);

const jobSchema = z.strictObject({
  /** The cluster's name: numbers of jobs are its own. */
  cluster: z.string().min(1),
  /** The array's number. */
  job: count,
  /** Its name: numbers come again in time. */
  name: z.string().min(1),
  experiment: z.enum(EXPERIMENTS),
  /** Into how many shares the list was split. */
  shards: count.max(MOST_SHARDS),
  /** The shares that have a task, ascending. */
  tasks: z.array(count).min(1).refine((tasks) => tasks.every((task, i) => !i || task > tasks[i - 1]), "must ascend"),
  /** Names the runs and their costs, from which the shares follow. */
  list: z.string().regex(/^[0-9a-f]{64}$/),
  /** Unix seconds. */
  submitted: z.number().nonnegative(),
}).refine(({ shards, tasks }) => tasks.at(-1)! <= shards, "has a task above its number of shares");

const fileSchema = z.object({ cellspace_slurm: z.literal(1), jobs: z.array(jobSchema) });

/** One submitted job array. */
export type SlurmJob = z.infer<typeof jobSchema>;

/**
 * The jobs of a study, the oldest first; none where nothing was ever submitted.
 *
 * @throws {UserError} if the file is damaged
 */
export async function readJobs({ slurmJobsPath: path }: StudyPaths): Promise<SlurmJob[]> {
  return await advised("fix it; or cancel this study's jobs that squeue shows, and move it away", async () => {
    const value = await readJson(path);
    return value === undefined ? [] : parseWith(fileSchema, value, path).jobs;
  });
}

/** @throws {WriteFailure} if somebody else's file is in its place */
export function checkJobsPlace({ slurmJobsPath: path }: StudyPaths): void {
  checkReplaceable(path);
}

/** @throws {WriteFailure} if it cannot be written */
export async function writeJobs({ slurmJobsPath: path }: StudyPaths, jobs: readonly SlurmJob[]): Promise<void> {
  checkReplaceable(path);
  await writeAtomically(path, JSON.stringify({ cellspace_slurm: 1, jobs }, null, 2) + "\n");
}
