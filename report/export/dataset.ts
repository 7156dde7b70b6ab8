/** A study as a data set: a folder that is published by itself, with all that is needed to read it, check it and score its models again. */
import { basename, isAbsolute, join, win32 } from "node:path";
import { messageOf, UserError } from "../../cells/errors.ts";
import type { FactorTable } from "../../cells/factor.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { readBytes } from "../../experiments/study/files.ts";
import { readBaselines } from "../../experiments/study/ngram_baselines.ts";
import { isOurs } from "../../experiments/study/ownership.ts";
import type { RunDynamics } from "../../experiments/study/dynamics_file.ts";
import { isFinished, type RunResult } from "../../experiments/study/result.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { formatConfigList } from "../../experiments/study/runs.ts";
import type { StudySettings } from "../../experiments/study/schema.ts";
import type { Selection } from "../../experiments/study/selection.ts";
import type { Study } from "../../experiments/study/store.ts";
import { studyCorpus, studyTokenizer } from "../../experiments/study/text.ts";
import { CORPUS_NAMES } from "../../train/corpus/corpus.ts";
import { plural, shortList } from "../../train/terminal/words.ts";
import { MOST_NAMES } from "../data/account.ts";
import { csvOf } from "../data/csv.ts";
import { statusOf } from "./columns.ts";
import { licenseText, readmeOf } from "./dataset_readme.ts";
import type { ExportFile } from "./export_file.ts";
import { DEFAULT_LICENSE, type Format, type Inclusion } from "./formats.ts";
import { parquetOf } from "./parquet.ts";
import { columnsTable, tablesOf } from "./tables.ts";

/** Where a data set lies in an export's folder. */
export const DATASET = "dataset";
/** Its models and its text, as its own page names them. */
const MODELS = "models", TEST_FILE = "test.txt";

/** What a data set may have beside the measurements, and under which terms. */
export interface DatasetOptions {
  /** SPDX id of the licence of the measurements; {@linkcode DEFAULT_LICENSE} where absent. */
  readonly license?: string;
  /** What comes in beside them; nothing where absent. */
  readonly include?: readonly Inclusion[];
}

/** What a data set is made of. */
export interface DatasetInput extends DatasetOptions {
  readonly study: Study;
  readonly experiment: Experiment;
  /** The runs' order is that of the rows. */
  readonly runs: readonly RunResult[];
  readonly table: FactorTable;
  readonly measured: ReadonlyMap<string, RunDynamics>;
  readonly only?: Selection;
}

/** @throws {UserError} if a data set's terms or parts are asked for, and no data set */
export function checkDatasetOptions(study: Study, formats: readonly Format[], options: DatasetOptions): void {
  if (formats.includes("dataset")) return;
  const asked = [
    options.license === undefined ? undefined : "--license",
    options.include?.length ? "--include" : undefined,
  ]
    .find((name) => name !== undefined);
  if (asked === undefined) return;
  throw new UserError(
    `Cannot export ${study.dir}: ${asked} is of a data set, the formats are ${formats.join(", ")}; ` +
      "must be with --format dataset",
  );
}

/**
 * The files of a data set, its checksums last, and a line for each thing that it lacks.
 *
 * @throws {UserError} if the test split is asked for and the corpus cannot be read, or a file of the study is damaged
 */
export async function datasetOf(
  input: DatasetInput,
): Promise<{ readonly files: readonly ExportFile[]; readonly problems: readonly string[] }> {
  const { study, experiment, runs, table, measured, only, license = DEFAULT_LICENSE, include = [] } = input;
  const { settings } = study, problems: string[] = [];
  const tables = tablesOf(runs, table, measured), { dynamics } = tables;
  const configs = await study.readConfigs(experiment);
  const baselines = await baselinesOf(study, problems);
  const models = include.includes("models") ? modelsOf(input, problems) : [];
  const test = include.includes("test") ? (await studyCorpus(study)).test : undefined;
  const status = (wanted: string) => runs.filter((run) => statusOf(run) === wanted).length;
  const readme = readmeOf({
    settings: publicSettings(settings),
    experiment,
    tables,
    configs: configs.length,
    configsFile: basename(study.configsPath(experiment)),
    counts: { done: status("done"), failed: status("failed"), running: status("running") },
    only: only?.text,
    baselines: baselines?.levels,
    license,
    models: models.length,
    hasTest: test !== undefined,
  });
  const files: (readonly [name: string, content: ExportFile[1]] | undefined)[] = [
    // What takes long comes first: a process that is killed then leaves no page that its checksums do not know.
    ...models,
    test && [TEST_FILE, test],
    ["runs.parquet", parquetOf(tables.runs)],
    ["curves.parquet", parquetOf(tables.curves)],
    dynamics && ["dynamics.parquet", parquetOf(dynamics)],
    ["columns.csv", csvOf(columnsTable(tables))],
    ["study.json", JSON.stringify(publicSettings(settings), null, 2) + "\n"],
    configs.length ? [basename(study.configsPath(experiment)), formatConfigList(configs)] : undefined,
    baselines && [basename(study.baselinesPath), baselines.file],
    ...await ownFiles(study),
    ["README.md", readme],
    ["LICENSE", licenseText(license)],
    ["SHA256SUMS", { checksumsOf: DATASET }],
  ];
  return {
    files: files.flatMap((file) => file ? [[join(DATASET, file[0]), file[1]] as const] : []),
    problems,
  };
}

/** Without what says something of this machine: a file's folders. What a person has added to `study.json` stays there, too. */
function publicSettings(settings: StudySettings): StudySettings {
  const { source } = settings.corpus;
  if (CORPUS_NAMES.includes(source)) return settings;
  // A study may have been made on another system.
  const name = isAbsolute(source) ? basename(source) : win32.basename(source);
  return { ...settings, corpus: { ...settings.corpus, source: name } };
}

/** The baselines of the study, and the file that it has of them; undefined where it has none that fit. */
async function baselinesOf(study: Study, problems: string[]) {
  try {
    const levels = await readBaselines(study), file = levels && await readBytes(study.baselinesPath);
    return levels && file && { levels, file };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(`Left out: ${basename(study.baselinesPath)}: ${messageOf(error)}`);
    return undefined;
  }
}

/** The files of the study's tokenizer and of its space, as they are, where it has such. */
async function ownFiles(study: Study): Promise<(readonly [name: string, content: Uint8Array] | undefined)[]> {
  const { tokens, space } = study.settings;
  // Checked to be the study's own; a space was when the study was opened.
  if (tokens) await studyTokenizer(study);
  const paths = [...tokens ? [study.tokenizerPath] : [], ...space ? [study.spacePath] : []];
  return await Promise.all(paths.map(async (path) => {
    const bytes = await readBytes(path);
    return bytes && [basename(path), bytes] as const;
  }));
}

/** Models of finished runs, as copies; what is missing or somebody's is named in a line. */
function modelsOf({ study, experiment, runs }: DatasetInput, problems: string[]) {
  const keys = runs.filter(isFinished).map(({ id, seed }) => runKey(id, seed));
  const has = new Set(keys.filter((key) => isOurs(study.modelPath(experiment, key))));
  const missing = keys.filter((key) => !has.has(key));
  if (missing.length) {
    problems.push(
      `Left out: ${plural(missing.length, "model")} that the study lacks or that cellspace did not write, of ` +
        `${shortList(missing, MOST_NAMES)}; make them again with ` +
        commandOn("evaluate", study, experiment, { again: true }),
    );
  }
  return keys.filter((key) => has.has(key)).map((key) =>
    [join(MODELS, `${key}.onnx`), { copyOf: study.modelPath(experiment, key) }] as const
  );
}

/**
 * What not every data set has, as paths from an export's folder. Nothing else there is ever removed, whatever somebody wrote into a
 * manifest.
 */
export const MAY_GO_OF_DATASET = RegExp(
  `^${DATASET}[\\\\/](dynamics\\.parquet|rnn_configs(_02)?\\.json|entropy_floors\\.json|tokenizer\\.json|space\\.ts|` +
    `test\\.txt|${MODELS}[\\\\/][0-9a-f]{64}(_seed\\d+)?\\.onnx)$`,
);
