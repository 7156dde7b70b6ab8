/** What the methods of the library's `Study` take, checked and put as the rest of the program takes it. */
import { checkWhole, MAX_BATCH, MAX_VOCABULARY } from "../cells/bounds.ts";
import { messageOf, UserError } from "../cells/errors.ts";
import type { FactorValue } from "../cells/factor.ts";
import type { Space } from "../cells/space.ts";
import { MOST_PARALLEL } from "../experiments/session/capacity.ts";
import type { TrainingListener } from "../experiments/session/listener.ts";
import type { ConfigRequest } from "../experiments/study/choose_configs.ts";
import type { RunDynamics } from "../experiments/study/dynamics_file.ts";
import { checkLevels, MOST_CONFIGS, MOST_RUNS } from "../experiments/study/grid.ts";
import type { InitOptions } from "../experiments/study/init_study.ts";
import type { TableLevels } from "../experiments/study/levels.ts";
import { type ParameterTarget, parseParameters } from "../experiments/study/parameters.ts";
import { parseIdPrefix } from "../experiments/study/run_key.ts";
import { type Experiment, EXPERIMENTS } from "../experiments/study/experiment.ts";
import { parseSelection, type Selection } from "../experiments/study/selection.ts";
import { BYTE_VOCABULARY } from "../cells/language_model.ts";
import { parseShard, type Shard } from "../experiments/study/shard.ts";
import { MAX_BYTES } from "../train/corpus/bounds.ts";
import { DYNAMICS_DEFAULTS, type DynamicsSettings } from "../train/dynamics/measure.ts";
import type { Budget } from "../train/training/settings.ts";
import { checkChoice, type ScoreChoice } from "../train/scoring/score_on.ts";
import type { EngineName } from "../train/engines/registry.ts";
import type { DatasetOptions } from "./export/dataset.ts";
import { DEFAULT_FORMATS, type Format, FORMATS, type Inclusion, INCLUSIONS, parseLicense } from "./export/formats.ts";

/** Settings of a study that can still be changed, as `deno task init` has flags for; what is absent stays as it is. */
export interface StudySettingsOptions {
  /** Runs of each configuration, with the seeds 0 … n−1; of a new study: 3, since one seed gives no interval. */
  readonly seeds?: number;
  /** Updates of each run that goes one step back, rounded up to whole passes; of a new study: 10,000, and 50,000 in experiment 02. */
  readonly steps?: number;
  /** Parallel sequences of a step; of a new study: 256. No more to be changed once there are results. */
  readonly batch?: number;
  /** Tokens of a pass, after which the states are set to zero; of a new study: 1000. No more to be changed once there are results. */
  readonly history?: number;
  /**
   * What runs have in common that go different numbers of steps back: the `tokens` that they read, or the number of their `updates`; of a
   * new study: `tokens`.
   */
  readonly budget?: Budget;
}

/** A study that is to be made. */
export interface StudyCreation extends StudySettingsOptions {
  /** The study's folder, which need not exist. */
  readonly dir: string;
  /** `embedded`, the name of a known corpus that is on this machine, or a file; absent: `embedded`. */
  readonly corpus?: string;
  /** The file of a space of one's own; absent: the gated cell's. The study keeps a copy. */
  readonly space?: string;
  /** 256 for bytes, or so many byte-pair tokens, at most 65,536, which are learned from the training split; absent: bytes. */
  readonly tokens?: number;
}

/** Which runs a method is about; with none of it all of experiment 01. */
export interface StudySelection {
  /** `01`, or `02` for the best of it, wider and deeper; absent: `01`. */
  readonly experiment?: Experiment;
  /** As `--only` has it: `n_layers>1,learning_rate<=1e-3`, `cell=gru|lstm`; absent: all. */
  readonly only?: string;
}

/**
 * What is to be listed, and settings to be changed, as `deno task init` takes them. With nothing asked of it a new list is the whole grid of
 * the study's space, and one that has configurations stays as it is.
 */
export interface StudyListing extends StudySelection, StudySettingsOptions {
  /** Values that factors are to take, by key: `{ n_layers: [1, 2] }`. On a list each configuration comes again with these. */
  readonly levels?: TableLevels;
  /** Names of cells to compare with, `["gru", "lstm"]`, which alone are listed then. */
  readonly cells?: readonly string[];
  /** State sizes by the number of parameters: 700000, `700k`, or `like:` and the beginning of a listed id. */
  readonly parameters?: number | string;
  /** So many of the study's configurations, the best by their mean validation score, come again with the levels. */
  readonly best?: number;
  /** In experiment 02: configurations that were not chosen and are trained anyway. */
  readonly controls?: number;
}

/** Where the claims on a study's runs lie; absent: in a file of the study. */
export interface StudyQueue {
  /** On a PostgreSQL server, for machines that share no disk: `postgres://role@host:port/database`. */
  readonly queue?: string;
  /** In a file on a disk of this machine, for its processes alone: where the study lies on a network's disk. */
  readonly nodeLocal?: boolean;
}

/** How {@linkcode Study.train} trains. */
export interface StudyTraining extends StudySelection, StudyQueue, TrainingListener {
  /** `auto`, or one of {@linkcode ENGINE_NAMES} that trains studies; absent: `auto`. */
  readonly engine?: "auto" | EngineName;
  /** Runs at a time; absent: as many as suit the engine. */
  readonly parallel?: number;
  /** Updates of each run that goes one step back, in this call; absent: the study's. */
  readonly steps?: number;
  /** What runs have in common that go several steps back, in this call; absent: the study's. */
  readonly budget?: Budget;
  /** Trains at most so many runs. */
  readonly limit?: number;
  /** The share `i/K` of the list that is trained, such as `"2/3"`, without a queue; absent: all. */
  readonly shard?: string;
  /** `auto`, `cpu` or `webgpu`: where runs are scored; absent: `auto`, on a real GPU where there is one. */
  readonly scoreOn?: ScoreChoice;
  /** Bytes of the test split that are scored, at most; absent: all. */
  readonly testBytes?: number;
  /** Whether runs are trained again that the server says are trained in another folder, which is lost. */
  readonly retrainLost?: boolean;
  /** Whether runs are tried again that diverged (NaN or Inf). */
  readonly retryFailed?: boolean;
  /** Stops at a good place; what is done is saved, and the next call resumes from there. */
  readonly signal?: AbortSignal;
}

/** How {@linkcode Study.evaluate} scores. */
export interface StudyEvaluation extends StudySelection, StudyQueue {
  /** Whether runs are scored that have a score, after their models are made again from the checkpoints. */
  readonly again?: boolean;
  /** `auto`, `cpu` or `webgpu`: where runs are scored; absent: `auto`, on a real GPU where there is one. */
  readonly scoreOn?: ScoreChoice;
  /** Bytes of the test split that are scored, at most; absent: all. */
  readonly testBytes?: number;
  /** Gives the score up that is under way, and begins none. */
  readonly signal?: AbortSignal;
  /** Called after each score. */
  readonly onProgress?: (progress: ScoringProgress) => void;
  /** Called with a line on each run that cannot be scored, while the others go on. */
  readonly onProblem?: (line: string) => void;
}

/** Where a call of {@linkcode Study.evaluate} is. */
export interface ScoringProgress {
  /** Runs scored, of those that lack a score. */
  readonly done: number;
  /** How many these are. */
  readonly of: number;
  /** The run that has just been scored: the name of its files. */
  readonly key: string;
  /** Its score on the test split, bits per byte. */
  readonly bits_per_byte: number;
  /** Its score on the validation split, bits per byte; absent where that is too short for one. */
  readonly validation_bits_per_byte?: number;
}

/** What {@linkcode Study.dynamics} measures, and how. */
export interface StudyMeasuring extends StudySelection, StudyQueue {
  /** So many configurations, those that predict best, with all their seeds; absent: all. */
  readonly top?: number;
  /** Parts of the test split that are read side by side; standard errors are over them. Absent: 8. */
  readonly streams?: number;
  /** Tokens that are measured of each stream, after 512 that warm it up; absent: 4096. */
  readonly tokens?: number;
  /** Lyapunov exponents of each layer, from the largest, at most; absent: 32. */
  readonly exponents?: number;
  /** Runs at a time, each on a thread of its own; absent: as many as there are cores. */
  readonly parallel?: number;
  /** Whether runs are measured that have been, with these settings or others. */
  readonly again?: boolean;
  /** Gives up the runs that are under way, and begins none; those that have been measured are kept. */
  readonly signal?: AbortSignal;
  /** Called when a run has been measured, and as those under way come on. */
  readonly onProgress?: (progress: MeasuringProgress) => void;
  /** Called with what has been measured of a run, once its file is written: `key` is the file's name. */
  readonly onMeasured?: (key: string, dynamics: RunDynamics) => void;
  /** Called with a line on each run that cannot be measured, while the others go on. */
  readonly onProblem?: (line: string) => void;
}

/** Where a call of {@linkcode Study.dynamics} is. */
export interface MeasuringProgress {
  /** Runs that it has measured, of those that it is to measure. */
  readonly done: number;
  /** How many these are. */
  readonly of: number;
  /** How much of each run under way is done, from 0 to 1. */
  readonly shares: readonly number[];
  /** An estimate of the time that the rest takes; absent where nothing is known yet. */
  readonly seconds_left?: number;
}

/** What {@linkcode Study.merge} joins, and how. */
export interface StudyMerging extends Pick<StudySelection, "experiment">, StudyQueue {
  /** Folders of copies of the study that were trained apart. */
  readonly from: readonly string[];
  /** Whether nothing is written, and what would come is counted. */
  readonly dryRun?: boolean;
  /** Stops after the run that is under way; the same call resumes from there. */
  readonly signal?: AbortSignal;
  /** Called with a line on each run that is left as it is, and one on engines and adapters where the runs here differ in them. */
  readonly onMessage?: (line: string) => void;
  /** Called with a line on each run that cannot come: it is damaged, or has other numbers than here. */
  readonly onProblem?: (line: string) => void;
}

/** What {@linkcode Study.report} draws. */
export interface StudyReporting extends StudySelection {
  /** The filtered picture shows configurations with a smaller min loss, nats per token; absent: with a test loss below order 1. */
  readonly below?: number;
  /** Folders of studies to compare with, paired by seed. */
  readonly with?: readonly string[];
}

/** Which model {@linkcode Study.sample} draws from, and what. */
export interface StudySampling extends StudySelection {
  /** The beginning of the run's id; absent: the best run, by its score on the validation split. */
  readonly id?: string;
  /** Text that the model reads first; absent or empty: a line's end. */
  readonly prompt?: string;
  /** Bytes to draw; absent: 500. */
  readonly bytes?: number;
  /** Divides the logits: lower is more deterministic, 0 takes the likeliest; absent: 0.8. */
  readonly temperature?: number;
  /** Of the draws, a whole number of at least 0; absent: 0. */
  readonly seed?: number;
}

/** What {@linkcode Study.remove} takes off the list: one of the two, or both. */
export interface StudyRemoval extends StudySelection {
  /** The beginning of the id of one configuration. */
  readonly id?: string;
}

/** What {@linkcode Study.export} writes. */
export interface StudyExporting extends StudySelection {
  /** `csv`, `parquet`, `tensorboard`, `dataset`; absent: all but `dataset`. */
  readonly formats?: readonly Format[];
  /** Of a data set: the SPDX id of its licence; absent: `CC-BY-4.0`. */
  readonly license?: string;
  /** Of a data set: `models`, and `test` for the test split, whose text has a licence of its own; absent: neither. */
  readonly include?: readonly Inclusion[];
  /** A folder inside the study's; absent: `export_01_all` or `export_02_best`. */
  readonly out?: string;
}

/** @throws {RangeError} if it is not a folder's name */
export function checkDir(dir: string): string {
  if (typeof dir === "string" && dir.trim()) return dir;
  throw new RangeError(`Cannot use a study: its folder is '${dir}', must be a path`);
}

/** @throws {RangeError} if there is no such experiment */
export function experimentIn({ experiment = "01" }: StudySelection): Experiment {
  if (EXPERIMENTS.includes(experiment)) return experiment;
  throw new RangeError(`Cannot find experiment '${experiment}': must be one of ${EXPERIMENTS.join(", ")}`);
}

/** @throws {UserError} if the expression says nothing of this space */
export function selectionIn({ only }: StudySelection, space: Space): Selection | undefined {
  return only === undefined ? undefined : parsed("only", only, (text) => parseSelection(text, space));
}

/** @throws {UserError} if it is no beginning of an id */
export function idIn({ id }: { readonly id?: string }): string | undefined {
  return id === undefined ? undefined : parsed("id", id, parseIdPrefix);
}

/** Reads what a command line would have as a flag, and says what must be as a sentence. */
function parsed<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(`${text}`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot use ${name} '${text}': ${messageOf(error)}`);
  }
}

/** @throws {RangeError} if a number is out of bounds that a flag would have refused */
export function creationOf(options: StudyCreation): InitOptions {
  const { dir, corpus, space, seeds, steps, batch, history, budget, tokens } = options;
  checkNumber("create a study", "tokens", tokens, BYTE_VOCABULARY, MAX_VOCABULARY);
  return { dir, experiment: "01", corpus, space, seeds, steps, batch, history, budget, tokens, create: true };
}

/**
 * @throws {UserError} if there is no such factor or an expression cannot be read; {@linkcode RangeError} if a number is out of bounds;
 *   {@linkcode TypeError} if levels are no list
 */
export function listingOf(dir: string, options: StudyListing, space: Space): InitOptions {
  const { levels = {}, cells, parameters, best, controls, seeds, steps, batch, history, budget } = options;
  checkLevels(levels, space);
  for (
    const [name, list] of Object.entries({ ...levels, cells } as Record<string, readonly FactorValue[] | undefined>)
  ) {
    if (list !== undefined && !Array.isArray(list)) throw new TypeError(`Cannot list ${name} ${list}: must be a list`);
  }
  checkNumber("list configurations", "best", best, 1, MOST_CONFIGS);
  checkNumber("list configurations", "controls", controls, 0, MOST_RUNS);
  const request: ConfigRequest = {
    levels,
    cells,
    parameters: targetOf(parameters),
    only: selectionIn(options, space),
    best,
  };
  return { dir, experiment: experimentIn(options), ...request, controls, seeds, steps, batch, history, budget };
}

function targetOf(parameters: number | string | undefined): ParameterTarget | undefined {
  if (typeof parameters === "string") return parsed("parameters", parameters, parseParameters);
  checkNumber("list configurations", "parameters", parameters, 1);
  return parameters === undefined ? undefined : { count: parameters };
}

/** @throws {RangeError} if a number is out of bounds */
export function checkTrainingCall({ parallel, limit, ...scoring }: StudyTraining): void {
  checkNumber("train", "parallel", parallel, 1, MOST_PARALLEL);
  checkNumber("train", "limit", limit, 1, MOST_RUNS);
  checkScoring("train", scoring);
}

/** @throws {UserError} if it is no share */
export function shardIn({ shard }: StudyTraining): Shard | undefined {
  return shard === undefined ? undefined : parsed("shard", shard, parseShard);
}

/** @throws {RangeError} if there is no such place, or the part that is to be scored is not part of a text */
export function checkScoring(
  action: string,
  { scoreOn = "auto", testBytes }: Pick<StudyEvaluation, "scoreOn" | "testBytes">,
): void {
  checkNumber(action, "testBytes", testBytes, 2, MAX_BYTES);
  checkChoice(scoreOn);
}

/** @throws {RangeError} if a number is out of bounds */
export function dynamicsSettingsIn({ top, parallel, ...asked }: StudyMeasuring): DynamicsSettings {
  const { streams = DYNAMICS_DEFAULTS.streams, tokens = DYNAMICS_DEFAULTS.tokens } = asked;
  const { exponents = DYNAMICS_DEFAULTS.exponents } = asked, action = "measure dynamics";
  checkNumber(action, "top", top, 1, MOST_RUNS);
  checkNumber(action, "parallel", parallel, 1, MOST_PARALLEL);
  checkNumber(action, "streams", streams, 1, MAX_BATCH);
  checkNumber(action, "tokens", tokens, 1, MAX_BYTES);
  checkNumber(action, "exponents", exponents, 1, MAX_BATCH);
  return { streams, tokens, exponents };
}

/** @throws {TypeError} if folders are no list; {@linkcode RangeError} if one of them is not a folder's name */
export function othersIn({ with: dirs = [] }: StudyReporting): readonly string[] {
  return foldersIn("compare with", dirs);
}

/** @throws {TypeError} if folders are no list; {@linkcode RangeError} if one of them is not a folder's name */
export function copiesIn({ from }: StudyMerging): readonly string[] {
  return foldersIn("merge", from);
}

function foldersIn(action: string, dirs: readonly string[]): readonly string[] {
  if (!Array.isArray(dirs)) throw new TypeError(`Cannot ${action} ${dirs}: must be a list of folders`);
  return dirs.map((dir) => checkDir(dir));
}

/** @throws {RangeError} if there is no such format */
export function formatsIn({ formats = DEFAULT_FORMATS }: StudyExporting): readonly Format[] {
  const unknown = formats.find((format) => !FORMATS.includes(format));
  if (unknown === undefined && formats.length) return FORMATS.filter((format) => formats.includes(format));
  throw new RangeError(`Cannot export as '${unknown ?? ""}': must be of ${FORMATS.join(", ")}`);
}

/** @throws {UserError} if the licence is no SPDX id; {@linkcode TypeError} if there is no list, {@linkcode RangeError} if it has what no data set has */
export function datasetOptionsIn({ license, include }: StudyExporting): DatasetOptions {
  if (include !== undefined && !Array.isArray(include)) {
    throw new TypeError(`Cannot include ${include} in a data set: must be a list`);
  }
  const unknown = include?.find((one) => !INCLUSIONS.includes(one));
  if (unknown !== undefined) {
    throw new RangeError(`Cannot include '${unknown}' in a data set: must be of ${INCLUSIONS.join(", ")}`);
  }
  return {
    license: license === undefined ? undefined : parsed("license", license, parseLicense),
    include: include && INCLUSIONS.filter((one) => include.includes(one)),
  };
}

function checkNumber(action: string, what: string, value: number | undefined, least: number, most?: number): void {
  if (value !== undefined) checkWhole(action, what, value, least, most);
}
