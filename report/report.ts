/** `deno task report`: pictures, tables, page. */
import { withListedMarks } from "../experiments/study/promotion.ts";
import { comparedWithList } from "../experiments/study/runs.ts";
import { Study } from "../experiments/study/store.ts";
import { flag, runCommand } from "../train/terminal/command_line.ts";
import { dirFlag, experimentFlag, ofSpace, onlyFlag } from "../experiments/flags.ts";
import { readSelected } from "../experiments/study/selected_results.ts";
import { studyLevels } from "./data/study_levels.ts";
import { writeReport } from "./write_report.ts";
import { print, printError, printText } from "../train/terminal/output.ts";

/** Nats: an untrained model of the largest vocabulary has 11.1. */
const MOST_LOSS = 1000;

const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  below: flag.positive(
    "--below <nats>",
    "the filtered picture shows runs with a smaller min loss, nats per byte (or token; default: the order-1 n-gram baseline; " +
      "on enwik8 the original's 1.9)",
    undefined,
    { most: MOST_LOSS },
  ),
  only: onlyFlag("draw only these; the report says so, and takes the place of the one before", space),
}));

if (import.meta.main) {
  const description = "Draws the finished runs of an experiment, prints the best, and writes one page with everything.";
  await runCommand({ name: "report", description, flags }, async ({ dir, experiment, below, only }) => {
    const study = await Study.open(dir);
    const runs = await study.runs(experiment), doing = `draw a report of ${dir}`;
    const results = await readSelected(study, experiment, only, doing);
    const { levels, below: usual } = await studyLevels(study, (problem) => printError(`report: ${problem}`));
    const short = experiment === "02" && !only ? await study.readResults("01") : undefined;
    const unreadable = [...results.unreadable, ...short?.unreadable ?? []];
    for (const line of unreadable) printError(`report: ${line}`);
    const chosen = experiment === "02" ? await study.readConfigs(experiment) : [];
    const { paths, headline, account, tables } = await writeReport({
      // Controls are a sample of all that was not chosen: of a selection nothing can be concluded about the choice.
      results: only ? withListedMarks(results.results, chosen) : results.results,
      unreadable,
      unknown_version: [...results.unknown_version, ...short?.unknown_version ?? []],
      gaps: comparedWithList(only ? runs.filter(({ entry }) => only(entry.config)) : runs, results),
      selection: only?.text,
      table: study.space,
      dir,
      experiment,
      below: below ?? usual,
      levels,
      chosenBy: short && { short: short.results, entries: chosen },
    });
    const promotion = tables.promotion === undefined ? [] : [tables.promotion];
    const questions = tables.questions === undefined ? [] : [tables.questions];
    printText(
      [headline, account, tables.best_runs, ...promotion, ...questions, tables.switches, tables.forward].join("\n\n"),
    );
    print(["\nWritten:", ...paths.map((path) => `  ${path}`)].join("\n"));
  });
}
