/**
 * What a report says: from all that it is drawn from to its answers, tables and pictures. It runs where the report is written, and, bundled, in the page
 * itself, where a person selects some configurations: so both say the same.
 */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { FactorTable } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { UserError } from "../../cells/errors.ts";
import { adviceForRuns } from "../../experiments/study/commands.ts";
import { NO_DYNAMICS } from "../../experiments/study/dynamics_among.ts";
import { withListedMarks } from "../../experiments/study/promotion.ts";
import { comparedWithList } from "../../experiments/study/list_gaps.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { type AccountData, type AccountEntry, accountOf } from "../data/account.ts";
import { cohortsOf, firstOfCells } from "../data/baselines.ts";
import { ownCellName } from "../data/cell_names.ts";
import { withDynamics } from "../data/dynamics.ts";
import { dynamicsAccount } from "../data/dynamics_account.ts";
import type { Level } from "../data/levels.ts";
import { lossFilter } from "../data/loss_filter.ts";
import { type MergedRow, mergeSeeds } from "../data/merged.ts";
import { studyRunsOf } from "../data/other_studies.ts";
import type { ReportInput } from "./report_input.ts";
import { type RunTable, tableOf, withShownLoss } from "../data/rows.ts";
import { type Picture, picturesOf } from "../figures/pictures.ts";
import { type DynamicsAnswers, dynamicsAnswers } from "../statistics/dynamics_effects.ts";
import { type Effects, effectsOf } from "../statistics/effects.ts";
import { auditPromotion, type PromotionAudit } from "../statistics/promotion_audit.ts";
import type { StepsBackAnswers } from "../statistics/steps_back.ts";
import { compareStudies } from "../statistics/study_comparison.ts";
import { dynamicsQuestions } from "../tables/dynamics_words.ts";
import { contrastWords } from "../tables/factor_words.ts";
import { comparisonsOf, type Question, questionsOf } from "../tables/questions.ts";
import { settingsOf } from "../tables/report_words.ts";
import { stepsBackQuestions } from "../tables/steps_back_words.ts";
import { studyQuestions } from "../tables/study_words.ts";
import { effectQuestions } from "../tables/training_effect_words.ts";

/** What a report says, before it is laid out. */
export interface ReportContent {
  readonly experiment: Experiment;
  readonly title: string;
  readonly runs: RunTable;
  /** At least one configuration, best first. */
  readonly rows: readonly MergedRow[];
  /** What losses are held against, nats per what the models read. */
  readonly levels?: readonly Level[];
  /** Where the study varies the number of steps back. */
  readonly stepsBack?: StepsBackAnswers;
  readonly effects: Effects;
  /** The runs' corpus and training settings, in a sentence. */
  readonly settings: string;
  readonly pictures: readonly Picture[];
  /** Of an experiment that was chosen by the ranking of another. */
  readonly promotion?: PromotionAudit;
  /** Beside which factors matter. */
  readonly questions: readonly Question[];
  /** On other studies. */
  readonly studies: readonly Question[];
  /** What was measured of the runs' dynamics. */
  readonly dynamics?: DynamicsAnswers;
  readonly dynamicsQuestions: readonly Question[];
  /** Whose factors are shown. */
  readonly table: Space;
  /** What it leaves out. @param study what commands name */
  account(study: AccountData["study"]): AccountEntry[];
}

/** The runs that a report is of: their results, as rows, and what their losses are held against. */
export function runsOf(input: ReportInput): {
  readonly results: readonly RunResult[];
  readonly runs: RunTable;
  readonly levels: readonly Level[] | undefined;
} {
  const { chosenBy, table = GATED_SPACE, dynamics = NO_DYNAMICS } = input;
  const results = chosenBy ? withListedMarks(input.results, chosenBy.entries) : input.results;
  const runs = withDynamics(tableOf(results, table), dynamics.measured);
  // Levels are counted for the whole split, and say nothing of a part.
  return { results, runs, levels: runs.test_bytes_asked === undefined ? input.levels : undefined };
}

/**
 * Works a report out. The same input gives the same content, in whatever order the results come.
 *
 * @param dir what errors call the study
 * @throws {UserError} where no run has finished, or another study has nothing in common with this one
 */
export function reportContent(input: ReportInput, dir: string): ReportContent {
  const { experiment, unreadable, chosenBy, table = GATED_SPACE, others = [], dynamics = NO_DYNAMICS } = input;
  const { results, runs, levels } = runsOf(input);
  const gaps = input.runs && comparedWithList(input.runs, { results, damaged: input.damaged ?? new Map() });
  if (!runs.rows.length) {
    const isAnyListed = !gaps || gaps.not_begun.length + results.length + unreadable.length > 0;
    throw new UserError(
      `Cannot draw a report of ${dir}: no run of experiment ${experiment} has finished; ` +
        adviceForRuns({ dir }, experiment, isAnyListed),
    );
  }
  // Controls are there for the ranking's sake: what the chosen say on factors is the same without them.
  const uncontrolled = runs.rows.filter(({ control }) => !control);
  const effects = effectsOf(uncontrolled, table), measured = dynamicsAnswers(uncontrolled, table);
  const rows = mergeSeeds(runs.rows);
  const promotion = chosenBy &&
    auditPromotion(
      {
        ...chosenBy,
        short: chosenBy.short.map(withShownLoss),
        long: results.map(withShownLoss),
        isValidated: input.isValidated,
      },
      rows,
      table,
    );
  const comparisons = comparisonsOf(rows, table), { stepsBack } = comparisons;
  const here = studyRunsOf({ name: "this study", dir, space: table, results, unreadable });
  const studies = compareStudies(here, others, experiment);
  const filter = lossFilter(input.below, levels, rows);
  return {
    experiment,
    title: titleOf(experiment, rows, table),
    runs,
    rows,
    levels,
    stepsBack,
    effects,
    settings: experiment === "01" ? settingsOf(rows, table) : `${settingsOf(rows, table)} ${selected(rows, effects)}`,
    pictures: picturesOf({
      experiment,
      rows,
      effects,
      filter,
      levels,
      promotion,
      comparisons,
      studies,
      dynamics: measured,
      table,
    }),
    promotion,
    questions: [
      ...(stepsBack ? stepsBackQuestions(stepsBack, levels) : []),
      ...questionsOf(comparisons, table),
      ...effectQuestions(effects),
    ],
    studies: studyQuestions(studies, effects),
    dynamics: measured,
    dynamicsQuestions: measured ? dynamicsQuestions(measured, rows, table, experiment) : [],
    table,
    account: (study) => [
      ...accountOf({
        ...gaps,
        study,
        isValidated: input.isValidated,
        selection: input.selection,
        experiment,
        runs,
        unreadable,
        unknown_version: input.unknown_version ?? [],
      }),
      ...dynamicsAccount(dynamics, { study, experiment }),
    ],
  };
}

function titleOf(experiment: Experiment, rows: readonly MergedRow[], table: FactorTable): string {
  if (experiment === "02") return "Experiment 02: the best configurations, wider and deeper";
  const { own: [{ config }], baselines } = cohortsOf(table, rows);
  if (!table.isOwnCell(config)) return `Experiment 01: ${firstOfCells(table, rows).map(({ name }) => name).join(", ")}`;
  return `Experiment 01: every configuration of the ${ownCellName(table)} cell${
    baselines.length ? ", and baselines" : ""
  }`;
}

/** Choosing by a score makes the chosen similar in it, and hides what a factor does. */
function selected(rows: readonly MergedRow[], { min_loss }: Effects): string {
  const which = rows.some(({ control }) => control) ? "All but the controls" : "These configurations";
  const { noun: [one] } = contrastWords(min_loss);
  return `${which} were chosen by their ranks in experiment 01, so effects of a ${one} among them say little about ` +
    "other configurations.";
}
