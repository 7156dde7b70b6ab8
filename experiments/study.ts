/** What `init` does: a study's settings, and its lists of configurations. */
import { UserError } from "../cells/errors.ts";
import { resolve } from "node:path";
import { configId } from "../cells/config.ts";
import { type Corpus, EMBEDDED, loadCorpus, SPLIT } from "../train/corpus/corpus.ts";
import { grid } from "./grid.ts";
import { refine } from "./refine.ts";
import { advised } from "./files.ts";
import { configOf, isFinished } from "./result.ts";
import { type ConfigEntry, type Experiment, EXPERIMENTS, Study, type StudySettings } from "./store.ts";

/** Training settings of a new study (design, sections 2 and 3). */
const DEFAULTS: StudySettings["training"] = {
  steps: { "01": 10_000, "02": 50_000 },
  log_every: { "01": 50, "02": 100 },
  batch: 256,
  history: 1000,
};

export interface InitOptions {
  readonly dir: string;
  readonly experiment: Experiment;
  /** `embedded` or a file; the study's own where it has one. */
  readonly corpus?: string;
  readonly stateSizes?: readonly number[];
  readonly layers?: readonly number[];
  readonly seeds?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly history?: number;
}

export interface InitSummary {
  readonly study: Study;
  readonly corpus: Corpus;
  readonly added: number;
  readonly total: number;
  /** For experiment 02: how many finished runs the best were chosen from. */
  readonly chosenFrom?: number;
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
  const corpus = await loadCorpus(settings.source, settings.training.history);
  if (known && settings.source !== known.settings.corpus.source && corpus.sha1 !== known.settings.corpus.sha1) {
    throw new UserError(
      `Cannot extend study ${options.dir} with corpus ${settings.source}: it was made with ${known.settings.corpus.source}; ` +
        "start another with --dir",
    );
  }
  if (known && corpus.sha1 !== known.settings.corpus.sha1) {
    throw new UserError(
      `Cannot extend study ${options.dir}: corpus ${settings.source} has SHA-1 ${corpus.sha1}, ` +
        `the study was made with ${known.settings.corpus.sha1}; put it back as it was, or start another with --dir`,
    );
  }
  const { entries, chosenFrom } = await chooseConfigs(known, options);
  const changed = {
    corpus: {
      name: corpus.name,
      source: settings.source,
      bytes: corpus.bytes,
      sha1: corpus.sha1,
      ...(corpus.entropy_rate === undefined ? {} : { entropy_rate: corpus.entropy_rate }),
    },
    split: { train: corpus.train.length, validation: corpus.validation.length, test: corpus.test.length },
    seeds: settings.seeds,
    training: settings.training,
  };
  const saved = await Study.save(options.dir, changed, options.experiment, entries);
  return { ...saved, corpus, chosenFrom, before: known?.settings };
}

/** The study's settings with what the options change. */
async function mergeSettings(known: Study | undefined, options: InitOptions) {
  const before = known?.settings.training ?? DEFAULTS;
  const { experiment, seeds = known?.settings.seeds ?? 1, steps, batch = before.batch, history = before.history } =
    options;
  const source = options.corpus === undefined
    ? known?.settings.corpus.source ?? EMBEDDED.name
    : options.corpus === EMBEDDED.name
    ? EMBEDDED.name
    : resolve(options.corpus);
  if (known && seeds < known.settings.seeds) {
    throw new UserError(
      `Cannot take seeds from study ${options.dir}: it has ${known.settings.seeds}, asked for ${seeds}`,
    );
  }
  if (history < 2) throw new UserError(`Cannot use a history of ${history} bytes: a pass needs at least 2`);
  const training = {
    ...before,
    batch,
    history,
    steps: { ...before.steps, [experiment]: steps ?? before.steps[experiment] },
    log_every: { ...before.log_every },
  };
  const changed = before.batch !== batch || before.history !== history;
  if (known && changed && await hasResults(known)) {
    throw new UserError(
      `Cannot extend study ${options.dir}: its results have batch ${before.batch} and history ${before.history}, ` +
        `asked for ${batch} and ${history}; start another with --dir`,
    );
  }
  return { source, training, seeds };
}

async function hasResults(study: Study): Promise<boolean> {
  for (const experiment of EXPERIMENTS) {
    const { results, unreadable } = await study.readResults(experiment);
    if (results.length || unreadable.length) return true;
  }
  return false;
}

async function chooseConfigs(known: Study | undefined, { dir, experiment, layers, stateSizes }: InitOptions) {
  if (experiment === "01") {
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
  const read = await known?.readResults("01");
  // The best run may be the one that cannot be read.
  if (read?.unreadable.length) throw new UserError(read.unreadable[0]);
  const ended = (read?.results ?? []).filter(isFinished).filter(({ seed }) => seed === 0);
  // Losses after different numbers of steps cannot be ranked together: the longest trained count.
  const longest = ended.reduce((most, { steps_done }) => Math.max(most, steps_done), 0);
  const finished = ended.filter(({ steps_done }) => steps_done === longest);
  if (!finished.length) {
    throw new UserError(
      `Cannot choose experiment 02 in ${dir}: no run of experiment 01 has finished; ` +
        `run 'deno task init --dir ${dir}' and 'deno task train --dir ${dir}' first`,
    );
  }
  const ranked = finished.sort((a, b) => a["min loss"] - b["min loss"]).map(configOf);
  const entries = refine(ranked).map(({ config, oldId }): ConfigEntry => ({ id: configId(config), config, oldId }));
  return { entries, chosenFrom: finished.length };
}

/** The corpus of a study, checked to be the one that it was made with. */
export async function studyCorpus(study: Study): Promise<Corpus> {
  const { source, sha1 } = study.settings.corpus;
  return await advised(`put ${source} back as it was, or start another study`, async () => {
    const corpus = await loadCorpus(source, study.settings.training.history);
    if (corpus.sha1 !== sha1) {
      throw new UserError(
        `Cannot use corpus ${source}: its SHA-1 is ${corpus.sha1}, study ${study.dir} was made with ${sha1}`,
      );
    }
    return corpus;
  });
}

/** `train 90 %, validation 5 %, test 5 %`, for the record. */
export const SPLIT_TEXT = Object.entries(SPLIT).map(([name, share]) => `${name} ${100 * share} %`).join(", ");
