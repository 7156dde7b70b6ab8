/** What `deno task slurm` does, with tasks that save in quick succession. */
import { submitJobs } from "../../../experiments/slurm/submit.ts";
import { runCommand } from "../../../train/terminal/command_line.ts";
import { flag } from "../../../train/terminal/flag.ts";
import { print } from "../../../train/terminal/output.ts";
import { Training } from "../processes.ts";

const flags = {
  dir: flag.text("--dir <path>", "the study", ""),
  shards: flag.whole("--shards <K>", "tasks", 1, { most: 100 }),
};

if (import.meta.main) {
  await runCommand({ name: "slurm", description: "Submits with short intervals", flags }, async ({ dir, shards }) => {
    const train = Training.commandAtShortIntervals;
    await submitJobs({ dir, experiment: "01", shards, resources: { time: "1:00:00" }, train, onMessage: print });
  });
}
