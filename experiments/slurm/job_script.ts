/** The script of a job array, as a person would write it: task i trains share i. */
import { UserError } from "../../cells/errors.ts";
import { taskCommand } from "../../train/terminal/advice.ts";
import type { Experiment } from "../study/experiment.ts";

/** Seconds before the end at which Slurm asks a task to stop. It may do so up to a minute earlier. */
export const WARNING_SECONDS = 120;

/** What each task asks of the cluster; absent: what the cluster gives to those who do not ask. */
export interface Resources {
  readonly gpus?: number;
  /** As Slurm writes it: `4:00:00`. */
  readonly time?: string;
  readonly partition?: string;
  /** Cores. */
  readonly cpus?: number;
}

export interface JobScriptOptions {
  /** Absolute paths: of the study, of this project, and of Deno. */
  readonly study: string;
  readonly project: string;
  readonly deno: string;
  /** Where the logs go. */
  readonly logs: string;
  readonly experiment: Experiment;
  readonly name: string;
  readonly shards: number;
  /** Shares that get a task, ascending. */
  readonly tasks: readonly number[];
  readonly resources?: Resources;
  /** More flags of `train`. */
  readonly flags?: readonly string[];
  /** What trains, as the script's shell reads it; tests replace it. */
  readonly train?: string;
}

/** What trains: the task's own command, with its own permissions. */
const TRAIN = '"$deno" task --quiet train';

/**
 * The script as sbatch takes it.
 *
 * @throws {UserError} if Slurm cannot write logs in a folder of this name
 */
export function jobScript(options: JobScriptOptions): string {
  const { study, project, deno, experiment, shards, flags = [], train = TRAIN } = options;
  const of = experiment === "01" ? [] : ["--experiment", experiment];
  const more = [...of, ...flags].map((word) => ` ${word}`).join("");
  return `#!/bin/bash
# Trains experiment ${experiment} of a study in ${shards} shares: task i of this array trains share i. Made by ${
    taskCommand("slurm", {})
  };
# may be edited and submitted with sbatch. Slurm starts no task whose log it cannot write: the folder of --output must be there.
${directives(options).map((line) => `#SBATCH ${line}\n`).join("")}
study=${singleQuoted(study)}
project=${singleQuoted(project)}
deno=${singleQuoted(deno)}
cd "$project" || exit 1

# Slurm sends TERM ${
    WARNING_SECONDS / 60
  } minutes before the time is up, and where another job is to have the node. Train then
# saves and ends: it is told once, since a second TERM would end it at once.
stopped= train=
stop() {
  [ "$stopped" ] && return
  stopped=1
  [ "$train" ] && kill -TERM "$train"
}
trap stop TERM

${train} --dir "$study" --shard "$SLURM_ARRAY_TASK_ID/${shards}"${more} &
train=$!
[ "$stopped" ] && kill -TERM "$train"

# A signal ends a wait: wait until train has ended.
wait "$train"
code=$?
while kill -0 "$train" 2>/dev/null; do
  wait "$train"
  code=$?
done

# Slurm does not requeue a task that ends in time: this does. 143 says that train was stopped; where it has ended by itself, done
# or with failed runs, nothing is requeued. Neither is a task that was cancelled, or that Slurm has started again by now.
if [ "$stopped" ] && [ "$code" -eq 143 ]; then
  trap '' TERM
  task=\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  scontrol show job "$task" | grep -q " Restarts=\${SLURM_RESTART_COUNT:-0} " && scontrol requeue Incomplete "$task"
fi
exit "$code"
`;
}

function directives(
  { logs, name, tasks, resources: { gpus, time, partition, cpus } = {} }: JobScriptOptions,
): string[] {
  const asked = (flag: string, value: string | number | undefined) => value === undefined ? [] : [`--${flag}=${value}`];
  return [
    `--job-name=${name}`,
    `--array=${rangesOf(tasks)}`,
    "--ntasks=1",
    ...asked("cpus-per-task", cpus),
    ...asked("gres", gpus === undefined ? undefined : `gpu:${gpus}`),
    ...asked("time", time),
    ...asked("partition", partition),
    `--output=${logPattern(logs)}`,
    "--open-mode=append",
    "--requeue",
    `--signal=B:TERM@${WARNING_SECONDS}`,
  ];
}

/** Numbers as an array takes them: `1-3,7`. @param numbers ascending */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`).join(",");
}

/** `share 2`, `shares 1-3,7`. */
export function sharesInWords(shares: readonly number[]): string {
  return `${shares.length === 1 ? "share" : "shares"} ${rangesOf(shares)}`;
}

/** In the name of a log `%` begins a field of Slurm's, and a backslash anywhere takes the meaning from all of them. */
function logPattern(folder: string): string {
  if (/[\\\n\r]/.test(folder)) {
    throw new UserError(
      `Cannot write a job script for ${
        JSON.stringify(folder)
      }: Slurm writes no logs below a folder with a backslash or a ` +
        "line break in its name; rename it",
    );
  }
  return `"${folder.replaceAll("%", "%%").replaceAll('"', '\\"')}/%A_%a.log"`;
}

/** A word that bash takes as it stands. */
function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
