/** `deno task init`: writes or extends the list of configurations. */
import { MAX_LAYERS, MAX_STATE_SIZE } from "../cells/config.ts";
import { plural } from "../train/terminal/progress.ts";
import { flag, runCommand } from "../train/terminal/command_line.ts";
import { dirFlag, experimentFlag } from "./flags.ts";
import { ensureFloors, floorsInWords } from "./floors.ts";
import { DEFAULT_CONTROLS, type Promotion } from "./promotion.ts";
import { initStudy, SPLIT_TEXT } from "./study.ts";

const flags = {
  dir: dirFlag,
  experiment: experimentFlag,
  corpus: flag.text(
    "--corpus <name|file>",
    "text to train on: 'embedded', or a file (default: the study's, else embedded)",
    undefined,
  ),
  stateSizes: flag.wholeList("--state-size <list>", "state sizes to list (default: 32,256)", undefined, MAX_STATE_SIZE),
  layers: flag.wholeList("--layers <list>", "numbers of layers to list (default: 1,2,3)", undefined, MAX_LAYERS),
  seeds: flag.whole(
    "--seeds <n>",
    "runs of each configuration, seeds 0 … n−1 (default: the study's, else 1)",
    undefined,
  ),
  steps: flag.whole("--steps <n>", "updates per run (default: 10000; 50000 for experiment 02)", undefined),
  batch: flag.whole("--batch <n>", "rows side by side (default: 256)", undefined),
  history: flag.whole("--history <n>", "bytes per pass (default: 1000)", undefined, 2),
  controls: flag.whole(
    "--controls <n>",
    "in experiment 02: configurations that were not chosen, drawn at random and trained as long, so that the report can " +
      `say how far the short ranking is to be trusted (default: the study's, else ${DEFAULT_CONTROLS})`,
    undefined,
    0,
  ),
};

/** What experiment 02 was chosen from, and its controls. */
function promotionLines({ from, controls }: Promotion): string[] {
  const shorter = from.shorter ? `; ${plural(from.shorter, "configuration")} trained for fewer steps left out` : "";
  const chosen = controls.chosen
    ? `; ${plural(controls.chosen, "former control")} chosen by the ranking as it is now`
    : "";
  return [
    `Chosen from ${plural(from.ranked.length, "configuration")} (${
      plural(from.runs, "finished run")
    }) of experiment 01${shorter}`,
    `Controls: ${controls.total} (${controls.added} new) of ${
      plural(controls.rest, "configuration")
    } that were not chosen${chosen}`,
  ];
}

if (import.meta.main) {
  const description = "Makes a study, or adds configurations to one. No configuration is ever removed. " +
    "For a study that has some, new ones need --state-size or --layers; other flags change its settings.";
  await runCommand({ name: "init", description, flags }, async (options) => {
    const { study, corpus, added, total, promotion, before } = await initStudy(options);
    const { training, seeds } = study.settings;
    const rate = corpus.entropy_rate === undefined
      ? ""
      : `, entropy rate ${corpus.entropy_rate.toFixed(4)} nats per byte (${
        (corpus.entropy_rate / Math.LN2).toFixed(4)
      } bits)`;
    const was = (old: number | undefined, now: number) => old === undefined || old === now ? "" : ` (was ${old})`;
    console.log(`Study in ${study.dir}: corpus ${corpus.name}, ${corpus.bytes} bytes (${SPLIT_TEXT})${rate}`);
    if (promotion) console.log(promotionLines(promotion).join("\n"));
    console.log(`Experiment ${options.experiment}: ${plural(added, "new configuration")}, ${total} in all`);
    const steps = training.steps[options.experiment];
    console.log(
      `Each: ${plural(seeds, "seed")}${was(before?.seeds, seeds)}, ` +
        `${plural(steps, "step")}${was(before?.training.steps[options.experiment], steps)}, ` +
        `batch ${training.batch}, history ${plural(training.history, "byte")}`,
    );
    // The study is there already: whoever ends this now loses nothing, and 'train' counts.
    const floors = await ensureFloors(study, corpus, { onDamaged: (problem) => console.error(`init: ${problem}`) });
    if (floors) console.log(`Entropy floors of the test split, nats per byte: ${floorsInWords(floors)}`);
  });
}
