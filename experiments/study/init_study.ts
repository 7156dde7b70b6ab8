/** What `init` does: a study's settings, and its lists of configurations. */
import { createHash } from "../../train/process/hash.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import type { CellConfig } from "../../cells/config.ts";
import type { Cell } from "../../cells/cell.ts";
import { type Configuration, markedBy } from "../../cells/factor.ts";
import { buildTrainingStep, BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { checkSize, type Corpus, corpusSource, EMBEDDED, loadCorpus } from "../../train/corpus/corpus.ts";
import { type KnownCorpus, knownCorpus } from "../../train/corpus/known.ts";
import { SPLIT } from "../../train/corpus/split.ts";
import { type Budget, checkBudget, checkLimits, DEFAULT_BUDGET } from "../../train/training/settings.ts";
import { checkAskedLogged, checkRuns, checkTraining } from "./bounds.ts";
import { readBytes, readJson } from "./files.ts";
import { DEFAULT_SEEDS, DEFAULT_TRAINING } from "./default_settings.ts";
import { chooseConfigs, type ChosenConfigs, type ConfigRequest } from "./choose_configs.ts";
import { checkAllLogged, checkAllRuns, checkAsTrained, checkSeedsLeft } from "./init_checks.ts";
import { checkNewFolder } from "./ownership.ts";
import type { Promotion } from "./promotion.ts";
import { checkVersion, parseResult, type RunResult } from "./result.ts";
import type { ConfigEntry } from "./runs.ts";
import { Study } from "./store.ts";
import { lockStudy } from "./lock.ts";
import { resultKeys, StudyPaths } from "./paths.ts";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";
import type { StudySettings } from "./schema.ts";
import { checkPlace, readSpaceFile, type SpaceFile } from "./space_file.ts";
import { trainingSettings } from "./training_settings.ts";
import { hasTokenizer, loadOwnFile, tokensFor } from "./text.ts";

/** What `init` is asked for: settings of the study, and what is listed. */
export interface InitOptions extends ConfigRequest {
  readonly dir: string;
  readonly experiment: Experiment;
  /** `embedded`, the name of a known corpus, or a file; the study's own where it has one. */
  readonly corpus?: string;
  /** Brings a known corpus that was asked for into the cache; absent: it must be there. */
  readonly fetch?: (corpus: KnownCorpus) => Promise<void>;
  /** The file of a space, for a new study; the study's own where it has one. */
  readonly space?: string;
  readonly seeds?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly history?: number;
  /** What runs that go different numbers of steps back have in common; the study's own where it has one, else the tokens that they read. */
  readonly budget?: Budget;
  /** The vocabulary: 256 for bytes, more for byte-pair tokens; the study's own where it has one. */
  readonly tokens?: number;
  /** For experiment 02: configurations that are not chosen and are trained anyway, in all. */
  readonly controls?: number;
  /**
   * Called with what is to be written, before it is; where it rejects, nothing is. Called again if another process has changed the study
   * meanwhile.
   */
  readonly onPlan?: (plan: InitPlan) => Promise<void>;
  /** Called with a line, if another process keeps this one waiting. */
  readonly onWait?: (line: string) => void;
  /** Makes a study that lists nothing yet, and refuses one that is there; then nothing can be asked of a list. */
  readonly create?: boolean;
}

/** What `init` is about to write. */
export interface InitPlan {
  readonly dir: string;
  readonly experiment: Experiment;
  readonly settings: Omit<StudySettings, "version">;
  /** Whose configurations are listed. */
  readonly space: Space;
  /** The study's settings before this call, where there was one. */
  readonly before?: StudySettings;
  readonly chosen: ChosenConfigs;
  /** What of it the list has not yet. */
  readonly fresh: readonly ConfigEntry[];
  /** Configurations of the list before. */
  readonly listed: number;
  /** All that are listed then. */
  readonly configs: readonly CellConfig[];
  /** Runs that come with it: of new configurations, and of further seeds. */
  readonly runs: readonly AddedRuns[];
}

/** So many runs of a configuration, one for each seed. */
export interface AddedRuns {
  readonly config: CellConfig;
  readonly count: number;
}

export interface InitSummary {
  readonly study: Study;
  readonly corpus: Corpus;
  readonly added: number;
  readonly total: number;
  /** For experiment 02: what was chosen, and from what. */
  readonly promotion?: Promotion;
  /** The study's settings before this call, where there was one. */
  readonly before?: StudySettings;
}

/**
 * Makes a study or extends one: settings, and the list of configurations of an experiment.
 *
 * @throws {UserError} with one line and before anything is written, if the corpus cannot be used, a setting would change what
 * results already stand for, a file of somebody's would be lost, or experiment 02 has nothing to choose from
 */
export async function initStudy(options: InitOptions): Promise<InitSummary> {
  const { dir } = options;
  for (;;) {
    const seen = await stampOf(dir);
    const { known, corpus, plan, write } = await planStudy(options);
    await options.onPlan?.(plan);
    using _lock = await lockStudy(dir, options.onWait);
    // Another process was quicker: what was planned may drop what that one has added.
    if (await stampOf(dir) !== seen) continue;
    return { ...await write(), corpus, promotion: plan.chosen.promotion, before: known?.settings };
  }
}

/**
 * What {@linkcode initStudy} would write. It writes nothing into the study; a corpus that is asked for by its name comes into the cache.
 *
 * @throws {UserError} as {@linkcode initStudy} does
 */
export async function planInit(options: InitOptions): Promise<InitPlan> {
  return (await planStudy(options)).plan;
}

/** Tells whether the files that a plan follows from, and that `init` writes, are still the same. */
async function stampOf(dir: string): Promise<string> {
  const hash = createHash("sha256"), paths = new StudyPaths(dir);
  const lists = EXPERIMENTS.map((experiment) => paths.configsPath(experiment));
  for (const path of [paths.settingsPath, ...lists, paths.tokenizerPath, paths.spacePath]) {
    const bytes = await readBytes(path).catch((error) => messageOf(error));
    hash.update(`${path} ${bytes?.length} `).update(bytes ?? "");
  }
  return hash.digest("hex");
}

/** A result that can be read, whatever the study of its folder says of how it was trained; undefined where none can. */
async function anyResult(dir: string, space: Space): Promise<RunResult | undefined> {
  for (const experiment of EXPERIMENTS) {
    for (const key of await resultKeys(dir, experiment)) {
      const path = new StudyPaths(dir).resultPath(experiment, key);
      try {
        const value = await readJson(path);
        checkVersion(value, path);
        return parseResult(value, path, space);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }
  }
  return undefined;
}

/** All that is to be written; nothing is written yet. */
async function planStudy(options: InitOptions) {
  const { dir } = options;
  const known = await Study.find(dir);
  if (known && options.create) {
    throw new UserError(`Cannot create study ${dir}: it exists; open it, or choose another folder`);
  }
  if (!known) await checkNewFolder(dir);
  const file = options.space === undefined ? undefined : await newSpace(known, dir, options.space);
  const space = file?.space ?? known?.space ?? GATED_SPACE;
  const settings = await mergeSettings(known, options, space);
  const refused = () =>
    new UserError(
      `Cannot extend study ${dir} with corpus ${settings.source}: it was made with ${known!.settings.corpus.source}; ` +
        "start another with --dir",
    );
  const named = knownCorpus(options.corpus);
  // What could not be used need not come.
  if (named && known && named.sha1 !== known.settings.corpus.sha1) throw refused();
  if (named) await options.fetch?.(named);
  const { source, training: { history } } = settings;
  const isStudys = known !== undefined && options.corpus === undefined && !knownCorpus(source);
  // Whether the pass that is asked for fits is no matter of a study's own file, and is asked when that is known to be the right one.
  const corpus = isStudys ? await loadOwnFile(known) : await loadCorpus(source, history, dir);
  if (known && settings.source !== known.settings.corpus.source && corpus.sha1 !== known.settings.corpus.sha1) {
    throw refused();
  }
  if (known && corpus.sha1 !== known.settings.corpus.sha1) {
    throw new UserError(
      `Cannot extend study ${dir}: corpus ${settings.source} has SHA-1 ${corpus.sha1}, ` +
        `the study was made with ${known.settings.corpus.sha1}; restore it, name a copy of it with --corpus, ` +
        "or start another with --dir",
    );
  }
  checkSize(corpus.name, corpus.bytes, history);
  const { trained } = settings;
  if (!known && trained && trained.corpus_sha1 !== corpus.sha1) {
    throw new UserError(
      `Cannot make a study in ${dir}: its results were trained on corpus ${trained.dataset} with SHA-1 ` +
        `${trained.corpus_sha1}, that of ${settings.source} is ${corpus.sha1}; name the right one with --corpus, or choose ` +
        "another folder with --dir",
    );
  }
  const { experiment, controls } = options, { vocabulary } = settings;
  const chosen = options.create
    ? { entries: [] }
    : await chooseConfigs({ dir, experiment, known, vocabulary, controls }, options, space);
  if (file ?? known?.settings.space) {
    checkCells(space, chosen.entries, vocabulary, settings.training.batch);
  }
  await checkAllRuns(known, options, chosen.entries, settings.seeds);
  await checkAllLogged(known, options, chosen.entries, settings.training);
  const tokens = await tokensFor(dir, known, corpus, settings.vocabulary, history);
  const isLeft = !tokens && known?.settings.tokens !== undefined && await hasTokenizer(dir, known.settings);
  const planned = {
    corpus: {
      name: corpus.name,
      source: settings.source,
      bytes: corpus.bytes,
      sha1: corpus.sha1,
      ...(corpus.entropy_rate === undefined ? {} : { entropy_rate: corpus.entropy_rate }),
    },
    split: { train: corpus.train.length, validation: corpus.validation.length, test: corpus.test.length },
    ...(tokens ? { tokens: tokens.settings } : {}),
    ...(file ?? known?.settings.space ? { space: file?.settings ?? known?.settings.space } : {}),
    seeds: settings.seeds,
    training: settings.training,
  };
  const tokenizer = { text: tokens?.file, removed: isLeft };
  const files = { tokenizer, code: file?.code };
  const write = await Study.plan(dir, known, planned, space, experiment, chosen.entries, files);
  const listed = await known?.readConfigs(experiment) ?? [], ids = new Set(listed.map(idOf));
  const fresh = chosen.entries.filter(({ id }) => !ids.has(id)), more = settings.seeds - (known?.settings.seeds ?? 0);
  const runs = [
    ...fresh.map(({ config }) => ({ config, count: settings.seeds })),
    ...(more > 0 ? listed.map(({ config }) => ({ config, count: more })) : []),
  ];
  const before = known?.settings, configs = [...listed, ...fresh].map(({ config }) => config);
  const plan = {
    dir,
    experiment,
    settings: planned,
    space,
    before,
    chosen,
    fresh,
    listed: listed.length,
    configs,
    runs,
  };
  return { known, corpus, plan, write };
}

/** Builds each cell that is to be listed, once at each state size: what is wrong with a person's own is said before anything is written. */
function checkCells(space: Space, entries: readonly ConfigEntry[], vocabulary: number, batch: number): void {
  const built = new Map<Cell, Set<unknown>>(), { key } = markedBy(space, "colour");
  for (const { config } of entries) {
    try {
      const cell = space.cellOf(config), sizes = built.get(cell) ?? new Set();
      built.set(cell, sizes);
      const { [key]: size } = config as Configuration;
      if (sizes.has(size)) continue;
      sizes.add(size);
      buildTrainingStep(cell, { ...config, vocabulary, batch });
    } catch (error) {
      throw error instanceof UserError ? error : new UserError(`Cannot use space ${space.name}: ${messageOf(error)}`);
    }
  }
}

/**
 * Reads the space that a study is to be made with. One that is there may get one that only adds named cells to the built-in space: what it lists
 * stays what it is.
 *
 * @throws {UserError} if it is not a space, the study has another, or a file of somebody's would be lost
 */
async function newSpace(known: Study | undefined, dir: string, path: string): Promise<SpaceFile> {
  const file = await readSpaceFile(path), { name, sha256 } = file.settings, own = known?.settings.space;
  if (own?.sha256 === sha256) return file;
  if (known && (own || file.space.cellNames[0] !== known.space.cellNames[0])) {
    const made = own ? `space ${own.name} with SHA-256 ${own.sha256}` : `space ${known.space.name}`;
    throw new UserError(
      `Cannot extend study ${dir} with space ${name} of ${path}, SHA-256 ${sha256}: it was made with ${made}; start another ` +
        "with --dir",
    );
  }
  await checkPlace(new StudyPaths(dir).spacePath, sha256);
  return file;
}

/** The study's settings with what the options change. */
async function mergeSettings(known: Study | undefined, options: InitOptions, space: Space) {
  const before = known?.settings.training ?? DEFAULT_TRAINING;
  const {
    experiment,
    seeds = known?.settings.seeds ?? DEFAULT_SEEDS,
    steps,
    batch = before.batch,
    history = before.history,
    budget = before.budget ?? DEFAULT_BUDGET,
  } = options;
  const source = options.corpus === undefined
    ? known?.settings.corpus.source ?? EMBEDDED.name
    : corpusSource(options.corpus);
  if (known && seeds < known.settings.seeds) await checkSeedsLeft(options.dir, seeds);
  // Those of an earlier version may be too many, which this call may fix.
  if (options.seeds === undefined) checkRuns(options.dir, seeds, 0);
  if (known) checkTraining(options.dir, experiment, before, options);
  checkLimits({ seeds, batch, history, steps });
  checkBudget(budget);
  const { budget: _, ...rest } = before;
  const training: StudySettings["training"] = {
    ...rest,
    batch,
    history,
    steps: { ...before.steps, [experiment]: steps ?? before.steps[experiment] },
    log_every: { ...before.log_every },
    ...(budget === DEFAULT_BUDGET ? {} : { budget }),
  };
  checkAskedLogged(trainingSettings({ training }, experiment), 1);
  const vocabulary = options.tokens ?? known?.settings.tokens?.vocabulary ?? BYTE_VOCABULARY;
  const trained = await anyResult(options.dir, space);
  if (trained || known && await hasResults(options.dir)) {
    checkAsTrained(options.dir, known, trained, { batch, history, vocabulary });
  }
  return { source, training, seeds, vocabulary, trained };
}

const idOf = ({ id }: ConfigEntry) => id;

async function hasResults(dir: string): Promise<boolean> {
  for (const experiment of EXPERIMENTS) {
    if ((await resultKeys(dir, experiment)).length) return true;
  }
  return false;
}

/** `train 90 %, validation 5 %, test 5 %`, for the record. */
export const SPLIT_TEXT = Object.entries(SPLIT).map(([name, share]) => `${name} ${100 * share} %`).join(", ");
