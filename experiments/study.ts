/** What `init` does: a study's settings, and its lists of configurations. */
import { UserError } from "../cells/errors.ts";
import { configId } from "../cells/config.ts";
import { BYTE_VOCABULARY } from "../cells/language_model.ts";
import { type Corpus, corpusSource, EMBEDDED, loadCorpus } from "../train/corpus/corpus.ts";
import { type KnownCorpus, knownCorpus } from "../train/corpus/known.ts";
import { SPLIT } from "../train/corpus/split.ts";
import { checkLimits, checkLogged } from "../train/settings.ts";
import { grid, MOST_RUNS } from "./grid.ts";
import { promote, type Promotion } from "./promotion.ts";
import { type ConfigEntry, type Experiment, EXPERIMENTS, Study, type StudySettings } from "./store.ts";
import { tokensFor } from "./study_text.ts";

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
  readonly stateSizes?: readonly number[];
  readonly layers?: readonly number[];
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
 * results already stand for, or experiment 02 has nothing to choose from
 */
export async function initStudy(options: InitOptions): Promise<InitSummary> {
  const known = await Study.find(options.dir);
  const settings = await mergeSettings(known, options);
  const refused = () =>
    new UserError(
      `Cannot extend study ${options.dir} with corpus ${settings.source}: it was made with ${
        known!.settings.corpus.source
      }; ` +
        "start another with --dir",
    );
  const named = knownCorpus(options.corpus);
  // What could not be used need not come.
  if (named && known && named.sha1 !== known.settings.corpus.sha1) throw refused();
  if (named) await options.fetch?.(named);
  const corpus = await loadCorpus(settings.source, settings.training.history, options.dir);
  if (known && settings.source !== known.settings.corpus.source && corpus.sha1 !== known.settings.corpus.sha1) {
    throw refused();
  }
  if (known && corpus.sha1 !== known.settings.corpus.sha1) {
    throw new UserError(
      `Cannot extend study ${options.dir}: corpus ${settings.source} has SHA-1 ${corpus.sha1}, ` +
        `the study was made with ${known.settings.corpus.sha1}; put it back as it was, or start another with --dir`,
    );
  }
  const { entries, promotion } = await chooseConfigs(known, options);
  await checkRuns(known, options, entries, settings.seeds);
  const tokens = await tokensFor(known, corpus, settings.vocabulary, settings.training.history);
  const changed = {
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
  const saved = await Study.save(options.dir, changed, options.experiment, entries, tokens?.file);
  return { ...saved, corpus, promotion, before: known?.settings };
}

/** The study's settings with what the options change. */
async function mergeSettings(known: Study | undefined, options: InitOptions) {
  const before = known?.settings.training ?? DEFAULT_TRAINING;
  const { experiment, seeds = known?.settings.seeds ?? 1, steps, batch = before.batch, history = before.history } =
    options;
  const source = options.corpus === undefined
    ? known?.settings.corpus.source ?? EMBEDDED.name
    : corpusSource(options.corpus);
  if (known && seeds < known.settings.seeds) {
    throw new UserError(
      `Cannot take seeds from study ${options.dir}: it has ${known.settings.seeds}, asked for ${seeds}`,
    );
  }
  checkLimits({ seeds, batch, history, steps });
  const training = {
    ...before,
    batch,
    history,
    steps: { ...before.steps, [experiment]: steps ?? before.steps[experiment] },
    log_every: { ...before.log_every },
  };
  checkLogged({ ...training, steps: training.steps[experiment], log_every: training.log_every[experiment] });
  const vocabularyBefore = known?.settings.tokens?.vocabulary ?? BYTE_VOCABULARY;
  const vocabulary = options.tokens ?? vocabularyBefore;
  const changed = before.batch !== batch || before.history !== history || vocabularyBefore !== vocabulary;
  if (known && changed && await hasResults(known)) {
    const tokens = (size: number) => size === BYTE_VOCABULARY ? "bytes" : `bpe:${size}`;
    const facts = [
      ["batch", before.batch, batch],
      ["history", before.history, history],
      ...(vocabularyBefore === vocabulary ? [] : [["tokens", tokens(vocabularyBefore), tokens(vocabulary)]]),
    ];
    const list = (words: readonly unknown[]) => new Intl.ListFormat("en-GB").format(words.map(String));
    throw new UserError(
      `Cannot extend study ${options.dir}: its results have ${list(facts.map(([what, is]) => `${what} ${is}`))}, ` +
        `asked for ${list(facts.map(([, , must]) => must))}; start another with --dir`,
    );
  }
  return { source, training, seeds, vocabulary };
}

/** @throws {UserError} if an experiment would have more runs than can be looked at in memory */
async function checkRuns(
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

async function hasResults(study: Study): Promise<boolean> {
  for (const experiment of EXPERIMENTS) {
    const { results, unreadable } = await study.readResults(experiment);
    if (results.length || unreadable.length) return true;
  }
  return false;
}

async function chooseConfigs(
  known: Study | undefined,
  { dir, experiment, layers, stateSizes, controls }: InitOptions,
): Promise<{ entries: readonly ConfigEntry[]; promotion?: Promotion }> {
  if (experiment === "01") {
    if (controls !== undefined) {
      throw new UserError("Cannot use --controls with experiment 01: nothing is left out of it");
    }
    // Settings of a study can be changed without its list growing to the whole grid.
    const asked = layers !== undefined || stateSizes !== undefined;
    if (!asked && known && (await known.readConfigs("01")).length) return { entries: [] };
    const entries = grid(layers, stateSizes).map((config): ConfigEntry => ({ id: configId(config), config }));
    return { entries };
  }
  if (layers || stateSizes) {
    throw new UserError(
      "Cannot use --layers or --state-size with experiment 02: its sizes follow from the best of experiment 01",
    );
  }
  const promotion = await promote(known, dir, controls);
  return { entries: promotion.entries, promotion };
}

/** `train 90 %, validation 5 %, test 5 %`, for the record. */
export const SPLIT_TEXT = Object.entries(SPLIT).map(([name, share]) => `${name} ${100 * share} %`).join(", ");
