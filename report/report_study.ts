/** The report of a study. */
import type { Study } from "../experiments/study/store.ts";
import { readInput, type StudyReportOptions } from "./read_input.ts";
import { type ReportSummary, writeReport } from "./write_report.ts";

/**
 * Draws the finished runs of an experiment, with its page, into the study's folder.
 *
 * @throws {UserError} before anything is written: see {@linkcode writeReport} and {@linkcode readInput}
 */
export async function reportOnStudy(study: Study, options: StudyReportOptions): Promise<ReportSummary> {
  return await writeReport({ dir: study.dir, ...await readInput(study, options) });
}
