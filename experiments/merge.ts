/** `deno task merge`: joins what copies of a study have trained apart. */
import { runCommand } from "../train/terminal/command_line.ts";
import { EXIT, flag } from "../train/terminal/flag.ts";
import { print, printError } from "../train/terminal/output.ts";
import { stopSignal } from "../train/terminal/stop_signal.ts";
import { experimentFlag, foldersFlag } from "./flags.ts";
import { dirFlag, nodeLocalFlag } from "./place_flags.ts";
import { queueFlag, queueOf } from "./queue/queue_flag.ts";
import { mergeStudies, MOST_COPIES } from "./session/merge_study.ts";
import { mergeInWords } from "./session/merge_words.ts";

/** What the command line takes. */
export const flags = {
  dir: dirFlag,
  from: {
    ...foldersFlag("--from <list>", "folders of copies of the study, separated by commas or spaces", MOST_COPIES),
    takesMore: true,
  },
  experiment: experimentFlag,
  queue: queueFlag,
  nodeLocal: nodeLocalFlag,
  dryRun: flag.on("--dry-run", "print what would be merged, and write nothing"),
};

if (import.meta.main) {
  const description =
    "Merges finished runs, models and checkpoints from copies of a study (same list, corpus and settings). " +
    "Nothing here is overwritten: a run that differs in both folders is reported and skipped. Can be stopped with Ctrl-C and resumed.";
  await runCommand({ name: "merge", description, flags }, async ({ from = [], ...options }) => {
    using stop = stopSignal();
    const summary = await mergeStudies({
      ...options,
      queue: queueOf(options),
      from,
      signal: stop.signal,
      onMessage: print,
      onProblem: (problem) => printError(`merge: ${problem}`),
    });
    print(mergeInWords(summary, options.dryRun));
    if (!stop.signal.aborted) return summary.problems ? EXIT.failed : EXIT.ok;
    printError("merge: stopped; run the same command to go on");
    return stop.exitCode;
  });
}
