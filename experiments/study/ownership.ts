/**
 * Whose a file is. Nothing is replaced or removed for its name alone: each file that cellspace writes into a study can be told from
 * another one of that name by what it holds, also where an earlier version wrote it.
 */
import { Buffer } from "node:buffer";
import { basename, dirname, join } from "node:path";
import { ORIGINAL_KEYS } from "../../cells/factors.ts";
import { DYNAMICS_COLUMN_NAMES } from "./dynamics_metrics.ts";
import { KNOWN_KEYS } from "./result.ts";
import { adviceFor, namesIn, reasonOf, sumOf, whyNoFile, WriteFailure } from "./files.ts";
import { BASELINES_FILE, QUEUE_FILE, SHARE_CLAIMS_FILE, SLURM_JOBS_FILE } from "./paths.ts";

/** What a PNG of cellspace says that it was made by, under PNG's own keyword. */
export const PNG_MARK = { keyword: "Software", text: "cellspace" } as const;

/** The bytes of a file as characters up to U+00FF. */
type Content = string;

/** Whether the file of this path, with this content, is one of cellspace's. */
type Recognizer = (content: Content, path: string) => boolean;

const beginsWith = (...beginnings: string[]): Recognizer => (content) =>
  beginnings.some((beginning) => content.startsWith(beginning));

const emptyOr = (...beginnings: string[]): Recognizer => (content, path) =>
  !content || beginsWith(...beginnings)(content, path);

/** Of a table in CSV: its first line names these columns, and no further one that a person has added. */
const isTableOf = (...columns: string[]): Recognizer => (content) => firstLine(content) === columns.join(",");

/** Of a table in Parquet: its magic, the names of columns, and what the library writes last; what others write of it has another. */
const isParquetWith = (...columns: string[]): Recognizer => (content) =>
  content.startsWith("PAR1") && columns.every((column) => content.includes(column)) &&
  content.slice(-WRITER_BYTES).includes("hyparquet");

/** At the end of a Parquet file: who wrote it, and how each of its columns is ordered. */
const WRITER_BYTES = 1024;

function firstLine(content: Content): string {
  return /^[^\r\n]*(?=\r?\n)/.exec(content)?.[0] ?? "";
}

/** This name and no other. */
function named(file: string): RegExp {
  return new RegExp(`^${file.replaceAll(".", "\\.")}$`);
}

const PICTURE = String
  .raw`(results_(01_all|02_big)(_[a-z][a-z\d_]*)?|filtered_results_01_(loss_below_[\d.e+-]+|test_loss_below_order_1))`;

/** Names that are written into a study's folder itself, beside those that are checked as they are read. */
const IN_STUDY: readonly (readonly [name: RegExp, isOurs: Recognizer])[] = [
  [named(BASELINES_FILE), isBaselines],
  [named(QUEUE_FILE), isDatabase],
  // What SQLite keeps beside a database is empty or begins so.
  [named(`${QUEUE_FILE}-wal`), emptyOr("\x37\x7f\x06\x82", "\x37\x7f\x06\x83")],
  [named(`${QUEUE_FILE}-shm`), emptyOr("\x18\xe2\x2d\0", "\0")],
  [named(SLURM_JOBS_FILE), (content) => /^\{\s*"cellspace_slurm":/.test(content)],
  [RegExp(`^${PICTURE}\\.svg$`), isPicture],
  [RegExp(`^${PICTURE}\\.png$`), isDrawnPicture],
  [/^report_(01_all|02_best)\.html$/, (content) => /<title>Experiment 0[12]: /.test(content)],
];

/**
 * Names of a run's files, but for its result, which has the name of its dynamics and is checked as it is read. Each beginning says who wrote it,
 * also where the end is damaged.
 */
const OF_RUNS: typeof IN_STUDY = [
  [/\.onnx$/, isModel],
  [/\.safetensors$/, isCheckpoint],
  [/^[0-9a-f]{64}(_seed\d+)?\.json$/, isDynamics],
  // Of attempts, and of what a share holds.
  [/^[1-9]\d*$/, beginsWith('{"attempt":')],
  [named(SHARE_CLAIMS_FILE), emptyOr('{"owner":')],
];

/** Characters of a run's file that are looked at: more than its metadata has before the curve. */
const BEGINNING = 65_536;

/** Names that are written into an export's folder. */
const IN_EXPORT: typeof IN_STUDY = [
  [/^runs\.csv$/, isTableOfRuns],
  [/^curves\.csv$/, isTableOf("id", "seed", "step", "smoothed_loss")],
  [/^columns\.csv$/, isTableOf("table", "column", "type", "about")],
  [/^dynamics\.csv$/, (content) => TABLE_OF_DYNAMICS.test(firstLine(content))],
  [/^runs\.parquet$/, isParquetWith(...ORIGINAL_KEYS)],
  [/^curves\.parquet$/, isParquetWith("smoothed_loss")],
  [/^dynamics\.parquet$/, isParquetWith("measure", "quantity", "standard_error")],
  [/^events\.out\.tfevents\.cellspace$/, (content) => content.includes("_hparams_/session_start_info")],
  [RegExp(`^${PICTURE}\\.csv$`), isPictureData],
  [/^SHA256SUMS$/, isSums],
  [/^(LICENSE|README\.md|study\.json|rnn_configs(_02)?\.json|tokenizer\.json|space\.ts|test\.txt)$/, isSummed],
  [/^export\.json$/, (content) => /^\{\s*"cellspace_export":/.test(content)],
];

/** The first two fields of ONNX' `ModelProto`: the version of the format, and who wrote it. */
function isModel(content: Content): boolean {
  return !content || content.startsWith("\b") && content.startsWith("\x12\tcellspace", 2);
}

/** Weights that PyTorch wrote have the format, and not these facts. */
function isCheckpoint(content: Content): boolean {
  return !content ||
    /^[^]{8}\{"__metadata__":\{/.test(content) &&
      ["config", "corpus_sha1", "log_every", "training"].every((key) => content.includes(`"${key}":"`));
}

/** What was measured of a run's dynamics; people may have set it out in another way. */
function isDynamics(content: Content): boolean {
  return !content ||
    /^\s*\{\s*"id":\s*"[0-9a-f]{64}",\s*"seed":\s*\d+,\s*"cellspace_version":\s*"[\d.]+",\s*"model_sha256":/.test(
      content,
    );
}

/** Whether a model was written by cellspace, be it damaged. */
export function isOurModel(model: Uint8Array): boolean {
  return isModel(Buffer.from(model.subarray(0, BEGINNING)).toString("latin1"));
}

/** Columns that a table of runs has had since the first version, from its beginning and among the others. */
const FIRST_COLUMNS = ["id", "seed", "status"] as const;
const OTHER_COLUMNS = [...ORIGINAL_KEYS, "min loss", "log_every", "cellspace_version"] as const;

/** Columns that are made of a key of results. */
const MADE_COLUMN =
  /^(status|tokens_read|sample_(text|prompt|bytes|temperature|seed)|memory_(gain|context|bytes|carried|reset_\d+))$/;

/** The columns of a table of dynamics: what a number is of, which a new measure adds to, lies between the first and the last ones. */
const TABLE_OF_DYNAMICS = /^id,seed,measure,quantity,[a-z_,]+,value,standard_error,unit$/;

/** Whether a table of runs may have a column of this name, beside those that it must have. */
function isColumnOfRuns(name: string): boolean {
  return KNOWN_KEYS.includes(name) || MADE_COLUMN.test(name) || DYNAMICS_COLUMN_NAMES.includes(name);
}

/** Earlier versions had fewer columns. */
function isTableOfRuns(content: Content): boolean {
  const names = firstLine(content).split(","), known = new Set(names);
  return FIRST_COLUMNS.every((name, i) => name === names[i]) && OTHER_COLUMNS.every((name) => known.has(name)) &&
    known.size === names.length && names.every(isColumnOfRuns);
}

/** Checksums of a data set: of these files and others, and nothing else. */
function isSums(content: Content): boolean {
  return /^([0-9a-f]{64} {2}[^\n]+\n)+$/.test(content) &&
    ["LICENSE", "columns.csv", "runs.parquet", "study.json"].every((name) => content.includes(`  ${name}\n`));
}

/**
 * A file that does not say who wrote it, or that a person may edit before it is published, is cellspace's where the checksums of the data set
 * beside it have its own.
 */
function isSummed(content: Content, path: string): boolean {
  const sums = contentOf(join(dirname(path), "SHA256SUMS"));
  if (sums === undefined) return false;
  return sums.split("\n").includes(`${sumOf(Buffer.from(content, "latin1"))}  ${basename(path)}`);
}

function isBaselines(content: Content): boolean {
  try {
    const value = JSON.parse(content);
    return typeof value?.method === "string" && "floors" in value;
  } catch {
    return false;
  }
}

/** A queue's database has one table at most, whose text SQLite keeps. */
function isDatabase(content: Content): boolean {
  if (!content) return true;
  return content.startsWith("SQLite format 3\0") && !/CREATE TABLE (?!claims )/.test(content);
}

/** All ids in a picture begin with its name. */
function isPicture(content: Content, path: string): boolean {
  return content.startsWith("<svg") && content.includes(`"${basename(path, ".svg")}-0"`);
}

/** The last column of a picture's data, behind which a person may have added one, has the picture's name in each row. */
function isPictureData(content: Content, path: string): boolean {
  const rows = content.trimEnd().split("\r\n").slice(1);
  return /,picture(-\d+)?$/.test(firstLine(content)) && rows.every((row) => row.endsWith(`,${basename(path, ".csv")}`));
}

/** Version 0.1.0 left no mark at first, but drew each picture at twice the size of the SVG beside it. */
function isDrawnPicture(content: Content, path: string): boolean {
  if (!content.startsWith("\x89PNG\r\n\x1a\n")) return false;
  if (content.includes(`${PNG_MARK.keyword}\0${PNG_MARK.text}`)) return true;
  const beside = path.replace(/\.png$/, ".svg"), svg = contentOf(beside);
  if (svg === undefined || !isPicture(svg, beside)) return false;
  const [root] = svg.match(/^<svg[^>]*>/) ?? [""], header = Buffer.from(content.slice(0, 24), "latin1");
  const drawn = (name: string) => 2 * Number(root.match(` ${name}="(\\d+)"`)?.[1]);
  return header.readUInt32BE(16) === drawn("width") && header.readUInt32BE(20) === drawn("height");
}

/**
 * Undefined where there is no file.
 *
 * @param most so many bytes at most, from the beginning
 */
function contentOf(path: string, most = Infinity): Content | undefined {
  try {
    const stat = Deno.statSync(path);
    // What waits for a writer must not be opened.
    if (whyNoFile(stat)) return undefined;
    using file = Deno.openSync(path);
    const bytes = Buffer.alloc(Math.min(stat.size, most));
    let end = 0;
    for (let read; end < bytes.length && (read = file.readSync(bytes.subarray(end))); end += read);
    return bytes.subarray(0, end).toString("latin1");
  } catch (error) {
    if (isNothing(error)) return undefined;
    throw error;
  }
}

/** There is no such file, or no such folder. */
function isNothing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** Whether a file is there and was written by cellspace. */
export function isOurs(path: string): boolean {
  const large = recognizerIn(OF_RUNS, path), recognizer = large ?? recognizerIn([...IN_STUDY, ...IN_EXPORT], path);
  if (!recognizer) {
    throw new RangeError(`Cannot tell which program wrote ${path}: no file of cellspace has such a name`);
  }
  const content = contentOf(path, large && BEGINNING);
  return content !== undefined && recognizer(content, path);
}

function recognizerIn(table: typeof IN_STUDY, path: string): Recognizer | undefined {
  return table.find(([name]) => name.test(basename(path)))?.[1];
}

/**
 * Checks that a file may be replaced or removed: there is none, or one that cellspace wrote.
 *
 * @param doing what needs it, after "Cannot"
 * @throws {WriteFailure} if it is somebody's, or no file
 */
export function checkReplaceable(path: string, doing: string = `write ${path}`, mend: string = "move it away"): void {
  const it = doing.endsWith(path) ? "it" : path;
  const fail = (why: string, advice = `; ${mend}`) => new WriteFailure(`Cannot ${doing}: ${why}${advice}`);
  const failure = (error: unknown, why: string) =>
    fail(`${why}${reasonOf(error)}`, error instanceof Deno.errors.NotCapable ? adviceFor(error) : undefined);
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (isNothing(error)) return;
    throw failure(error, "");
  }
  const why = info.isSymlink ? undefined : whyNoFile(info);
  if (why) throw fail(why.replace(/^it/, () => it));
  let ours: boolean;
  try {
    ours = isOurs(path);
  } catch (error) {
    throw error instanceof RangeError ? error : failure(error, `${it} cannot be read: `);
  }
  if (!ours) throw fail(`${it} exists, and cellspace did not write it`);
}

/**
 * Checks a folder in which a study is to be made.
 *
 * @throws {UserError} if it holds a file under a name of a study's, and that is somebody's
 */
export async function checkNewFolder(dir: string): Promise<void> {
  const names = (await namesIn(dir)).filter((name) => IN_STUDY.some(([pattern]) => pattern.test(name)));
  for (const name of names) {
    checkReplaceable(join(dir, name), `make a study in ${dir}`, "move it away, or choose another folder with --dir");
  }
}
