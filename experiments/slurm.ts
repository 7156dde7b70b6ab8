/** `deno task slurm`: trains a study on a Slurm cluster, as one job array. */
import { UserError } from "../cells/errors.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { flag } from "../train/terminal/flag.ts";
import { print, printError } from "../train/terminal/output.ts";
import { engineChoices, ENGINES } from "../train/engines/registry.ts";
import { MOST_PARALLEL } from "./session/capacity.ts";
import { experimentFlag } from "./flags.ts";
import { dirFlag } from "./place_flags.ts";
import { WARNING_SECONDS } from "./slurm/job_script.ts";
import { SBATCH, submitJobs } from "./slurm/submit.ts";
import { parseTime } from "./slurm/tasks.ts";
import { MOST_SHARDS } from "./study/shard.ts";

/** Below this a task would be told to stop as soon as it has begun. */
const LEAST_MINUTES = WARNING_SECONDS / 60 + 3;

/** More than a node has. */
const MOST_GPUS = 64, MOST_CPUS = 4096;

const timeFlag = flag.text(
  "--time <time>",
  "time that a task trains before it saves and is requeued, in Slurm's format, e.g. 4:00:00 (default: the partition's)",
  undefined,
);

const partitionFlag = flag.text(
  "--partition <name>",
  "partition that tasks run in (default: the cluster's)",
  undefined,
);

/** What the command line takes. */
export const flags = {
  dir: dirFlag,
  experiment: experimentFlag,
  shards: flag.whole(
    "--shards <K>",
    "number of tasks in the job array (required); each trains a share of about the same cost",
    undefined,
    {
      most: MOST_SHARDS,
    },
  ),
  gpus: flag.whole("--gpus <n>", "GPUs per task (default: none requested)", undefined, { most: MOST_GPUS }),
  cpus: flag.whole("--cpus <n>", "cores per task (default: the cluster's)", undefined, { most: MOST_CPUS }),
  time: {
    ...timeFlag,
    parse(text: string) {
      const seconds = parseTime(text, "minutes");
      if (seconds !== undefined && seconds >= 60 * LEAST_MINUTES) return text.trim();
      throw new Error(
        `must be a time in Slurm's format, e.g. 4:00:00 or 1-12:00:00, of at least ${LEAST_MINUTES} minutes: tasks are ` +
          `told to stop ${WARNING_SECONDS / 60} to ${WARNING_SECONDS / 60 + 1} minutes before`,
      );
    },
  },
  partition: {
    ...partitionFlag,
    parse(text: string) {
      if (/^[\w.,+-]+$/.test(text)) return text;
      throw new Error("must be the name of a partition, or several separated by commas");
    },
  },
  engine: flag.choice("--engine <name>", "as for train", engineChoices(ENGINES), undefined),
  parallel: flag.whole("--parallel <n>", "as for train: runs at a time in each task", undefined, {
    most: MOST_PARALLEL,
  }),
  dryRun: flag.on("--dry-run", "print the job script and submit nothing"),
};

if (import.meta.main) {
  const description =
    "Submits one job array to Slurm: task i trains share i, saves when Slurm asks it to stop, and is requeued. Run it again to submit the runs that are left.";
  await runCommand(
    { name: "slurm", description, flags, printsData: true },
    async ({ dir, experiment, shards, dryRun, engine, parallel, ...resources }) => {
      if (shards === undefined) {
        throw new UserError("Cannot submit without --shards: must have the number of tasks, e.g. --shards 3");
      }
      const given = (name: string, value: string | number | undefined) => value === undefined ? [] : [name, `${value}`];
      const { script } = await submitJobs({
        dir,
        experiment,
        shards,
        resources,
        flags: [...given("--engine", engine), ...given("--parallel", parallel)],
        dryRun,
        onMessage: dryRun ? printError : print,
      });
      // Standard output alone is a script that sbatch takes.
      if (dryRun && script !== undefined) {
        print(`${script}# Submitted by: ${SBATCH.join(" ")}, with this script as its standard input`);
      }
    },
  );
}
