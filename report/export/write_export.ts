/** Writes the runs of one experiment for other tools: tables as CSV and Parquet, curves as TensorBoard event files. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import * as z from "zod";
import { parseWith } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import { type FactorTable, keysOf } from "../../cells/factor.ts";
import { GATED } from "../../cells/factors.ts";
import {
  advised,
  makeFolder,
  namesIn,
  readJson,
  removeFile,
  removeLeftovers,
  writeAtomically,
} from "../../experiments/study/files.ts";
import { checkReplaceable, isOurs } from "../../experiments/study/ownership.ts";
import { withListedMarks } from "../../experiments/study/promotion.ts";
import { dateIn, isFinished, KNOWN_KEYS, type RunResult, TIME_KEYS } from "../../experiments/study/result.ts";
import { adviceForRuns } from "../../experiments/study/commands.ts";
import { resultKeys } from "../../experiments/study/paths.ts";
import { runKey, shortKey } from "../../experiments/study/run_key.ts";
import { type Experiment, EXPERIMENTS } from "../../experiments/study/experiment.ts";
import { readSelected } from "../../experiments/study/selected_results.ts";
import type { Selection } from "../../experiments/study/selection.ts";
import type { Study } from "../../experiments/study/store.ts";
import { lockStudy } from "../../experiments/study/lock.ts";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import type { ReadDynamics } from "../../experiments/study/dynamics_among.ts";
import { readCurrentDynamics } from "../../experiments/study/read_dynamics.ts";
import { shortList } from "../../train/terminal/words.ts";
import { type AccountEntry, MOST_NAMES } from "../data/account.ts";
import type { ReadResults } from "../../experiments/study/runs.ts";
import type { Table } from "../data/table.ts";
import type { Picture } from "../figures/pictures.ts";
import { dynamicsAccount } from "../data/dynamics_account.ts";
import { csvOf } from "../data/csv.ts";
import { type Status, statusOf } from "./columns.ts";
import { columnsTable, tablesOf } from "./tables.ts";
import { sortRuns } from "../data/rows.ts";
import { checkDatasetOptions, DATASET, datasetOf, type DatasetOptions, MAY_GO_OF_DATASET } from "./dataset.ts";
import { checkWritable, type ExportFile, writeFiles } from "./export_file.ts";
import type { Format } from "./formats.ts";
import { parquetOf } from "./parquet.ts";
import { EVENT_FILE, eventFileOf, runFolderName } from "./tensorboard.ts";

export interface ExportOptions extends DatasetOptions {
  readonly study: Study;
  readonly experiment: Experiment;
  readonly formats: readonly Format[];
  /** Which configurations; all where absent. */
  readonly only?: Selection;
  /** Inside the study's folder; {@linkcode Study.exportFolder} where absent. */
  readonly out?: string;
  /** Whose factors stand in the results; the built-in ones where absent. */
  readonly table?: FactorTable;
  /** The pictures of the runs that were read, of which one at least has finished; CSV has their data. None where absent. */
  readonly pictures?: (
    read: { readonly results: ReadResults; readonly dynamics: ReadDynamics },
  ) => Promise<readonly Pick<Picture, "name" | "data">[]>;
  /** Called with a line, if another process keeps this one waiting. */
  readonly onWait?: (line: string) => void;
}

/** What has been written. */
export interface ExportSummary {
  readonly folder: string;
  /** Tables' files, and the folders of pictures' data and of event files; a path each. */
  readonly paths: readonly string[];
  /** Runs in all, and of each status. */
  readonly runs: number;
  readonly counts: Readonly<Record<Status, number>>;
  /** One line on each result file that could not be read, each time that is none, and on keys of results that no column holds. */
  readonly problems: readonly string[];
}

/**
 * Writes the files. All is made before the first is written, and each appears whole or not at all. The same results give the same
 * bytes.
 *
 * @throws {UserError} before anything is written: no run has begun, or files must not go to `out`
 */
export async function writeExport(options: ExportOptions): Promise<ExportSummary> {
  const { study, experiment, formats, only, out, table = GATED, license, include } = options;
  checkDatasetOptions(study, formats, options);
  const folder = out === undefined ? study.exportFolder(experiment) : checkFolder(study, out);
  const read = await readSelected(study, experiment, only, `export ${study.dir}`), { results, unreadable } = read;
  const dynamics = await readCurrentDynamics(study, experiment, results);
  const problems = [
    ...unreadable,
    ...impossibleTimes(results),
    ...unknownKeys(results, table),
    ...accountLines(dynamicsAccount(dynamics, { study, experiment })),
  ];
  if (!results.length) {
    const advice = adviceForRuns(study, experiment, (await study.readConfigs(experiment)).length > 0);
    const why = [`no run of experiment ${experiment} has begun; ${advice}`, ...unreadable];
    throw new UserError(`Cannot export ${study.dir}: ${why.join("; ")}`);
  }
  const marked = experiment === "02" ? withListedMarks(results, await study.readConfigs(experiment)) : results;
  const runs = sortRuns(marked);
  const isDrawn = formats.includes("csv") && runs.some(isFinished);
  const pictures = isDrawn ? await options.pictures?.({ results: read, dynamics }) : [];
  const data = new Map(pictures?.map(({ name, data }) => [join(PICTURES, `${name}.csv`), data()]));
  const { measured } = dynamics;
  const dataset = formats.includes("dataset")
    ? await datasetOf({ study, experiment, runs, table, measured, only, license, include })
    : { files: [], problems: [] };
  const tables = formats.flatMap((format) => format === "dataset" ? [] : MAKERS[format](runs, table, measured, data));
  const made = [...tables, ...dataset.files];

  using _lock = await lockStudy(study.dir, options.onWait);
  const former = await formerFiles(study, folder, experiment, made);
  const gone = formerOf(formats, former, made);
  for (const file of made) await checkWritable(folder, file, ELSEWHERE);
  for (const below of new Set(made.map(([path]) => join(folder, dirname(path))))) {
    await makeFolder(below);
    await removeLeftovers(below);
  }
  // What is to be written is noted before: a file is known for this experiment's even if the next is never written.
  await writeManifest(study, folder, experiment, [...former, ...made.map(([path]) => path)]);
  // Unfinished files lie in the study's folder, where `train` removes what a killed process has left.
  // What goes does so before checksums are written: what they name is what is there.
  await writeFiles(folder, made, study.dir, () => removeFormer(folder, gone));
  await writeManifest(study, folder, experiment, [
    ...former.filter((path) => !gone.includes(path)),
    ...made.map(([path]) => path),
  ]);
  const paths = new Set(made.map(([path]) => IN_FOLDERS.find((folder) => path.startsWith(folder + sep)) ?? path));
  const count = (status: Status) => runs.filter((run) => statusOf(run) === status).length;
  return {
    folder,
    paths: [...paths].map((path) => join(folder, path)),
    runs: runs.length,
    counts: { done: count("done"), failed: count("failed"), running: count("running") },
    problems: [...problems, ...dataset.problems],
  };
}

const TENSORBOARD = "tensorboard", PICTURES = "pictures";
/** What a summary names as a folder. */
const IN_FOLDERS = [TENSORBOARD, PICTURES, DATASET];

type Maker = (
  runs: readonly RunResult[],
  table: FactorTable,
  measured: ReadonlyMap<string, RunDynamics>,
  pictures: ReadonlyMap<string, Table>,
) => ExportFile[];

/** The files of each format but a data set, which is made of more than tables. */
const MAKERS: Readonly<Record<Exclude<Format, "dataset">, Maker>> = {
  csv(runs, table, measured, pictures) {
    const tables = tablesOf(runs, table, measured), { dynamics } = tables;
    return [
      ["runs.csv", csvOf(tables.runs)],
      ["curves.csv", csvOf(tables.curves)],
      ...(dynamics ? [["dynamics.csv", csvOf(dynamics)] as const] : []),
      ...[...pictures].map(([path, table]): ExportFile => [path, csvOf(table)]),
      ["columns.csv", csvOf(columnsTable({ ...tables, ...tablesIn(pictures) }))],
    ];
  },
  parquet(runs, table, measured) {
    const tables = tablesOf(runs, table, measured), { dynamics } = tables;
    return [
      ["runs.parquet", parquetOf(tables.runs)],
      ["curves.parquet", parquetOf(tables.curves)],
      ...(dynamics ? [["dynamics.parquet", parquetOf(dynamics)] as const] : []),
    ];
  },
  tensorboard: (runs, table) =>
    runs.map((run) => [join(TENSORBOARD, runFolderName(run, table), EVENT_FILE), eventFileOf(run, table)]),
};

/** The tables of pictures by the names of their files, without their ending. */
function tablesIn(pictures: ReadonlyMap<string, Table>): Readonly<Record<string, Table>> {
  return Object.fromEntries(
    [...pictures].map(([path, table]) => [path.replaceAll("\\", "/").replace(/\.csv$/, ""), table]),
  );
}

/** @throws {UserError} if the folder is outside the study, or one that holds runs alone */
function checkFolder(study: Study, out: string): string {
  const way = relative(resolve(study.dir), resolve(out));
  if (isAbsolute(way) || way.split(/[\\/]/)[0] === "..") {
    throw new UserError(
      `Cannot export to ${out}: it must be inside the study's folder ${study.dir}, since tasks may write only there`,
    );
  }
  const kept = EXPERIMENTS.flatMap((experiment) => study.runFolders(experiment))
    .find((folder) => !relative(folder, resolve(study.dir, way)).startsWith(".."));
  if (kept !== undefined) throw new UserError(`Cannot export to ${out}: ${kept} may hold only files of runs`);
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

/** What an account says, a line each: of a list of files one for each of them. */
function accountLines(entries: readonly AccountEntry[]): string[] {
  return entries.flatMap(({ lead, names, lines }) => lines ? names : [`${lead}: ${shortList(names, MOST_NAMES)}`]);
}

/** A result may hold what a newer version or somebody else put there. */
function unknownKeys(results: readonly RunResult[], { factors }: FactorTable): string[] {
  const known = new Set([...KNOWN_KEYS, ...keysOf(factors)]);
  const unknown = [...new Set(results.flatMap((result) => Object.keys(result)))].filter((key) => !known.has(key))
    .sort();
  return unknown.length
    ? [`Left out: results hold keys that this version has no column for: ${unknown.join(", ")}`]
    : [];
}

/** What to do about a file or an export that is in the way. */
const ELSEWHERE = "move it away, or choose another folder with --out";

/** What an export's folder holds, in a file of its own: whose event files may go when their runs have gone. */
const MANIFEST = "export.json";

export const manifestSchema = z.object({
  cellspace_export: z.enum(EXPERIMENTS),
  files: z.array(z.string()),
});

/**
 * The files that earlier exports of an experiment have written into a folder, as paths from there.
 *
 * @param made what is to be written there
 * @throws {UserError} if another experiment was written there: its files have the same names
 */
async function formerFiles(
  study: Study,
  folder: string,
  experiment: Experiment,
  made: readonly ExportFile[],
): Promise<readonly string[]> {
  const path = join(folder, MANIFEST);
  checkReplaceable(path, `export to ${folder}`, ELSEWHERE);
  const value = existsSync(path) ? await advised("move it away", () => readJson(path)) : undefined;
  const { cellspace_export: of, files } = value === undefined
    ? await unnotedFiles(study, folder, experiment, made)
    : parseWith(manifestSchema, value, path);
  if (of === experiment) return files;
  throw new UserError(
    `Cannot export experiment ${experiment} to ${folder}: it holds ${of ? `experiment ${of}` : "an earlier export"}, ` +
      "under the same names; choose another folder with --out",
  );
}

/**
 * The former export of a folder without a manifest: versions before it wrote none. In the study's own export folder it is of this
 * experiment. Anywhere else its experiment is unknown if the study has results of both.
 */
async function unnotedFiles(study: Study, folder: string, experiment: Experiment, made: readonly ExportFile[]) {
  if (folder === study.exportFolder(experiment)) {
    const runs = await namesIn(join(folder, TENSORBOARD)).catch(() => []);
    return { cellspace_export: experiment, files: runs.map((name) => join(TENSORBOARD, name, EVENT_FILE)) };
  }
  const others = EXPERIMENTS.filter((other) => other !== experiment);
  const keys = (await Promise.all(others.map((other) => resultKeys(study.dir, other)))).flat();
  const isThere = made.some(([path]) => existsSync(join(folder, path)));
  return { cellspace_export: keys.length && isThere ? undefined : experiment, files: [] };
}

async function writeManifest(
  { dir }: Study,
  folder: string,
  cellspace_export: Experiment,
  files: readonly string[],
): Promise<void> {
  const content = JSON.stringify({ cellspace_export, files: [...new Set(files)].sort() }, null, 1);
  await writeAtomically(join(folder, MANIFEST), `${content}\n`, dir);
}

/** What earlier exports in these formats have written, and this one does not: other tools would go on showing it. */
function formerOf(formats: readonly Format[], former: readonly string[], made: readonly ExportFile[]): string[] {
  const paths = new Set(made.map(([path]) => path));
  return former.filter((path) => !paths.has(path) && formats.some((format) => MAY_GO[format].test(path)));
}

/**
 * By format, what not every export has: event files of runs that the study no longer has, tables of dynamics, and those of pictures. Nothing else
 * that a manifest names is ever removed, whatever somebody wrote into it.
 */
const MAY_GO: Readonly<Record<Format, RegExp>> = {
  csv: RegExp(`^(dynamics|${PICTURES}[\\\\/](filtered_)?results_0[12]_\\w[\\w.]*)\\.csv$`),
  parquet: /^dynamics\.parquet$/,
  tensorboard: RegExp(`^${TENSORBOARD}[\\\\/](?!\\.)[^\\\\/]+[\\\\/]${RegExp.escape(EVENT_FILE)}$`),
  dataset: MAY_GO_OF_DATASET,
};

function removeFormer(folder: string, paths: readonly string[]): void {
  for (const path of paths.map((path) => join(folder, path)).filter(isOurs)) {
    removeFile(path);
    const below = dirname(path);
    // Something else may lie there: that is somebody's.
    if (below !== folder && ![...Deno.readDirSync(below)].length) Deno.removeSync(below);
  }
}
