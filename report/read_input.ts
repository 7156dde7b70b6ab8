/** Reads all that the report of a study is drawn from. */
import type { ReadDynamics } from "../experiments/study/dynamics_among.ts";
import { readCurrentDynamics } from "../experiments/study/read_dynamics.ts";
import type { Experiment } from "../experiments/study/experiment.ts";
import { configOf } from "../experiments/study/result.ts";
import type { ReadResults } from "../experiments/study/runs.ts";
import type { Selection } from "../experiments/study/selection.ts";
import type { Study } from "../experiments/study/store.ts";
import { isValidated } from "../experiments/study/validation.ts";
import { type ReportInput, selectedInput } from "./content/report_input.ts";
import { studyLevels } from "./data/study_levels.ts";
import { readOtherStudies } from "./read_other_studies.ts";

/** Options of {@linkcode readInput}. */
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
  /** What was read of the meant configurations already; all is read where absent. */
  readonly read?: { readonly results: ReadResults; readonly dynamics: ReadDynamics };
}

/**
 * Reads all that a report is drawn from.
 *
 * @throws {UserError} see {@linkcode readOtherStudies}; and if nothing is selected
 */
export async function readInput(
  study: Study,
  { experiment, below, only, others = [], onProblem = () => {}, read: known }: StudyReportOptions,
): Promise<ReportInput> {
  const read = known?.results ?? await study.readResults(experiment), meant = read.results.filter(isMeant(study, only));
  // Of a run that is not meant nothing is read: each model is hashed.
  const dynamics = known?.dynamics ?? await readCurrentDynamics(study, experiment, meant);
  const levels = await studyLevels(study, onProblem);
  const short = experiment === "02" && !only ? await study.readResults("01") : undefined;
  const compared = await readOtherStudies({ dirs: others, experiment, only, onProblem });
  const input = selectedInput(
    {
      experiment,
      ...read,
      unreadable: [...read.unreadable, ...short?.unreadable ?? []],
      unknown_version: [...read.unknown_version, ...short?.unknown_version ?? []],
      runs: await study.runs(experiment),
      isValidated: isValidated(study.settings),
      dynamics,
      table: study.space,
      below,
      levels,
      others: compared,
      chosenBy: experiment === "02"
        ? {
          short: short?.results ?? [],
          entries: await study.readConfigs(experiment),
          budget: study.settings.training.budget,
        }
        : undefined,
    },
    only,
    `draw a report of ${study.dir}`,
  );
  for (const line of [...input.unreadable, ...dynamics.unreadable]) onProblem(line);
  return input;
}

function isMeant({ space }: Study, only: Selection | undefined) {
  return (result: Parameters<typeof configOf>[0]) => !only || only(configOf(result, space));
}
