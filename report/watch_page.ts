/** What `deno task watch` serves: the page of an experiment, and the cells that stand on it. */
import { basename, resolve } from "node:path";
import { oneLine } from "../cells/visible_text.ts";
import { unitOf } from "../cells/unit.ts";
import type { Experiment } from "../experiments/study/experiment.ts";
import { Study } from "../experiments/study/store.ts";
import { cellsWithoutRuns } from "./page/cells.ts";
import { livePage } from "./page/live_page.ts";
import { readInput } from "./read_input.ts";

/** The page, as it is before any result has come: the server's events bring these. */
export async function watchPage(dir: string, experiment: Experiment): Promise<string> {
  const study = await Study.open(dir), entries = await study.readConfigs(experiment);
  const input = await readInput(study, { experiment });
  return livePage({
    title: `Experiment ${experiment} of ${oneLine(basename(resolve(dir)))}`,
    input,
    entries,
  });
}

/** Pictures, words and equations of all listed cells. */
export async function watchedCells(dir: string, experiment: Experiment): Promise<string> {
  const study = await Study.open(dir), entries = await study.readConfigs(experiment);
  return cellsWithoutRuns(entries.map(({ config }) => config), {
    reads: unitOf(study.settings),
    table: study.space,
  });
}
