/** Writes the runs of one experiment for other tools: tables as CSV and Parquet, curves as TensorBoard event files. */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { UserError } from "../cells/errors.ts";
import { makeFolder, removeFile, writeAtomically } from "../experiments/files.ts";
import { withListedMarks } from "../experiments/promotion.ts";
import { dateIn, KNOWN_KEYS, type RunResult, TIME_KEYS } from "../experiments/result.ts";
import { type Experiment, EXPERIMENTS, runKey, shortKey, type Study } from "../experiments/store.ts";
import { csvOf } from "./csv.ts";
import { type Status, statusOf } from "./export_columns.ts";
import { columnsTable, sortRuns, tablesOf } from "./export_tables.ts";
import { parquetOf } from "./parquet.ts";
import { EVENT_FILE, eventFileOf, runFolderName } from "./tensorboard.ts";

export const FORMATS = ["csv", "parquet", "tensorboard"] as const;
export type Format = typeof FORMATS[number];

export interface ExportOptions {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly formats: readonly Format[];
  /** Inside the study's folder; {@linkcode Study.exportFolder} where absent. */
  readonly out?: string;
}

/** What has been written. */
export interface ExportSummary {
  readonly folder: string;
  /** Tables' files, and the folder of the event files; a path each. */
  readonly paths: readonly string[];
  /** Runs in all, and of each status. */
  readonly runs: number;
  readonly counts: Readonly<Record<Status, number>>;
  /** One line on each result file that could not be read, each time that is none, and on keys of results that no column holds. */
  readonly problems: readonly string[];
}

/** Path from the export's folder, and content. */
type File = readonly [path: string, content: string | Uint8Array];

/**
 * Writes the files. All is made before the first is written, and each appears whole or not at all. The same results give the same
 * bytes.
 *
 * @throws {UserError} before anything is written: no run has begun, or files must not go to `out`
 */
export async function writeExport({ study, experiment, formats, out }: ExportOptions): Promise<ExportSummary> {
  const folder = out === undefined ? study.exportFolder(experiment) : checkFolder(study, out);
  const { results, unreadable } = await study.readResults(experiment);
  const problems = [...unreadable, ...impossibleTimes(results), ...unknownKeys(results)];
  if (!results.length) {
    const why = [`no run of experiment ${experiment} has begun; train some with 'deno task train'`, ...unreadable];
    throw new UserError(`Cannot export ${study.dir}: ${why.join("; ")}`);
  }
  const marked = experiment === "02" ? withListedMarks(results, await study.readConfigs(experiment)) : results;
  const runs = sortRuns(marked);
  const files = formats.map((format): [Format, File[]] => [format, MAKERS[format](runs)]);

  // Unfinished files lie in the study's folder, where `train` removes what a killed process has left.
  for (const [path, content] of files.flatMap(([, made]) => made)) {
    await makeFolder(dirname(join(folder, path)));
    await writeAtomically(join(folder, path), content, study.dir);
  }
  if (formats.includes("tensorboard")) removeFormerRuns(join(folder, TENSORBOARD), runs);
  const paths = files.flatMap(([format, made]) =>
    format === "tensorboard" ? [TENSORBOARD] : made.map(([path]) => path)
  );
  const count = (status: Status) => runs.filter((run) => statusOf(run) === status).length;
  return {
    folder,
    paths: paths.map((path) => join(folder, path)),
    runs: runs.length,
    counts: { done: count("done"), failed: count("failed"), running: count("running") },
    problems,
  };
}

const TENSORBOARD = "tensorboard";

/** The files of each format. */
const MAKERS: Readonly<Record<Format, (runs: readonly RunResult[]) => File[]>> = {
  csv(runs) {
    const tables = tablesOf(runs);
    const columns = columnsTable(tables);
    return [["runs.csv", csvOf(tables.runs)], ["curves.csv", csvOf(tables.curves)], ["columns.csv", csvOf(columns)]];
  },
  parquet(runs) {
    const tables = tablesOf(runs);
    return [["runs.parquet", parquetOf(tables.runs)], ["curves.parquet", parquetOf(tables.curves)]];
  },
  tensorboard: (runs) => runs.map((run) => [join(TENSORBOARD, runFolderName(run), EVENT_FILE), eventFileOf(run)]),
};

/** @throws {UserError} if the folder is outside the study, or one that holds runs alone */
function checkFolder(study: Study, out: string): string {
  const way = relative(resolve(study.dir), resolve(out));
  if (isAbsolute(way) || way.split(/[\\/]/)[0] === "..") {
    throw new UserError(
      `Cannot export to ${out}: it must lie inside the study's folder ${study.dir}, for tasks may write only there`,
    );
  }
  const kept = EXPERIMENTS.flatMap((experiment) => study.runFolders(experiment))
    .find((folder) => !relative(folder, resolve(study.dir, way)).startsWith(".."));
  if (kept !== undefined) throw new UserError(`Cannot export to ${out}: ${kept} holds files of runs and nothing else`);
  return join(study.dir, way);
}

/** One line for each number that stands for a time and is none. */
function impossibleTimes(results: readonly RunResult[]): string[] {
  return sortRuns(results).flatMap((result) => {
    const wrong = TIME_KEYS.filter((key) => result[key] !== undefined && dateIn(result, key) === null);
    const run = shortKey(runKey(result.id, result.seed));
    return wrong.map((key) => `Left out: '${key}' of run ${run} is ${result[key]}, must be a time in Unix seconds`);
  });
}

/** A result may hold what a newer version or somebody else put there. */
function unknownKeys(results: readonly RunResult[]): string[] {
  const known = new Set(KNOWN_KEYS);
  const unknown = [...new Set(results.flatMap((result) => Object.keys(result)))].filter((key) => !known.has(key))
    .sort();
  return unknown.length
    ? [`Left out: results hold keys that this version has no column for: ${unknown.join(", ")}`]
    : [];
}

/** Removes the event files of runs that the study no longer has, which TensorBoard would go on showing. */
function removeFormerRuns(folder: string, runs: readonly RunResult[]): void {
  const names = new Set(runs.map(runFolderName));
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (!isDirectory || names.has(name)) continue;
    removeFile(join(folder, name, EVENT_FILE));
    // Something else may lie there: that is somebody's.
    if (![...Deno.readDirSync(join(folder, name))].length) Deno.removeSync(join(folder, name));
  }
}
