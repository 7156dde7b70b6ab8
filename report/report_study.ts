/** The report of a study: what of its results is drawn, and what that is held against. */
import { withListedMarks } from "../experiments/study/promotion.ts";
import { readCurrentDynamics } from "../experiments/study/read_dynamics.ts";
import { comparedWithList } from "../experiments/study/runs.ts";
import type { Experiment } from "../experiments/study/schema.ts";
import { readSelected } from "../experiments/study/selected_results.ts";
import type { Selection } from "../experiments/study/selection.ts";
import type { Study } from "../experiments/study/store.ts";
import { isValidated } from "../experiments/study/validation.ts";
import { readOtherStudies } from "./data/other_studies.ts";
import { studyLevels } from "./data/study_levels.ts";
import { type ReportSummary, writeReport } from "./write_report.ts";

/** What {@linkcode reportOnStudy} is told. */
export interface StudyReportOptions {
  readonly experiment: Experiment;
  /** Threshold of the filtered picture by lowest training loss, nats per what the models read; absent: test loss below order 1. */
  readonly below?: number;
  /** Which configurations; all where absent. */
  readonly only?: Selection;
  /** Folders of studies to compare with. */
  readonly others?: readonly string[];
  /** Called with a line on each file that cannot be read; the report is drawn without it. */
  readonly onProblem?: (line: string) => void;
}

/**
 * Draws the finished runs of an experiment, with its page, into the study's folder.
 *
 * @throws {UserError} before anything is written: see {@linkcode writeReport} and {@linkcode readOtherStudies}
 */
export async function reportOnStudy(
  study: Study,
  { experiment, below, only, others = [], onProblem = () => {} }: StudyReportOptions,
): Promise<ReportSummary> {
  const { dir, space } = study, runs = await study.runs(experiment);
  const results = await readSelected(study, experiment, only, `draw a report of ${dir}`);
  const dynamics = await readCurrentDynamics(study, experiment, results.results);
  const levels = await studyLevels(study, onProblem);
  const short = experiment === "02" && !only ? await study.readResults("01") : undefined;
  const unreadable = [...results.unreadable, ...short?.unreadable ?? []];
  for (const line of [...unreadable, ...dynamics.unreadable]) onProblem(line);
  const compared = await readOtherStudies({ dirs: others, experiment, only, onProblem });
  const chosen = experiment === "02" ? await study.readConfigs(experiment) : [];
  return await writeReport({
    // Controls are a sample of all that was not chosen: of a selection nothing can be concluded about the choice.
    results: only ? withListedMarks(results.results, chosen) : results.results,
    unreadable,
    unknown_version: [...results.unknown_version, ...short?.unknown_version ?? []],
    gaps: comparedWithList(only ? runs.filter(({ entry }) => only(entry.config)) : runs, results),
    isValidated: isValidated(study.settings),
    selection: only?.text,
    dynamics,
    table: space,
    dir,
    experiment,
    below,
    levels,
    others: compared,
    chosenBy: short && { short: short.results, entries: chosen, budget: study.settings.training.budget },
  });
}
