/** Draws all pictures and the page of one experiment and puts them into the study's folder. */
import { ownCellName } from "./data/cell_names.ts";
import type { FactorTable } from "../cells/factor.ts";
import { GATED_SPACE } from "../cells/catalog/catalog.ts";
import type { Space } from "../cells/space.ts";
import { UserError } from "../cells/errors.ts";
import { join, sep } from "node:path";
import { accountOf, accountText } from "./data/account.ts";
import { withListedMarks } from "../experiments/study/promotion.ts";
import type { RunResult } from "../experiments/study/result.ts";
import { writeAtomically } from "../experiments/study/files.ts";
import { checkReplaceable } from "../experiments/study/ownership.ts";
import { adviceForRuns } from "../experiments/study/commands.ts";
import type { Study } from "../experiments/study/store.ts";
import { ANY_STUDY } from "../train/terminal/advice.ts";
import { NO_DYNAMICS, type ReadDynamics } from "../experiments/study/read_dynamics.ts";
import type { ListGaps } from "../experiments/study/runs.ts";
import type { Experiment } from "../experiments/study/schema.ts";
import type { Level } from "./data/levels.ts";
import { lossFilter } from "./data/loss_filter.ts";
import { cohortsOf, firstOfCells } from "./data/baselines.ts";
import { type MergedRow, mergeSeeds } from "./data/merged.ts";
import { pageOf } from "./page/page.ts";
import { headline } from "./tables/headline.ts";
import { picturesOf } from "./figures/pictures.ts";
import { pngOf } from "./figures/png.ts";
import { settingsOf } from "./tables/report_words.ts";
import { comparisonsOf, questionsOf, questionsText } from "./tables/questions.ts";
import { withDynamics } from "./data/dynamics.ts";
import { dynamicsAccount } from "./data/dynamics_account.ts";
import { type StudyRuns, studyRunsOf } from "./data/other_studies.ts";
import { tableOf } from "./data/rows.ts";
import { dynamicsAnswers } from "./statistics/dynamics_effects.ts";
import { type Effects, effectsOf } from "./statistics/effects.ts";
import { contrastWords } from "./tables/factor_words.ts";
import { effectTables } from "./tables/effect_tables.ts";
import { dynamicsQuestions } from "./tables/dynamics_words.ts";
import { stepsBackQuestions } from "./tables/steps_back_words.ts";
import { effectQuestions } from "./tables/training_effect_words.ts";
import { sharesText } from "./tables/share_words.ts";
import { effectText } from "./tables/effect_words.ts";
import { type AuditData, auditPromotion } from "./statistics/promotion_audit.ts";
import { compareStudies } from "./statistics/study_comparison.ts";
import { promotionText } from "./tables/promotion_words.ts";
import { studyQuestions } from "./tables/study_words.ts";
import { bestRunsTable, forwardText } from "./tables/tables.ts";

/** What {@linkcode writeReport} is told. */
export interface ReportOptions {
  results: readonly RunResult[];
  /** One line on each result file that could not be read; and those of them that are of a version that is not known. */
  unreadable: readonly string[];
  unknown_version?: readonly string[];
  /** Where the study's list and the results differ; nothing is said of it where that is not given. */
  gaps?: ListGaps;
  /** Whether the study's runs get a validation score, for which its split may be too short; absent: they do. */
  isValidated?: boolean;
  /** The expression that says which configurations the results are of; absent where they are all. */
  selection?: string;
  /** The study's folder, which must exist. */
  dir: string;
  experiment: Experiment;
  /** Threshold of experiment 01's filtered picture, nats per what the models read; absent: see {@linkcode lossFilter}. */
  below?: number;
  /** What losses are held against, nats per what the models read; nothing where the study has no n-gram baselines. */
  levels?: readonly Level[];
  /** For experiment 02: the ranking that it was chosen by, and its list, which has the last word on who is a control. */
  chosenBy?: Omit<AuditData, "long" | "isValidated">;
  /** What was measured of the runs' dynamics; nothing is said of these where absent. */
  dynamics?: ReadDynamics;
  /** Whose factors stand in the results; the built-in ones where absent. */
  table?: Space;
  /** What the study is compared with. */
  others?: readonly StudyRuns[];
}

/** What has been written, and what the terminal shows of it. */
export interface ReportSummary {
  /** All files, pictures before the page. */
  paths: string[];
  /** By what the report says that the best is chosen by. */
  best: MergedRow;
  /** Runs. */
  finished: number;
  unfinished: number;
  unreadable: number;
  /** The answer in one sentence. */
  headline: string;
  /** What has no part in the report, as text without a final line break. */
  account: string;
  /** Text tables without a final line break. */
  tables: {
    best_runs: string;
    promotion?: string;
    questions?: string;
    studies?: string;
    dynamics?: string;
    switches: string;
    forward: string;
  };
}

/**
 * Writes the pictures (SVG and PNG) and the page. Everything is drawn before the first file is written, and each file
 * appears whole or not at all. The same results give the same bytes, in whatever order they come.
 *
 * @throws {UserError} where `below` is not a positive number
 * @throws {UserError} where no run has finished, another study has nothing in common with this one, or a file of somebody's would be lost;
 *   nothing is written then
 */
export async function writeReport(options: ReportOptions): Promise<ReportSummary> {
  const { dir, experiment, below, unreadable } = options;
  if (below !== undefined && !(Number.isFinite(below) && below > 0)) {
    throw new UserError(`Cannot draw a report of ${dir}: below is ${below}, must be a positive number`);
  }
  const { chosenBy, table = GATED_SPACE, others = [], dynamics = NO_DYNAMICS } = options;
  const results = chosenBy ? withListedMarks(options.results, chosenBy.entries) : options.results;
  const runs = withDynamics(tableOf(results, table), dynamics.measured);
  if (!runs.rows.length) {
    const isAnyListed = !options.gaps || options.gaps.not_begun.length + results.length + options.unreadable.length > 0;
    throw new UserError(
      `Cannot draw a report of ${dir}: no run of experiment ${experiment} has finished; ` +
        adviceForRuns({ dir }, experiment, isAnyListed),
    );
  }
  // They are counted for the whole split, and say nothing of a part.
  const levels = runs.test_bytes_asked === undefined ? options.levels : undefined;
  // Controls are there for the ranking's sake: what the chosen say on factors is the same without them.
  const uncontrolled = runs.rows.filter(({ control }) => !control);
  const effects = effectsOf(uncontrolled, table), measured = dynamicsAnswers(uncontrolled, table);
  const rows = mergeSeeds(runs.rows);
  const promotion = chosenBy &&
    auditPromotion({ ...chosenBy, long: results, isValidated: options.isValidated }, rows, table);
  const comparisons = comparisonsOf(rows, table), { stepsBack } = comparisons;
  const questions = [
    ...(stepsBack ? stepsBackQuestions(stepsBack, levels) : []),
    ...questionsOf(comparisons, table),
    ...effectQuestions(effects),
  ];
  const here = studyRunsOf({ name: "this study", dir, space: table, results, unreadable });
  const studies = compareStudies(here, others, experiment), studyAnswers = studyQuestions(studies, effects);
  const dynamicsAnswered = measured ? dynamicsQuestions(measured, rows, table, experiment) : [];
  const pictures = picturesOf({
    experiment,
    rows,
    effects,
    filter: lossFilter(below, levels, rows),
    levels,
    promotion,
    comparisons,
    studies,
    dynamics: measured,
    table,
  });
  const within = (lines: readonly string[] = []) => lines.map((line) => withinStudy(line, dir));
  const accountFor = (study: Pick<Study, "dir">) => [
    ...accountOf({
      ...options.gaps,
      study,
      isValidated: options.isValidated,
      selection: options.selection,
      experiment,
      runs,
      unreadable: within(unreadable),
      unknown_version: within(options.unknown_version),
    }),
    ...dynamicsAccount({ ...dynamics, unreadable: within(dynamics.unreadable) }, { study, experiment }),
  ];
  const page = pageOf({
    experiment,
    title: titleOf(experiment, rows, table),
    rows,
    levels,
    stepsBack,
    effects,
    account: accountFor(ANY_STUDY),
    settings: experiment === "01" ? settingsOf(rows, table) : `${settingsOf(rows, table)} ${selected(rows, effects)}`,
    pictures,
    promotion,
    questions,
    studies: studyAnswers,
    dynamics: measured,
    dynamicsQuestions: dynamicsAnswered,
    table,
  });
  const files: [string, string | Uint8Array][] = [
    ...pictures.flatMap(({ name, svg }): [string, string | Uint8Array][] => [
      [`${name}.svg`, svg],
      [`${name}.png`, pngOf(svg)],
    ]),
    [experiment === "01" ? "report_01_all.html" : "report_02_best.html", page],
  ];
  for (const [name] of files) checkReplaceable(join(dir, name));
  const paths: string[] = [];
  for (const [name, content] of files) paths.push(await writeFile(dir, name, content));
  return {
    paths,
    best: rows[0],
    finished: runs.rows.length,
    unfinished: runs.unfinished.length,
    unreadable: unreadable.length,
    headline: headline({
      rows,
      effects,
      table,
      study: { dir },
      experiment,
      promotion,
      stepsBack,
      levels,
      dynamics: measured,
    }),
    account: accountText(accountFor({ dir })),
    tables: {
      best_runs: bestRunsTable(rows, table),
      ...(promotion ? { promotion: promotionText(promotion, { dir }) } : {}),
      ...(questions.length ? { questions: questionsText(questions) } : {}),
      ...(studyAnswers.length ? { studies: questionsText(studyAnswers) } : {}),
      ...(dynamicsAnswered.length ? { dynamics: questionsText(dynamicsAnswered) } : {}),
      switches: [effectText(effects, { dir }, experiment), effectTables(effects), sharesText(effects)].filter(Boolean)
        .join("\n\n"),
      forward: forwardText(cohortsOf(table, rows).own[0], table),
    },
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
  return `${which} were chosen by their ranks in experiment 01, so what a ${one} changes among them says little about ` +
    "other configurations.";
}

/** A line on a file, named from the study's folder: where that lies is no matter of the report, which is the same wherever it is. */
function withinStudy(line: string, dir: string): string {
  const start = `Cannot read ${join(dir, sep)}`;
  return line.startsWith(start) ? `Cannot read ${line.slice(start.length)}` : line;
}

async function writeFile(dir: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(dir, name);
  await writeAtomically(path, content);
  return path;
}
