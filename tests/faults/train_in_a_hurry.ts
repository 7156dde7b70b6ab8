/** What `deno task train` does, with heartbeats and checkpoints in quick succession: for tests that kill it. */
import { EXIT, flag, runCommand } from "../../train/terminal/command_line.ts";
import { stopSignal } from "../../train/terminal/stop_signal.ts";
import { ENGINE_CHOICES } from "../../experiments/engines.ts";
import { trainStudy } from "../../experiments/training.ts";

const flags = {
  dir: flag.text("--dir <path>", "the study", ""),
  engine: flag.choice("--engine <name>", "what trains", ENGINE_CHOICES, "onnx"),
  parallel: flag.whole("--parallel <n>", "runs at a time", undefined),
  steps: flag.whole("--steps <n>", "updates per run", undefined),
  beat: flag.positive("--beat <seconds>", "from one heartbeat to the next", undefined),
  stale: flag.positive("--stale <seconds>", "without a heartbeat, until a claim is taken over", undefined),
  save: flag.positive("--save <seconds>", "from one checkpoint to the next", undefined),
};

if (import.meta.main) {
  await runCommand(
    { name: "train", description: "Trains in a hurry", flags },
    async ({ dir, engine, parallel, steps, ...timing }) => {
      using stop = stopSignal();
      const summary = await trainStudy(
        { dir, experiment: "01", engine, parallel, steps, quiet: false, signal: stop.signal, timing },
      );
      console.log(JSON.stringify(summary));
      if (stop.signal.aborted) return EXIT.interrupted;
      return summary.failed || summary.problems ? EXIT.failed : EXIT.ok;
    },
  );
}
