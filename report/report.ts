/** `deno task report`: pictures, tables, page. */
import { Study } from "../experiments/study/store.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { flag } from "../train/terminal/flag.ts";
import { experimentFlag, foldersFlag, ofSpace, onlyFlag } from "../experiments/flags.ts";
import { dirFlag } from "../experiments/place_flags.ts";
import { MOST_STUDIES } from "./read_other_studies.ts";
import { reportOnStudy } from "./report_study.ts";
import { print, printError, printText } from "../train/terminal/output.ts";

/** Nats: an untrained model of the largest vocabulary has 11.1. */
const MOST_LOSS = 1000;

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  below: flag.positive(
    "--below <nats>",
    "show in the filtered picture configurations with a lower min loss, in nats per byte (or token; default: those with a test loss " +
      "below the n-gram baseline of order 1, or, if there is none, a min loss below 1.9, as in the original experiment)",
    undefined,
    { most: MOST_LOSS },
  ),
  others: foldersFlag("--with <list>", "folders of studies to compare with, paired by seed", MOST_STUDIES),
  only: onlyFlag("draw only these; the report says so, and replaces the one before", space),
}));

if (import.meta.main) {
  const description =
    "Draws pictures and tables of an experiment's finished runs, prints the best, and writes one page with everything.";
  await runCommand({ name: "report", description, flags }, async ({ dir, experiment, below, others, only }) => {
    const { paths, headline, account, tables } = await reportOnStudy(await Study.open(dir), {
      experiment,
      below,
      only,
      others,
      onProblem: (line) => printError(`report: ${line}`),
    });
    const promotion = tables.promotion === undefined ? [] : [tables.promotion];
    const questions = [tables.questions, tables.studies, tables.dynamics].filter((text) => text !== undefined);
    printText(
      [headline, account, tables.best_runs, ...promotion, ...questions, tables.switches, tables.forward].join("\n\n"),
    );
    print(["\nWritten:", ...paths.map((path) => `  ${path}`)].join("\n"));
  });
}
