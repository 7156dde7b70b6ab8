/** Tasks of job arrays, as squeue tells of them. */
import { askSlurm, SlurmError } from "./programs.ts";
import type { SlurmJob } from "./jobs_file.ts";

/** A task that Slurm knows. */
export interface SlurmTask {
  /** The array's number, and the index in it: the share. */
  readonly job: number;
  readonly share: number;
  /** Pending ones wait, also to be started again; ended ones do no more, for whatever reason. */
  readonly state: "pending" | "running" | "ended";
  /** The state in Slurm's words, e.g. `COMPLETING`. */
  readonly slurm_state: string;
  /** Why it does not run; absent where Slurm gives no reason. */
  readonly reason?: string;
  readonly node?: string;
  /** For how long it has been running. */
  readonly seconds?: number;
  /** How often it was started again. */
  readonly restarts: number;
}

const PENDING = /^(PENDING|CONFIGURING|REQUEUE\w*|RESV_DEL_HOLD|SPECIAL_EXIT)$/;
const ENDED = /^(BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|REVOKED|TIMEOUT)$/;

/** What squeue is asked for, in this order, each as wide as it gets. */
const FIELDS = ["ArrayJobID", "ArrayTaskID", "State", "RestartCnt", "TimeUsed", "NodeList", "Name", "Reason"] as const;
const FORMAT = FIELDS.map((field) => `${field}:200|`).join(",");

/**
 * Asks for the tasks of jobs. Slurm forgets those that have ended after a while.
 *
 * @throws {UserError} if squeue is not here, or Slurm does not answer
 */
export async function askTasks(jobs: readonly SlurmJob[]): Promise<SlurmTask[]> {
  if (!jobs.length) return [];
  const numbers = jobs.map(({ job }) => job).join(","), doing = "show the study's jobs";
  const args = ["--noheader", "--array", "--states=all", `--jobs=${numbers}`, `--Format=${FORMAT}`];
  try {
    return parseTasks(await askSlurm({ program: "squeue", args, doing }), jobs);
  } catch (error) {
    // So squeue says where it knows none of them any more.
    if (error instanceof SlurmError && /invalid job id/i.test(error.message)) return [];
    throw error;
  }
}

/**
 * Reads what squeue prints.
 *
 * @param jobs those that are meant: others of the same number, of another cluster or of later, have another name
 */
export function parseTasks(text: string, jobs: readonly SlurmJob[]): SlurmTask[] {
  const names = new Map(jobs.map(({ job, name }) => [job, name]));
  return text.split("\n").flatMap((line) => {
    const [job, share, state, restarts, time, node, name, reason] = line.split("|").map((part) => part.trim());
    if (reason === undefined || names.get(Number(job)) !== name || !/^\d+$/.test(share)) return [];
    const seconds = parseTime(time);
    return [{
      job: Number(job),
      share: Number(share),
      state: PENDING.test(state) ? "pending" : ENDED.test(state) ? "ended" : "running",
      slurm_state: state,
      restarts: Number(restarts) || 0,
      ...(reason && reason !== "None" ? { reason } : {}),
      ...(node ? { node } : {}),
      ...(seconds === undefined ? {} : { seconds }),
    }];
  });
}

/**
 * A time as Slurm writes it: `3` and `3:00` are three minutes, `4:00:00` four hours, `1-0` a day.
 *
 * @returns seconds; undefined where it is none
 */
export function parseTime(text: string, unitOfOne: "minutes" | "seconds" = "seconds"): number | undefined {
  const [, days, first, second, third] = /^(?:(\d+)-)?(\d+)(?::(\d\d))?(?::(\d\d))?$/.exec(text.trim()) ?? [];
  if (first === undefined) return undefined;
  const parts = [first, second, third].filter((part) => part !== undefined).map(Number);
  if (days !== undefined) {
    const [hours, minutes = 0, seconds = 0] = parts;
    return ((Number(days) * 24 + hours) * 60 + minutes) * 60 + seconds;
  }
  if (parts.length === 1) return unitOfOne === "minutes" ? parts[0] * 60 : parts[0];
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}
