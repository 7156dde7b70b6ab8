/** `deno task init`: writes or extends the list of configurations. */
import { dirFlag, experimentFlag, flag, runCommand } from "../train/terminal/command_line.ts";
import { initStudy, SPLIT_TEXT } from "./study.ts";

const flags = {
  dir: dirFlag,
  experiment: experimentFlag,
  corpus: flag.text(
    "--corpus <name|file>",
    "text to train on: 'embedded', or a file (default: the study's, else embedded)",
    undefined,
  ),
  stateSizes: flag.wholeList("--state-size <list>", "state sizes to list (default: 32,256)", undefined),
  layers: flag.wholeList("--layers <list>", "numbers of layers to list (default: 1,2,3)", undefined),
  seeds: flag.whole(
    "--seeds <n>",
    "runs of each configuration, seeds 0 … n−1 (default: the study's, else 1)",
    undefined,
  ),
  steps: flag.whole("--steps <n>", "updates per run (default: 10000; 50000 for experiment 02)", undefined),
  batch: flag.whole("--batch <n>", "rows side by side (default: 256)", undefined),
  history: flag.whole("--history <n>", "bytes per pass (default: 1000)", undefined, 2),
};

if (import.meta.main) {
  const description = "Makes a study, or adds configurations to one. Nothing that is there is changed or removed.";
  await runCommand({ name: "init", description, flags }, async (options) => {
    const { study, corpus, added, total, chosenFrom } = await initStudy(options);
    const { training, seeds } = study.settings;
    const rate = corpus.entropy_rate === undefined
      ? ""
      : `, entropy rate ${corpus.entropy_rate.toFixed(4)} nats per byte (${
        (corpus.entropy_rate / Math.LN2).toFixed(4)
      } bits)`;
    console.log(`Study ${study.dir}: corpus ${corpus.name}, ${corpus.bytes} bytes (${SPLIT_TEXT})${rate}`);
    if (chosenFrom !== undefined) console.log(`Chosen from ${chosenFrom} finished runs of experiment 01`);
    console.log(`Experiment ${options.experiment}: ${added} new configurations, ${total} in all`);
    console.log(
      `Each: ${seeds} seed${seeds > 1 ? "s" : ""}, ${training.steps[options.experiment]} steps, ` +
        `batch ${training.batch}, history ${training.history} bytes`,
    );
  });
}
