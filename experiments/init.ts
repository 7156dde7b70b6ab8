/** `deno task init`: writes or extends the list of configurations. */
import { BUDGETS, DEFAULT_BUDGET, LIMITS } from "../train/training/settings.ts";
import type { StepsBack } from "../cells/config.ts";
import { unitOf } from "../cells/unit.ts";
import { type Corpus, CORPUS_NAMES } from "../train/corpus/corpus.ts";
import { MOST_LEARNED_BYTES } from "../train/corpus/tokens/learn.ts";
import { plural } from "../train/terminal/words.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { flag } from "../train/terminal/flag.ts";
import { Stopped, stopSignal } from "../train/terminal/stop_signal.ts";
import { fetchShown } from "./study/fetching.ts";
import { checkFlags, experimentFlag, levelFlags, levelsIn, ofSpace, onlyFlag } from "./flags.ts";
import { dirFlag } from "./place_flags.ts";
import { countingDisplay } from "./display.ts";
import { addedRuns, announcePlan } from "./session/init_plan.ts";
import { MOST_CONFIGS, MOST_LEVELS, MOST_RUNS } from "./study/grid.ts";
import { otherCellNames, parseCellName } from "./study/named_cells.ts";
import { type ParameterTarget, parseParameters } from "./study/parameters.ts";
import { baselinesInWords, ensureBaselines } from "./study/ngram_baselines.ts";
import { DEFAULT_CONTROLS, type Promotion } from "./study/promotion.ts";
import { budgetLines, stepsAskedInWords } from "./study/equal_runs.ts";
import { commandOn } from "./study/commands.ts";
import type { Experiment } from "./study/experiment.ts";
import type { StudySettings } from "./study/schema.ts";
import { DEFAULT_SEEDS } from "./study/default_settings.ts";
import { type InitPlan, initStudy, planInit, SPLIT_TEXT } from "./study/init_study.ts";
import { flagsInWords } from "./study/levels.ts";
import { parseTokens } from "./study/text.ts";
import { stepsBackAmong } from "./study/training_settings.ts";
import { rankedInWords } from "./study/validation.ts";
import { printError, printText } from "../train/terminal/output.ts";

/** What the command line takes. */
export const flags = ofSpace((space) =>
  checkFlags(space, {
    dir: dirFlag,
    experiment: experimentFlag,
    corpus: flag.text(
      "--corpus <name|file>",
      `text to train on: ${
        CORPUS_NAMES.join(", ")
      }, or a file; a named corpus is downloaded if it is not in the cache (default: the study's, else embedded)`,
      undefined,
    ),
    space: flag.text(
      "--space <file>",
      "module that defines your own space: factors and a cell, or more cells; the study keeps a copy (default: the study's, else the gated cell's)",
      undefined,
    ),
    ...levelFlags(space),
    cells: flag.list(
      "--cells <list>",
      `list only these cells, as baselines (${
        otherCellNames(space).join(", ")
      }), at the given levels, sizes and learning rates; by default at those of the study's list`,
      (text) => parseCellName(text, space),
      MOST_LEVELS,
    ),
    parameters: {
      usage: "--parameters <number>",
      help:
        "give each configuration the state size (a multiple of 4) whose number of parameters is nearest to this: 700000, 700k, 1.2M, " +
        "or like:ID, the number of the listed configuration whose id begins with ID",
      parse: parseParameters,
      fallback: undefined as ParameterTarget | undefined,
    },
    only: onlyFlag(
      "in a new study: which combinations to list; in an existing one: which of its configurations to list again (only its own " +
        "cell, unless this names cell), or, if no levels are given, which combinations of its levels to add",
      space,
    ),
    best: flag.whole(
      "--best <n>",
      "in an existing study: list its n best configurations by mean validation score over seeds again, at the levels that other flags give",
      undefined,
      { most: MOST_CONFIGS },
    ),
    seeds: flag.whole(
      "--seeds <n>",
      `runs of each configuration, seeds 0 … n−1; one seed gives no confidence intervals (default: the study's, else ${DEFAULT_SEEDS})`,
      undefined,
      { most: LIMITS.seeds, note: "this is the number of seeds, not a list of them" },
    ),
    steps: flag.whole(
      "--steps <n>",
      "updates per run at one step back (default: 10000; 50000 for experiment 02)",
      undefined,
      { most: LIMITS.steps },
    ),
    budget: flag.choice(
      "--budget <kind>",
      "what is equal for all runs, whatever their steps back: 'tokens' read (more steps back then make fewer updates), or " +
        `'updates', the number of --steps; default: the study's, else ${DEFAULT_BUDGET}`,
      BUDGETS,
      undefined,
    ),
    batch: flag.whole("--batch <n>", "batch size (parallel sequences; default: 256)", undefined, {
      most: LIMITS.batch,
    }),
    history: flag.whole(
      "--history <n>",
      "sequence length in tokens, before the state is reset (default: 1000)",
      undefined,
      {
        least: 2,
        most: LIMITS.history,
      },
    ),
    tokens: {
      usage: "--tokens <kind>",
      help:
        "what models read: 'bytes', or byte-pair tokens such as 'bpe:1024' (vocabulary 257 to 65536), which are learned from the " +
        "training split and saved in tokenizer.json (default: the study's, else bytes)",
      parse: parseTokens,
      fallback: undefined as number | undefined,
    },
    controls: flag.whole(
      "--controls <n>",
      "in experiment 02: number of configurations drawn at random from those not promoted and trained for as long, so that the report can " +
        `say whether short runs predict long ones (default: the study's, else ${DEFAULT_CONTROLS})`,
      undefined,
      { least: 0, most: MOST_RUNS },
    ),
    yes: flag.on("--yes", "list runs even if they take more than a day on this machine"),
    dryRun: flag.on("--dry-run", "print what would be listed, and change nothing"),
  })
);

/** What experiment 02 was chosen from, and its controls. */
function promotionLines({ from, controls }: Promotion, study: Pick<InitPlan, "dir" | "settings">): string[] {
  const shorter = from.shorter ? `; ${plural(from.shorter, "configuration")} with fewer training steps left out` : "";
  const chosen = controls.chosen
    ? `; ${plural(controls.chosen, "former control")} chosen by the ranking as it is now`
    : "";
  return [
    `Chosen from ${plural(from.ranked.length, "configuration")} (${
      plural(from.runs, "finished run")
    }) of experiment 01${shorter}, ${rankedInWords(from, study)}`,
    `Controls: ${controls.total} (${controls.added} new) of ${
      plural(controls.rest, "configuration")
    } that were not chosen${chosen}`,
  ];
}

/** What models read instead of bytes. */
function tokenLine({ name, split }: NonNullable<StudySettings["tokens"]>, { train }: Corpus): string {
  const learned = train.length > MOST_LEARNED_BYTES
    ? `${MOST_LEARNED_BYTES} bytes of the training split, in blocks spread over it`
    : "the training split";
  return `Tokens: ${name}, learned from ${learned}; ${(train.length / split.train).toFixed(2)} bytes per token there`;
}

/** Says how many updates runs get, where they go several steps back or a budget was asked for. */
function printUpdates(
  configs: readonly StepsBack[],
  experiment: Experiment,
  study: Pick<StudySettings, "training" | "tokens">,
  { before, isAsked }: { before: StudySettings | undefined; isAsked: boolean },
): void {
  const stepsBack = stepsBackAmong(configs);
  if (!stepsBack.length || !isAsked && !stepsBack.some((back) => back > 1)) return;
  const { updates, warning } = budgetLines(study, experiment, stepsBack, before);
  printText(updates);
  if (warning) printError(`init: ${warning}`);
}

if (import.meta.main) {
  const description = "Creates a study, or adds configurations to one ('remove' removes some). " +
    `If the study has configurations, ${flagsInWords("disjunction")} list each of them again at these levels; ` +
    "--only and --best choose which of them; other flags change the study's settings. The plan is printed before it is written. " +
    "Baselines: --cells gru,lstm --parameters 700k. The five best at two more learning rates: --best 5 --learning-rate " +
    "3e-4,3e-3.";
  await runCommand({ name: "init", description, flags }, async (options) => {
    const onWait = (line: string) => printError(`init: ${line}`);
    const asked = { ...options, levels: levelsIn(options), fetch: fetchShown, onWait };
    let told: string | undefined;
    const announce = async (plan: InitPlan) => {
      // Another process that changes the study meanwhile changes little of this plan, if anything.
      const what = JSON.stringify([plan.fresh.map(({ id }) => id), plan.runs.map(({ count }) => count)]);
      if (what !== told) {
        await announcePlan(plan, { yes: options.yes || options.dryRun, print: printText });
      }
      told = what;
    };
    if (options.dryRun) {
      const plan = await planInit(asked);
      await announce(plan);
      const { promotion } = plan.chosen;
      if (promotion) printText(promotionLines(promotion, plan).join("\n"));
      const isAsked = options.budget !== undefined;
      printUpdates(plan.configs, options.experiment, plan.settings, { before: plan.before, isAsked });
      printText(
        `Nothing is written (--dry-run): ${plural(plan.fresh.length, "configuration")} and ${
          plural(addedRuns(plan), "run")
        } would be added to ${plan.listed}`,
      );
      return;
    }
    // Before and after a download a signal ends this at once: it has written nothing.
    const { study, corpus, added, total, promotion, before } = await initStudy({ ...asked, onPlan: announce });
    const { training, tokens, seeds } = study.settings;
    const rate = corpus.entropy_rate === undefined
      ? ""
      : `, entropy rate ${corpus.entropy_rate.toFixed(4)} nats per byte (${
        (corpus.entropy_rate / Math.LN2).toFixed(4)
      } bits)`;
    const was = (old: number | undefined, now: number) => old === undefined || old === now ? "" : ` (was ${old})`;
    printText(`Study in ${study.dir}: corpus ${corpus.name}, ${corpus.bytes} bytes (${SPLIT_TEXT})${rate}`);
    if (tokens) printText(tokenLine(tokens, corpus));
    if (promotion) printText(promotionLines(promotion, study).join("\n"));
    printText(`Experiment ${options.experiment}: ${plural(added, "new configuration")}, ${total} in all`);
    const configs = (await study.readConfigs(options.experiment)).map(({ config }) => config);
    const steps = stepsAskedInWords(study.settings, options.experiment, stepsBackAmong(configs), before);
    printText(
      `Each: ${plural(seeds, "seed")}${was(before?.seeds, seeds)}, ` +
        `${steps}, batch ${training.batch}, history ${plural(training.history, unitOf(study.settings))}`,
    );
    printUpdates(configs, options.experiment, study.settings, { before, isAsked: options.budget !== undefined });
    // The study is there already: ending this now loses nothing, and 'train' counts.
    using stop = stopSignal("Stopping the count");
    const onDamaged = (problem: string) => printError(`init: ${problem}`);
    using counting = countingDisplay();
    const baselines = await ensureBaselines(study, corpus, {
      signal: stop.signal,
      onDamaged,
      onProgress: counting.onProgress,
    });
    counting.stop();
    if (stop.signal.aborted) {
      const train = commandOn("train", study, options.experiment);
      throw new Stopped(stop, `the study is written; ${train} counts the n-grams`);
    }
    if (baselines) printText(`N-gram baselines of the test split, nats per byte: ${baselinesInWords(baselines)}`);
  });
}
