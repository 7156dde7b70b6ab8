/** The export of a study: its runs as tables, and the data of the pictures that a report of them has. */
import type { Study } from "../experiments/study/store.ts";
import { reportContent } from "./content/report_content.ts";
import { type ExportOptions, type ExportSummary, writeExport } from "./export/write_export.ts";
import { readInput } from "./read_input.ts";

/** Options of {@linkcode exportStudy}. */
export type StudyExportOptions = Omit<ExportOptions, "study" | "table" | "pictures">;

/**
 * Writes the runs of an experiment, and the data behind the pictures of the same runs.
 *
 * @throws {UserError} before anything is written: see {@linkcode writeExport}
 */
export async function exportStudy(study: Study, options: StudyExportOptions): Promise<ExportSummary> {
  const { experiment, only } = options;
  return await writeExport({
    ...options,
    study,
    table: study.space,
    pictures: async (read) => reportContent(await readInput(study, { experiment, only, read }), study.dir).pictures,
  });
}
