/** `deno task export`: the runs for other tools. */
import { experimentFlag, ofSpace, onlyFlag } from "../experiments/flags.ts";
import { dirFlag } from "../experiments/place_flags.ts";
import { selectionLine } from "../experiments/study/selection.ts";
import { Study } from "../experiments/study/store.ts";
import { runCommand } from "../train/terminal/command_line.ts";
import { type Flag, flag, splitList } from "../train/terminal/flag.ts";
import { plural } from "../train/terminal/words.ts";
import { DEFAULT_FORMATS, DEFAULT_LICENSE, type Format, FORMATS, INCLUSIONS, parseLicense } from "./export/formats.ts";
import { exportStudy } from "./export_study.ts";
import { print, printError } from "../train/terminal/output.ts";

const formatFlag: Flag<readonly Format[]> = {
  usage: "--format <list>",
  help: `formats, separated by commas (${FORMATS.join(", ")})`,
  fallback: DEFAULT_FORMATS,
  parse(text) {
    const asked = splitList(text, FORMATS.length);
    if (asked.some((part) => !FORMATS.some((format) => format === part))) {
      throw new Error(`must be any of ${FORMATS.join(", ")}, separated by commas`);
    }
    return FORMATS.filter((format) => asked.includes(format));
  },
};

/** What the command line takes. */
export const flags = ofSpace((space) => ({
  dir: dirFlag,
  experiment: experimentFlag,
  formats: formatFlag,
  license: {
    usage: "--license <id>",
    help: `SPDX id of the data set's licence (default: ${DEFAULT_LICENSE})`,
    fallback: undefined,
    parse: parseLicense,
  } as Flag<string | undefined>,
  include: flag.list(
    "--include <list>",
    `what the data set has beside measurements (${
      INCLUSIONS.join(", ")
    }): trained models; the test split, whose text has a licence of its own`,
    (text) => {
      const found = INCLUSIONS.find((one) => one === text);
      if (found === undefined) throw new Error(`must be any of ${INCLUSIONS.join(", ")}, separated by commas`);
      return found;
    },
    INCLUSIONS.length,
  ),
  only: onlyFlag("write only these; they replace the earlier export", space),
  out: {
    usage: "--out <folder>",
    help: "folder to write to, inside the study's folder (default: export_01_all or export_02_best there)",
    fallback: undefined,
    parse: dirFlag.parse,
  } as Flag<string | undefined>,
}));

if (import.meta.main) {
  const description =
    "Writes the runs of an experiment for other tools: tables as CSV and Parquet, curves for TensorBoard, a data set to publish.";
  await runCommand({ name: "export", description, flags }, async ({ dir, ...options }) => {
    const study = await Study.open(dir);
    const { paths, runs, counts, problems } = await exportStudy(study, {
      ...options,
      onWait: (line) => printError(`export: ${line}`),
    });
    for (const line of problems) printError(`export: ${line}`);
    if (options.only) print(selectionLine(options.only));
    const { done, failed, running } = counts;
    print(
      `${plural(runs, "run")}: ${done} done, ${failed} failed, ${running} running or stopped before their end`,
    );
    print(["\nWritten:", ...paths.map((path) => `  ${path}`)].join("\n"));
  });
}
