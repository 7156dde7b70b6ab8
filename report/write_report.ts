/** Draws all pictures and the page of one experiment and puts them into the study's folder. */
import { UserError } from "../cells/errors.ts";
import { join, sep } from "node:path";
import { accountText } from "./data/account.ts";
import { writeAtomically } from "../experiments/study/files.ts";
import { checkReplaceable } from "../experiments/study/ownership.ts";
import { reportContent } from "./content/report_content.ts";
import { cohortsOf } from "./data/baselines.ts";
import type { MergedRow } from "./data/merged.ts";
import type { ReportInput } from "./content/report_input.ts";
import { pageOf } from "./page/page.ts";
import { scriptsOf } from "./page/scripts.ts";
import { headline } from "./tables/headline.ts";
import { pngOf } from "./figures/png.ts";
import { questionsText } from "./tables/questions.ts";
import { effectTables } from "./tables/effect_tables.ts";
import { sharesText } from "./tables/share_words.ts";
import { effectText } from "./tables/effect_words.ts";
import { promotionText } from "./tables/promotion_words.ts";
import { bestRunsTable, forwardText } from "./tables/tables.ts";

/** Options of {@linkcode writeReport}. */
export interface ReportOptions extends ReportInput {
  /** The study's folder, which must exist. */
  readonly dir: string;
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
  /** What the report leaves out, as text without a final line break. */
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

/** A report of which nothing is written. */
export interface DrawnReport {
  /** SVG, in the page's order; files have the name before `.svg` and `.png`. */
  readonly pictures: readonly { readonly name: string; readonly svg: string }[];
  /** HTML, and its file's name. */
  readonly page: { readonly name: string; readonly html: string };
  /** What the terminal shows of it. */
  readonly summary: Omit<ReportSummary, "paths">;
}

/**
 * Writes the pictures (SVG and PNG) and the page. Everything is drawn before the first file is written, and each file
 * appears whole or not at all. The same results give the same bytes, in whatever order they come.
 *
 * @throws {UserError} see {@linkcode drawReport}, or where a file of somebody's would be lost; nothing is written then
 */
export async function writeReport(options: ReportOptions): Promise<ReportSummary> {
  const { pictures, page, summary } = drawReport(options), { dir } = options;
  // Before the PNGs, which take most of the time: whoever is refused hears of it at once.
  for (const name of [...pictures.flatMap(({ name }) => [`${name}.svg`, `${name}.png`]), page.name]) {
    checkReplaceable(join(dir, name));
  }
  const files: [string, string | Uint8Array][] = [
    ...pictures.flatMap(({ name, svg }): [string, string | Uint8Array][] => [
      [`${name}.svg`, svg],
      [`${name}.png`, pngOf(svg)],
    ]),
    [page.name, page.html],
  ];
  const paths: string[] = [];
  for (const [name, file] of files) paths.push(await writeFile(dir, name, file));
  return { paths, ...summary };
}

/**
 * Draws what {@linkcode writeReport} writes, but for the PNGs, which are drawn from the pictures' SVG.
 *
 * @throws {UserError} where `below` is not a positive number
 * @throws {UserError} where no run has finished, or another study has nothing in common with this one
 */
export function drawReport({ dir, ...options }: ReportOptions): DrawnReport {
  const { experiment, below } = options;
  if (below !== undefined && !(Number.isFinite(below) && below > 0)) {
    throw new UserError(`Cannot draw a report of ${dir}: below is ${below}, must be a positive number`);
  }
  const input = withinStudy(options, dir), content = reportContent(input, dir);
  const { rows, runs, effects, table, promotion, questions, studies, dynamicsQuestions, pictures } = content;
  const summary: DrawnReport["summary"] = {
    best: rows[0],
    finished: runs.rows.length,
    unfinished: runs.unfinished.length,
    unreadable: input.unreadable.length,
    headline: headline({ ...content, study: { dir } }),
    account: accountText(content.account({ dir })),
    tables: {
      best_runs: bestRunsTable(rows, table),
      ...(promotion ? { promotion: promotionText(promotion, { dir }) } : {}),
      ...(questions.length ? { questions: questionsText(questions) } : {}),
      ...(studies.length ? { studies: questionsText(studies) } : {}),
      ...(dynamicsQuestions.length ? { dynamics: questionsText(dynamicsQuestions) } : {}),
      switches: [effectText(effects, { dir }, experiment), effectTables(effects), sharesText(effects)].filter(Boolean)
        .join("\n\n"),
      forward: forwardText(cohortsOf(table, rows).own[0], table),
    },
  };
  return {
    pictures: pictures.map(({ name, svg }) => ({ name, svg })),
    page: {
      name: experiment === "01" ? "report_01_all.html" : "report_02_best.html",
      html: pageOf(content, scriptsOf(input)),
    },
    summary,
  };
}

/** Lines on files, named from the study's folder: where that lies is no matter of the report, which is the same wherever it is. */
function withinStudy(input: ReportInput, dir: string): ReportInput {
  const start = `Cannot read ${join(dir, sep)}`, { unknown_version, damaged, dynamics } = input;
  const within = (line: string) => line.startsWith(start) ? `Cannot read ${line.slice(start.length)}` : line;
  const withinAll = (lines: readonly string[]) => lines.map(within);
  const withinEach = (lines: ReadonlyMap<string, string>) =>
    new Map([...lines].map(([key, line]) => [key, within(line)]));
  return {
    ...input,
    unreadable: withinAll(input.unreadable),
    ...(unknown_version ? { unknown_version: withinAll(unknown_version) } : {}),
    ...(damaged ? { damaged: withinEach(damaged) } : {}),
    ...(dynamics
      ? {
        dynamics: {
          ...dynamics,
          unreadable: withinAll(dynamics.unreadable),
          damaged: withinEach(dynamics.damaged),
        },
      }
      : {}),
  };
}

async function writeFile(dir: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(dir, name);
  await writeAtomically(path, content);
  return path;
}
