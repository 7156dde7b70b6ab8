/** What `init` does: a study's settings, and its lists of configurations. */
import { createHash } from "node:crypto";
import { messageOf, UserError } from "../../cells/errors.ts";
import { configId } from "../../cells/config.ts";
import { isSize } from "../../cells/factor.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { checkSize, type Corpus, corpusSource, EMBEDDED, loadCorpus } from "../../train/corpus/corpus.ts";
import { type KnownCorpus, knownCorpus } from "../../train/corpus/known.ts";
import { SPLIT } from "../../train/corpus/split.ts";
import { checkLimits, checkLogged } from "../../train/training/settings.ts";
import { plural } from "../../train/terminal/progress.ts";
import { checkRuns, checkTraining } from "./bounds.ts";
import { readBytes, readJson } from "./files.ts";
import { grid, MOST_RUNS } from "./grid.ts";
import { flaggedFactors, flagsInWords, type Levels } from "./levels.ts";
import { checkNewFolder } from "./ownership.ts";
import { promote, type Promotion } from "./promotion.ts";
import { checkVersion, parseResult, type RunResult } from "./result.ts";
import type { ConfigEntry } from "./runs.ts";
import { Study } from "./store.ts";
import { lockStudy } from "./lock.ts";
import { resultKeys, shortKey, StudyPaths } from "./paths.ts";
import { type Experiment, EXPERIMENTS, type StudySettings, tokensName } from "./schema.ts";
import { hasTokenizer, loadOwnFile, tokensFor } from "./text.ts";

/** Training settings of a new study (design, sections 2 and 3). */
export const DEFAULT_TRAINING: StudySettings["training"] = {
  steps: { "01": 10_000, "02": 50_000 },
  log_every: { "01": 50, "02": 100 },
  batch: 256,
  history: 1000,
};

export interface InitOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  /** `embedded`, the name of a known corpus, or a file; the study's own where it has one. */
  readonly corpus?: string;
  /** Brings a known corpus that was asked for into the cache; absent: it must be there. */
  readonly fetch?: (corpus: KnownCorpus) => Promise<void>;
  /** For experiment 01: levels to list, by the key of their factor; the others take those of the table. */
  readonly levels?: Levels;
  readonly seeds?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly history?: number;
  /** The vocabulary: 256 for bytes, more for byte-pair tokens; the study's own where it has one. */
  readonly tokens?: number;
  /** For experiment 02: configurations that are not chosen and are trained all the same, in all. */
  readonly controls?: number;
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
    const { known, corpus, promotion, write } = await planStudy(options);
    using _lock = await lockStudy(dir, "init");
    // Another process was quicker: what was planned may drop what that one has added.
    if (await stampOf(dir) !== seen) continue;
    return { ...await write(), corpus, promotion, before: known?.settings };
  }
}

/** Tells whether the files that a plan follows from, and that `init` writes, are still the same. */
async function stampOf(dir: string): Promise<string> {
  const hash = createHash("sha256"), paths = new StudyPaths(dir);
  const lists = EXPERIMENTS.map((experiment) => paths.configsPath(experiment));
  for (const path of [paths.settingsPath, ...lists, paths.tokenizerPath]) {
    const bytes = await readBytes(path).catch((error) => messageOf(error));
    hash.update(`${path} ${bytes?.length} `).update(bytes ?? "");
  }
  return hash.digest("hex");
}

/** A result that can be read, whatever the study of its folder says of how it was trained; undefined where none can. */
async function anyResult(dir: string): Promise<RunResult | undefined> {
  for (const experiment of EXPERIMENTS) {
    for (const key of await resultKeys(dir, experiment)) {
      const path = new StudyPaths(dir).resultPath(experiment, key);
      try {
        const value = await readJson(path);
        checkVersion(value, path);
        return parseResult(value, path);
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
  if (!known) await checkNewFolder(dir);
  const settings = await mergeSettings(known, options);
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
        `the study was made with ${known.settings.corpus.sha1}; put it back as it was, name a copy of it with --corpus, ` +
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
  const { entries, promotion } = await chooseConfigs(known, options);
  await checkAllRuns(known, options, entries, settings.seeds);
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
    seeds: settings.seeds,
    training: settings.training,
  };
  const tokenizer = { text: tokens?.file, removed: isLeft };
  const write = await Study.plan(dir, known, planned, options.experiment, entries, tokenizer);
  return { known, corpus, promotion, write };
}

/** The study's settings with what the options change. */
async function mergeSettings(known: Study | undefined, options: InitOptions) {
  const before = known?.settings.training ?? DEFAULT_TRAINING;
  const { experiment, seeds = known?.settings.seeds ?? 1, steps, batch = before.batch, history = before.history } =
    options;
  const source = options.corpus === undefined
    ? known?.settings.corpus.source ?? EMBEDDED.name
    : corpusSource(options.corpus);
  if (known && seeds < known.settings.seeds) await checkSeedsLeft(options.dir, seeds);
  // Those of an earlier version may be too many, which this call may mend.
  if (options.seeds === undefined) checkRuns(options.dir, seeds, 0);
  if (known) checkTraining(options.dir, experiment, before, options);
  checkLimits({ seeds, batch, history, steps });
  const training = {
    ...before,
    batch,
    history,
    steps: { ...before.steps, [experiment]: steps ?? before.steps[experiment] },
    log_every: { ...before.log_every },
  };
  checkLogged({ ...training, steps: training.steps[experiment], log_every: training.log_every[experiment] });
  const vocabulary = options.tokens ?? known?.settings.tokens?.vocabulary ?? BYTE_VOCABULARY;
  const trained = await anyResult(options.dir);
  if (trained || known && await hasResults(options.dir)) {
    checkAsTrained(options.dir, known, trained, { batch, history, vocabulary });
  }
  return { source, training, seeds, vocabulary, trained };
}

/** @throws {UserError} if an experiment would have more runs than can be looked at in memory */
async function checkAllRuns(
  known: Study | undefined,
  { dir, experiment }: InitOptions,
  entries: readonly ConfigEntry[],
  seeds: number,
): Promise<void> {
  for (const each of EXPERIMENTS) {
    const ids = new Set([...await known?.readConfigs(each) ?? [], ...each === experiment ? entries : []].map(idOf));
    if (ids.size * seeds <= MOST_RUNS) continue;
    throw new UserError(
      `Cannot list experiment ${each} of ${dir}: ${ids.size} configurations with ${seeds} seeds are ${
        ids.size * seeds
      } runs, must be at most ${MOST_RUNS}`,
    );
  }
}

const idOf = ({ id }: ConfigEntry) => id;

/** @throws {UserError} if there is a result, readable or not, of a seed that would go */
async function checkSeedsLeft(dir: string, seeds: number): Promise<void> {
  for (const experiment of EXPERIMENTS) {
    for (const key of await resultKeys(dir, experiment)) {
      const seed = Number(/_seed(\d+)$/.exec(key)?.[1] ?? 0);
      if (seed < seeds) continue;
      throw new UserError(
        `Cannot take seeds from study ${dir}: experiment ${experiment} has a result of seed ${seed} (${
          shortKey(key)
        }), ` +
          `asked for ${plural(seeds, "seed")}; must be at least ${seed + 1}`,
      );
    }
  }
}

interface ReadAs {
  readonly batch: number;
  readonly history: number;
  readonly vocabulary: number;
}

/**
 * Checks that a study's results stay what they are.
 *
 * @param trained one of them, if any can be read
 * @throws {UserError} if settings are asked for that they were not trained with
 */
function checkAsTrained(dir: string, known: Study | undefined, trained: RunResult | undefined, asked: ReadAs): void {
  const ofStudy = known && {
    batch: known.settings.training.batch,
    history: known.settings.training.history,
    vocabulary: known.settings.tokens?.vocabulary ?? BYTE_VOCABULARY,
  };
  const is = trained
    ? {
      batch: trained["batch size"],
      history: trained["history size"],
      vocabulary: trained.vocabulary ?? BYTE_VOCABULARY,
    }
    : ofStudy!;
  const keys = (["batch", "history", "vocabulary"] as const).filter((key) =>
    key !== "vocabulary" || is[key] !== asked[key]
  );
  if (keys.every((key) => is[key] === asked[key])) return;
  const told = (facts: ReadAs, word: (key: keyof ReadAs, value: string | number) => unknown) =>
    keys.map((key) => {
      const name = key === "vocabulary" ? "tokens" : key;
      return word(name as keyof ReadAs, key === "vocabulary" ? tokensName(facts[key]) : facts[key]);
    });
  const list = (words: readonly unknown[]) => new Intl.ListFormat("en-GB").format(words.map(String));
  const isStudys = ofStudy && keys.every((key) => is[key] === ofStudy[key]);
  const mend = isStudys
    ? "start another with --dir"
    : `ask for those with ${told(is, (name, value) => `--${name} ${value}`).join(" ")}${
      known ? " after moving study.json away" : ""
    }, or start another with --dir`;
  throw new UserError(
    `Cannot ${known ? "extend" : "make"} study ${dir}: its results have ${
      list(told(is, (name, value) => `${name} ${value}`))
    }, asked for ${list(told(asked, (_, value) => value))}; ${mend}`,
  );
}

async function hasResults(dir: string): Promise<boolean> {
  for (const experiment of EXPERIMENTS) {
    if ((await resultKeys(dir, experiment)).length) return true;
  }
  return false;
}

async function chooseConfigs(
  known: Study | undefined,
  { dir, experiment, levels = {}, controls }: InitOptions,
): Promise<{ entries: readonly ConfigEntry[]; promotion?: Promotion }> {
  const isAsked = Object.values(levels).some((list) => list !== undefined);
  if (experiment === "01") {
    if (controls !== undefined) {
      throw new UserError("Cannot use --controls with experiment 01: nothing is left out of it");
    }
    // Settings of a study can be changed without its list growing to the whole grid.
    if (!isAsked && known && (await known.readConfigs("01")).length) return { entries: [] };
    return { entries: grid(levels).map((config): ConfigEntry => ({ id: configId(config), config })) };
  }
  if (isAsked) throw levelsOf02();
  const promotion = await promote(known, dir, controls);
  return { entries: promotion.entries, promotion };
}

/** Experiment 02 takes no levels. */
function levelsOf02(): UserError {
  const what = flaggedFactors().every(isSize) ? "sizes" : "configurations";
  return new UserError(
    `Cannot use ${
      flagsInWords("disjunction", "table")
    } with experiment 02: its ${what} follow from the best of experiment 01`,
  );
}

/** `train 90 %, validation 5 %, test 5 %`, for the record. */
export const SPLIT_TEXT = Object.entries(SPLIT).map(([name, share]) => `${name} ${100 * share} %`).join(", ");
