/** A study as a program uses it: what the tasks do, without a terminal. */
import { addedRuns } from "../experiments/session/init_plan.ts";
import { UserError } from "../cells/errors.ts";
import type { Space } from "../cells/space.ts";
import { type Overview, overviewOf } from "../experiments/queue/overview.ts";
import { removeConfigs } from "../experiments/queue/remove_configs.ts";
import { drawRunText, findRun } from "../experiments/session/sampling.ts";
import { mergeStudies, type MergeSummary } from "../experiments/session/merge_study.ts";
import { measureStudy, type MeasureSummary } from "../experiments/session/measure_dynamics.ts";
import { evaluateStudy, type EvaluateSummary } from "../experiments/session/scoring.ts";
import { trainStudy, type TrainSummary } from "../experiments/session/training.ts";
import type { EngineChoice } from "../train/engines/registry.ts";
import { type InitPlan, initStudy } from "../experiments/study/init_study.ts";
import { readSelected } from "../experiments/study/selected_results.ts";
import { holdSpaces } from "../experiments/study/confined_space.ts";
import { Study as StoredStudy } from "../experiments/study/store.ts";
import {
  checkDir,
  checkScoring,
  checkTrainingCall,
  copiesIn,
  creationOf,
  datasetOptionsIn,
  dynamicsSettingsIn,
  experimentIn,
  formatsIn,
  idIn,
  listingOf,
  othersIn,
  selectionIn,
  shardIn,
  type StudyCreation,
  type StudyEvaluation,
  type StudyExporting,
  type StudyListing,
  type StudyMeasuring,
  type StudyMerging,
  type StudyQueue,
  type StudyRemoval,
  type StudyReporting,
  type StudySampling,
  type StudySelection,
  type StudyTraining,
} from "./study_options.ts";
import { type ListedConfig, listedConfig, type StudyResults, studyRun } from "./study_run.ts";

/** What {@linkcode Study.init} has listed. */
export interface ListingSummary {
  /** What has come in. */
  readonly added: readonly ListedConfig[];
  /** Configurations that the list has now. */
  readonly total: number;
  /** Runs that have come with it: of new configurations, and of further seeds. */
  readonly runs: number;
}

/** What {@linkcode Study.remove} has taken off the list. */
export interface RemovalSummary {
  /** What is not listed any more. */
  readonly removed: readonly ListedConfig[];
  /** Configurations that the list has now. */
  readonly left: number;
  /** Results of what has been removed; they stay in the folder. */
  readonly results: number;
}

/** What {@linkcode Study.report} has drawn. */
export interface StudyReport {
  /** All files, pictures before the page. */
  readonly paths: readonly string[];
  /** The page with everything. */
  readonly page: string;
  /** The answer in one sentence. */
  readonly headline: string;
  /** What the report leaves out, in words. */
  readonly account: string;
  /** Tables as text: the best runs, what the switches change, layers and sizes; and what else there is to say. */
  readonly tables: {
    readonly best_runs: string;
    readonly promotion?: string;
    readonly questions?: string;
    readonly studies?: string;
    /** Where dynamics were measured: what lengthens memory, and what else switches change of them. */
    readonly dynamics?: string;
    readonly switches: string;
    readonly forward: string;
  };
  /** Runs that it is of. */
  readonly finished: number;
  /** Runs that have begun and not finished. */
  readonly unfinished: number;
  /** A line for each file that could not be read. */
  readonly unreadable: readonly string[];
}

/** What {@linkcode Study.export} has written. */
export interface ExportedStudy {
  /** Where all of it is. */
  readonly folder: string;
  /** A path for each table, and the folder of the event files. */
  readonly paths: readonly string[];
  /** Runs that are in it. */
  readonly runs: number;
  /** A line for each file that could not be read, and for what of a result no column holds. */
  readonly problems: readonly string[];
}

/**
 * A study in its folder: what `deno task init`, `train`, `evaluate`, `dynamics`, `status`, `report`, `export`, `sample` and `remove` do, with their checks
 * and their files, so that the tasks and programs can work on one study by turns or at once. Nothing is printed.
 *
 * ```ts ignore
 * using study = await Study.create({ dir: "my_study", corpus: "embedded", steps: 1000, seeds: 3 });
 * await study.init({ levels: { n_layers: [1], state_size: [32] }, only: "use_forget_gate=true" });
 * await study.init({ cells: ["gru", "lstm"] });
 * await study.train({ onProgress: ({ steps_done, steps }) => show(steps_done / steps) });
 * const { page, headline } = await study.report();
 * ```
 *
 * Close it, or declare it with `using`: a study with a space of its own has a worker for that space's code, and an idle worker keeps a
 * program alive. Workers end when the last open study is closed.
 *
 * Its methods throw a {@linkcode UserError} with one line where a study, a file or what was asked is wrong, and a {@linkcode RangeError}
 * where a number is out of bounds; nothing is written then.
 */
export class Study implements Disposable {
  readonly #hold: Disposable;
  readonly #space: Space;
  #isClosed = false;

  private constructor(
    /** Its folder, as it was given. */
    readonly dir: string,
    space: Space,
    hold: Disposable,
  ) {
    this.#space = space;
    this.#hold = hold;
  }

  /**
   * Makes a study that lists nothing yet: {@linkcode Study.init} lists.
   *
   * @throws {UserError} if a study is there, the corpus cannot be used, or the space is none; {@linkcode RangeError} if a number is out of bounds
   */
  static async create(options: StudyCreation): Promise<Study> {
    return await Study.#held(checkDir(options.dir), async () => (await initStudy(creationOf(options))).study);
  }

  /**
   * Opens a study that is there.
   *
   * @throws {UserError} if there is no study, or its files are damaged or of a later version
   */
  static async open(dir: string): Promise<Study> {
    return await Study.#held(checkDir(dir), () => StoredStudy.open(dir));
  }

  static async #held(dir: string, open: () => Promise<StoredStudy>): Promise<Study> {
    const hold = holdSpaces();
    try {
      return new Study(dir, (await open()).space, hold);
    } catch (error) {
      hold[Symbol.dispose]();
      throw error;
    }
  }

  /** What its configurations are of. That of a file of one's own can be used as long as the study is open. */
  get space(): Space {
    return this.#space;
  }

  /**
   * Lists configurations, and changes settings. What takes long is listed too: `deno task init` asks before, this does not.
   *
   * @returns what has been added; nothing that was listed is dropped
   */
  async init(options: StudyListing = {}): Promise<ListingSummary> {
    this.#check();
    let plan: InitPlan | undefined;
    const asked = listingOf(this.dir, options, this.#space);
    const { total } = await initStudy({
      ...asked,
      onPlan(planned) {
        plan = planned;
        return Promise.resolve();
      },
    });
    const { fresh } = plan!;
    return {
      added: fresh.map((entry) => listedConfig(entry, this.#space)),
      total,
      runs: addedRuns(plan!),
    };
  }

  /** Takes configurations off the list; their results stay. Throws a {@linkcode UserError} also where somebody trains one of them. */
  async remove(options: StudyRemoval): Promise<RemovalSummary> {
    this.#check();
    const { removed, left, results } = await removeConfigs({ ...this.#asked(options), id: idIn(options) });
    return { removed: removed.map((entry) => listedConfig(entry, this.#space)), left, results };
  }

  /**
   * Trains what is listed and not yet trained, and scores it on the test split and on the validation split. Several programs may do so at once.
   *
   * @returns counts of runs; where the signal came, the keys of those that it has interrupted
   * @throws what a handler of the options throws
   */
  async train(options: StudyTraining = {}): Promise<TrainSummary> {
    this.#check();
    checkTrainingCall(options);
    const { engine = "auto", ...rest } = options, shard = shardIn(options);
    // What is no engine of studies is refused where it is opened, with those that there are.
    return await trainStudy({ ...rest, ...this.#asked(options), shard, engine: engine as EngineChoice });
  }

  /**
   * Scores finished runs that have no score, on the test split and on the validation split, which {@linkcode Study.train} does by itself.
   *
   * @returns counts of runs, those among them that an earlier version has scored on the test split alone
   */
  async evaluate(options: StudyEvaluation = {}): Promise<EvaluateSummary> {
    this.#check();
    checkScoring("evaluate", options);
    const { again = false, scoreOn, testBytes, signal, onProgress, onProblem, queue, nodeLocal, ...selection } =
      options;
    return await evaluateStudy({
      ...this.#asked(selection),
      queue,
      nodeLocal,
      again,
      scoreOn,
      testBytes,
      signal,
      onProblem,
      onScore: onProgress &&
        ((done, of, key, { bits_per_byte, validation }) =>
          onProgress({ done, of, key, bits_per_byte, validation_bits_per_byte: validation?.bits_per_byte })),
    });
  }

  /**
   * Measures the dynamics of finished runs as their models read the test split, and keeps a file for each: {@linkcode Study.report} draws
   * them, {@linkcode Study.export} writes them as columns. A run whose model is as it was is not measured again, nor with other settings unless
   * `again` is set: `otherwise` counts those. Exponents
   * are in nats per token, times in tokens, recall in bits.
   *
   * @returns counts of runs, those among them that lack some measure
   * @throws {UserError} if the test split is too short for the settings; {@linkcode RangeError} if a number is out of bounds
   * @throws what a handler of the options throws
   */
  async dynamics(options: StudyMeasuring = {}): Promise<MeasureSummary> {
    this.#check();
    const settings = dynamicsSettingsIn(options);
    const { top, parallel, again = false, signal, onProgress, onMeasured, onProblem, ...selection } = options;
    const { queue, nodeLocal } = options;
    return await measureStudy({
      ...this.#asked(selection),
      queue,
      nodeLocal,
      settings,
      top,
      parallel,
      again,
      signal,
      onMeasured,
      onProblem,
      onProgress: onProgress &&
        (({ done, total, shares, secondsLeft }) => onProgress({ done, of: total, shares, seconds_left: secondsLeft })),
    });
  }

  /**
   * Joins what copies of the study (same list, corpus and settings) have trained apart: finished runs, and checkpoints of others where there is nothing
   * here. What is here stays. A run that is in both must be the same, trained on the same engine and adapter: else it is told as a problem.
   *
   * @returns counts of runs
   * @throws {UserError} before anything is written, if a folder is not a copy of the study
   */
  async merge(options: StudyMerging): Promise<MergeSummary> {
    this.#check();
    const { dryRun, signal, queue, nodeLocal, onMessage, onProblem } = options, from = copiesIn(options);
    const { dir, experiment } = this.#asked({ experiment: options.experiment });
    return await mergeStudies({ dir, experiment, from, dryRun, signal, queue, nodeLocal, onMessage, onProblem });
  }

  /** Where each listed run is, the best so far, and an estimate of the time that the rest takes. */
  async status(options: StudySelection & Pick<StudyQueue, "queue"> = {}): Promise<Overview> {
    this.#check();
    const { dir, experiment, only } = this.#asked(options);
    return await overviewOf(dir, experiment, { only, queue: options.queue });
  }

  /** What has come of the runs so far, in every state; and what cannot be read. */
  async results(selection: StudySelection = {}): Promise<StudyResults> {
    const study = await this.#open(), { experiment, only } = this.#asked(selection);
    const { results, unreadable } = await readSelected(study, experiment, only, `read results of ${this.dir}`);
    const listed = new Map((await study.readConfigs(experiment)).map((entry) => [entry.id, entry]));
    return { runs: results.map((result) => studyRun(result, study, experiment, listed)), unreadable };
  }

  /**
   * Draws the finished runs: pictures and one page, into the study's folder, in the place of the report before. Throws a {@linkcode UserError}
   * also where a study to compare with cannot be opened, or has nothing in common with this one.
   */
  async report({ below, with: others, ...selection }: StudyReporting = {}): Promise<StudyReport> {
    const study = await this.#open(), unreadable: string[] = [];
    // What draws PNGs is native code: a program that draws no report needs no permission to load it.
    const { reportOnStudy } = await import("./report_study.ts");
    const { paths, headline, account, tables, finished, unfinished } = await reportOnStudy(study, {
      ...this.#asked(selection),
      below,
      others: othersIn({ with: others }),
      onProblem: (line) => unreadable.push(line),
    });
    return { paths, page: paths.at(-1)!, headline, account, tables, finished, unfinished, unreadable };
  }

  /** Writes the runs for other tools: tables as CSV and Parquet, curves for TensorBoard, a data set to publish. */
  async export(options: StudyExporting = {}): Promise<ExportedStudy> {
    const study = await this.#open(), { experiment, only } = this.#asked(options), { out } = options;
    const formats = formatsIn(options), dataset = datasetOptionsIn(options);
    // What works out the pictures' data is much code: a program that exports nothing need not load it.
    const { exportStudy } = await import("./export_study.ts");
    const { folder, paths, runs, problems } = await exportStudy(study, { experiment, only, formats, out, ...dataset });
    return { folder, paths, runs, problems };
  }

  /**
   * Draws a text from the model of a finished run.
   *
   * @returns the text behind the prompt; bytes that are no UTF-8 become U+FFFD
   */
  async sample({ id, prompt, bytes, temperature, seed, ...selection }: StudySampling = {}): Promise<string> {
    const study = await this.#open(), { experiment, only } = this.#asked(selection);
    const run = await findRun(study, experiment, id, only);
    return new TextDecoder().decode(await drawRunText(study, experiment, run, { prompt, bytes, temperature, seed }));
  }

  /** Ends what keeps the program alive. Nothing can be done with the study after; it can be opened again. */
  close(): void {
    this.#isClosed = true;
    this.#hold[Symbol.dispose]();
  }

  /** The same as {@linkcode Study.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #check(): void {
    if (this.#isClosed) throw new UserError(`Cannot use study ${this.dir}: it was closed; open it again`);
  }

  /** The study as it is now: another program may have extended it. */
  async #open(): Promise<StoredStudy> {
    this.#check();
    return await StoredStudy.open(this.dir);
  }

  #asked(selection: StudySelection) {
    return { dir: this.dir, experiment: experimentIn(selection), only: selectionIn(selection, this.#space) };
  }
}
