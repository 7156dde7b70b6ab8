/** What `deno task train` does, with heartbeats and checkpoints in quick succession: for tests that kill it. */
import { trainingDisplay } from "../../experiments/display.ts";
import { queueFlag, queueOf } from "../../experiments/queue/queue_flag.ts";
import { runCommand } from "../../train/terminal/command_line.ts";
import { EXIT, flag } from "../../train/terminal/flag.ts";
import { LIMITS } from "../../train/training/settings.ts";
import { print } from "../../train/terminal/output.ts";
import { stopSignal } from "../../train/terminal/stop_signal.ts";
import { engineChoices, ENGINES } from "../../train/engines/registry.ts";
import { shardFlag } from "../../experiments/flags.ts";
import { trainStudy } from "../../experiments/session/training.ts";

const flags = {
  dir: flag.text("--dir <path>", "the study", ""),
  queue: queueFlag,
  engine: flag.choice("--engine <name>", "engine that trains", engineChoices(ENGINES), "onnx"),
  parallel: flag.whole("--parallel <n>", "runs at a time", undefined, { most: 100 }),
  steps: flag.whole("--steps <n>", "updates per run", undefined, { most: LIMITS.steps }),
  shard: shardFlag,
  beat: flag.positive("--beat <seconds>", "from one heartbeat to the next", undefined, { most: 1000 }),
  stale: flag.positive("--stale <seconds>", "without a heartbeat, until a claim is taken over", undefined, {
    most: 1000,
  }),
  save: flag.positive("--save <seconds>", "from one checkpoint to the next", undefined, { most: 1000 }),
};

if (import.meta.main) {
  await runCommand(
    { name: "train", description: "Trains with short intervals", flags },
    async ({ dir, queue, engine, parallel, steps, shard, ...timing }) => {
      using stop = stopSignal();
      using display = trainingDisplay("train");
      const summary = await trainStudy(
        {
          dir,
          experiment: "01",
          queue: shard ? queue : queueOf({ queue }),
          engine,
          parallel,
          steps,
          shard,
          signal: stop.signal,
          timing,
          ...display,
        },
      );
      print(JSON.stringify(summary));
      if (stop.signal.aborted) return stop.exitCode;
      return summary.failed || summary.problems ? EXIT.failed : EXIT.ok;
    },
  );
}
