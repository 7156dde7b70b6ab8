/** `deno task train`: trains what is not yet trained, exports it as ONNX, and scores it on the test and the validation split. */
import { runCommand } from "../train/terminal/command_line.ts";
import { EXIT, flag } from "../train/terminal/flag.ts";
import { experimentFlag, ofSpace, onlyFlag, scoreFlags, shardFlag } from "./flags.ts";
import { dirFlag, nodeLocalFlag } from "./place_flags.ts";
import { queueFlag, queueOf } from "./queue/queue_flag.ts";
import { gpuFlag } from "./gpus.ts";
import { formatDuration, plural } from "../train/terminal/words.ts";
import { BUDGETS, LIMITS } from "../train/training/settings.ts";
import { stopSignal } from "../train/terminal/stop_signal.ts";
import type { EngineEntry } from "../train/engines/engine.ts";
import { describeAuto, describeParallel, engineChoices, ENGINES } from "../train/engines/registry.ts";
import { trainingDisplay } from "./display.ts";
import { MOST_PARALLEL } from "./session/capacity.ts";
import { commandOn } from "./study/commands.ts";
import { MOST_RUNS } from "./study/grid.ts";
import { shortKey } from "./study/run_key.ts";
import type { Experiment } from "./study/experiment.ts";
import { selectionLine } from "./study/selection.ts";
import { trainStudy } from "./session/training.ts";
import { print, printError } from "../train/terminal/output.ts";

/** The flags that depend on what engines there are. */
export const engineFlags = <E extends EngineEntry>(engines: readonly E[]) => ({
  parallel: flag.whole("--parallel <n>", `runs at a time: ${describeParallel(engines)}`, undefined, {
    most: MOST_PARALLEL,
  }),
  engine: flag.choice(
    "--engine <name>",
    `engine that trains; auto is ${describeAuto(engines)}`,
    engineChoices(engines),
    "auto",
  ),
});

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  ...engineFlags(ENGINES),
  gpu: gpuFlag,
  steps: flag.whole(
    "--steps <n>",
    "updates per run at one step back, for this call (default: the study's)",
    undefined,
    {
      most: LIMITS.steps,
    },
  ),
  budget: flag.choice(
    "--budget <kind>",
    "what is equal for all runs, whatever their steps back: the tokens that they read, or their updates, for this call; default: the study's",
    BUDGETS,
    undefined,
  ),
  shard: shardFlag,
  queue: queueFlag,
  retrainLost: flag.on(
    "--retrain-lost",
    "train runs again that the server of --queue records as trained in another folder, because that folder is lost",
  ),
  nodeLocal: nodeLocalFlag,
  limit: flag.whole("--limit <n>", "train at most this many runs", undefined, { most: MOST_RUNS }),
  only: onlyFlag("train only these", space),
  ...scoreFlags,
  retryFailed: flag.on("--retry-failed", "train runs that diverged (NaN or Inf) again"),
  quiet: flag.on("--quiet", "print nothing but errors"),
}));

/** What to do about runs that lie in other folders. */
function elsewhereLine(
  runs: number,
  { dir, experiment }: { readonly dir: string; readonly experiment: Experiment },
): string {
  return `${plural(runs, "run")} skipped, since they are trained in other folders: ${
    commandOn("merge", { dir }, experiment, { from: "FOLDER" })
  } merges them; if the folder is lost, --retrain-lost trains them here`;
}

if (import.meta.main) {
  const description =
    "Trains the runs that are not yet trained. Can be stopped with Ctrl-C and resumed, and several processes can train at once.";
  await runCommand({ name: "train", description, flags }, async ({ gpu: _, ...options }) => {
    // A share needs no queue, whatever the environment says of one.
    const queue = options.shard ? options.queue : queueOf(options);
    using stop = stopSignal();
    using display = trainingDisplay("train", options);
    const summary = await trainStudy({ ...options, queue, ...display, signal: stop.signal });
    display.stop();
    const { finished, failed, problems, interrupted, others, elsewhere, seconds } = summary;
    if (!options.quiet) {
      if (options.only) print(selectionLine(options.only));
      const trouble = problems ? `, ${problems} with problems` : "";
      print(`${plural(finished, "run")} finished, ${failed} failed${trouble}, in ${formatDuration(seconds)}`);
      if (others) print(`${plural(others, "run")} left to other processes`);
      if (elsewhere) print(elsewhereLine(elsewhere, options));
    }
    if (!stop.signal.aborted) return failed || problems ? EXIT.failed : EXIT.ok;
    const left = interrupted.length ? `; not finished: ${interrupted.map(shortKey).join(", ")}` : "";
    printError(`train: stopped${left}; run the same command to go on`);
    return stop.exitCode;
  });
}
