/** Draws all pictures and the page of one experiment and puts them into the study's folder. */
import { UserError } from "../cells/errors.ts";
import { join } from "node:path";
import type { RunResult } from "../experiments/result.ts";
import { writeAtomically } from "../experiments/files.ts";
import type { Experiment } from "../experiments/store.ts";
import { figureHyperparameters } from "./figure_hyperparameters.ts";
import { figureInteractions } from "./figure_interactions.ts";
import { figureTrainingRuns } from "./figure_training_runs.ts";
import { headline, pageOf, type Picture } from "./page.ts";
import { pngOf } from "./png.ts";
import { distinct, type RunRow, type RunTable, tableOf } from "./rows.ts";
import { figureDocument } from "./svg.ts";
import { type Effects, effectsOf } from "./effects.ts";
import { effectTables } from "./effect_tables.ts";
import { effectText } from "./effect_words.ts";
import { figureEffects } from "./figure_effects.ts";
import { bestRunsTable, forwardText } from "./tables.ts";
import { formatCount, plural } from "./theme.ts";

/** What {@linkcode writeReport} is told. */
export interface ReportOptions {
  results: readonly RunResult[];
  /** One line on each result file that could not be read; they are counted and named on the page. */
  unreadable: readonly string[];
  /** The study's folder, which must exist. */
  dir: string;
  experiment: Experiment;
  /** Threshold of experiment 01's filtered picture, nats per byte. */
  below: number;
}

/** What has been written, and what the terminal shows of it. */
export interface ReportSummary {
  /** All files, pictures before the page. */
  paths: string[];
  best: RunRow;
  finished: number;
  unfinished: number;
  unreadable: number;
  /** The answer in one sentence. */
  headline: string;
  /** Text tables without a final line break. */
  tables: { best_runs: string; switches: string; forward: string };
}

/**
 * Writes the pictures (SVG and PNG) and the page. Everything is drawn before the first file is written, and each file
 * appears whole or not at all. The same results give the same bytes, in whatever order they come.
 *
 * @throws {UserError} where `below` is not a positive number
 * @throws {UserError} where no run has finished; nothing is written then
 */
export async function writeReport(options: ReportOptions): Promise<ReportSummary> {
  const { dir, experiment, below, unreadable } = options;
  if (!(Number.isFinite(below) && below > 0)) {
    throw new UserError(`Cannot draw a report of ${dir}: below is ${below}, must be a positive number`);
  }
  const runs = tableOf(options.results);
  if (!runs.rows.length) {
    throw new UserError(
      `Cannot draw a report of ${dir}: no run of experiment ${experiment} has finished; ` +
        "train some with 'deno task train'",
    );
  }
  const effects = effectsOf(runs.rows);
  const pictures = experiment === "01" ? picturesOfAll(runs, effects, below) : picturesOfBest(runs);
  const page = pageOf({
    title: experiment === "01"
      ? "Experiment 01: every configuration of the gated cell"
      : "Experiment 02: the best configurations, wider and deeper",
    rows: runs.rows,
    effects,
    unfinished: runs.unfinished,
    unreadable,
    settings: experiment === "01" ? settingsOf(runs.rows) : `${settingsOf(runs.rows)} ${SELECTED}`,
    pictures,
  });
  const files: [string, string | Uint8Array][] = [
    ...pictures.flatMap(({ name, svg }): [string, string | Uint8Array][] => [
      [`${name}.svg`, svg],
      [`${name}.png`, pngOf(svg)],
    ]),
    [experiment === "01" ? "report_01_all.html" : "report_02_best.html", page],
  ];
  const paths: string[] = [];
  for (const [name, content] of files) paths.push(await writeFile(dir, name, content));
  return {
    paths,
    best: runs.rows[0],
    finished: runs.rows.length,
    unfinished: runs.unfinished.length,
    unreadable: unreadable.length,
    headline: headline(runs.rows),
    tables: {
      best_runs: bestRunsTable(runs.rows),
      switches: `${effectText(effects)}\n\n${effectTables(effects)}`,
      forward: forwardText(runs.rows[0]),
    },
  };
}

function picturesOfAll({ rows }: RunTable, effects: Effects, below: number): Picture[] {
  const document = figureDocument();
  const kept = rows.filter((row) => row.min_loss < below).length;
  const filtered = {
    name: `filtered_results_01_loss_below_${below}`,
    title: `Least training loss by hyperparameter, runs below ${below}`,
    subtitle: `${formatCount(kept)} of ${plural(rows.length, "finished run")} below ${below} nats per byte, ` +
      `on ${corpusAndSteps(rows)}.`,
    below,
  };
  return [
    ...picturesOfEffects(rows, effects, "results_01_all"),
    ...picturesOf(rows, "results_01_all", "Training loss of every configuration"),
    {
      name: filtered.name,
      caption: `The same for the ${plural(kept, "run")} whose loss fell below ${below} nats per byte.`,
      svg: figureHyperparameters(document, rows, filtered),
    },
  ];
}

function picturesOfEffects(rows: readonly RunRow[], effects: Effects, experiment: string): Picture[] {
  const document = figureDocument();
  const subtitle = `${plural(rows.length, "finished run")} on ${corpusAndSteps(rows)}.`;
  const [forest, map] = [`${experiment}_effects`, `${experiment}_interactions`];
  return [
    {
      name: forest,
      caption: "What each switch alone changes, over pairs of configurations alike in all else.",
      svg: figureEffects(document, effects, { name: forest, title: "What each switch changes", subtitle }),
    },
    {
      name: map,
      caption: "What each two switches change together beyond what each changes alone.",
      svg: figureInteractions(document, effects, { name: map, title: "Which switches depend on each other", subtitle }),
    },
  ];
}

/** Choosing by the loss makes the chosen alike in it, and hides what a switch does. */
const SELECTED =
  "These configurations were chosen for their low loss in experiment 01, so what a switch changes among " +
  "them says little about other configurations.";

function picturesOfBest({ rows }: RunTable): Picture[] {
  return picturesOf(rows, "results_02_big", "Training loss of the best configurations, wider and deeper");
}

/** The two pictures that both experiments have. */
function picturesOf(rows: readonly RunRow[], name: string, title: string): Picture[] {
  const document = figureDocument();
  const subtitle = `${plural(rows.length, "finished run")} on ${corpusAndSteps(rows)}.`;
  const hyperparameters = `${name}_hyperparameters`;
  return [
    {
      name,
      caption: "Training loss of each run over its steps.",
      svg: figureTrainingRuns(document, rows, { name, title, subtitle }),
    },
    {
      name: hyperparameters,
      caption: "The least loss of each run, by hyperparameter.",
      svg: figureHyperparameters(document, rows, {
        name: hyperparameters,
        title: "Least training loss by hyperparameter",
        subtitle,
      }),
    },
  ];
}

function corpusAndSteps(rows: readonly RunRow[]): string {
  return `${corpora(rows)}, ${range(distinct(rows, (row) => row.steps_done), "training step")} each`;
}

function corpora(rows: readonly RunRow[]): string {
  return distinct(rows, (row) => row.dataset).join(" and ");
}

/** `10,989 steps`, or the least and the most where runs differ. */
function range(values: readonly number[], noun: string): string {
  const most = plural(values[values.length - 1], noun);
  return values.length === 1 ? most : `${formatCount(values[0])} to ${most}`;
}

function settingsOf(rows: readonly RunRow[]): string {
  const batch = range(distinct(rows, (row) => row.batch_size), "sequence");
  const history = range(distinct(rows, (row) => row.history_size), "byte");
  const engines = distinct(rows, (row) => row.engine).join(" and ");
  return `Trained on ${corpusAndSteps(rows)}, with batches of ${batch} in passes of ${history}, by ${engines}.`;
}

async function writeFile(dir: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(dir, name);
  await writeAtomically(path, content);
  return path;
}
