/** The study's folder: what lies where, read with checks and written whole or not at all. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { dirname, isAbsolute, resolve } from "node:path";
import { parseConfigIn } from "../../cells/config.ts";
import type { Space } from "../../cells/space.ts";
import { BYTE_TOKENIZER } from "../../train/corpus/tokens/tokenizer.ts";
import {
  advised,
  atOnce,
  checkOpenToAll,
  type Commit,
  jsonIn,
  makeFolder,
  readBytes,
  readJson,
  removeFile,
  removeLeftovers,
  writeAtomically,
} from "./files.ts";
import { checkRuns, checkTraining } from "./bounds.ts";
import { checkListLength } from "./grid.ts";
import { parseDynamics, type RunDynamics } from "./dynamics_file.ts";
import { flagsInWords } from "./levels.ts";
import { checkReplaceable } from "./ownership.ts";
import { checkVersion, configOf, parseResult, type RunResult, UnknownVersion } from "./result.ts";
import { commandOn, remakeModel } from "./commands.ts";
import { resultKeys, StudyPaths } from "./paths.ts";
import { runKey } from "./run_key.ts";
import {
  type ConfigEntry,
  formatConfigList,
  parseConfigList,
  type ReadResults,
  type Run,
  runsInOrder,
} from "./runs.ts";
import type { Experiment } from "./experiment.ts";
import { layoutOf, type OwnKey, type StudySettings, withOwnKeys } from "./schema.ts";
import { readStudySettings } from "./settings_file.ts";
import { studySpace } from "./space_file.ts";

/** What to do about a run's damaged files. */
const MEND_RESULT = "fix it, or move it away to train the run again";
const MEND_DYNAMICS = "move it away to measure the run again";

/** Files of a study beside its settings and lists, as {@linkcode Study.plan} is to write them. */
export interface PlannedFiles {
  /** The text of `tokenizer.json`, where the study has tokens; or that it has them no more. */
  readonly tokenizer?: { readonly text?: string; readonly removed?: boolean };
  /** The text of `space.ts`, where the study has a space of its own. */
  readonly code?: string;
}

export class Study extends StudyPaths {
  /**
   * @param space what its configurations are of
   * @param own what a person has put into `study.json` beside the settings; it stays there
   */
  private constructor(
    dir: string,
    readonly settings: StudySettings,
    readonly space: Space,
    readonly own: readonly OwnKey[] = [],
  ) {
    super(dir);
  }

  /**
   * @param advice what to do where there is none
   * @throws {UserError} with one line, if there is no study or its `study.json` is damaged or newer than this program
   */
  static async open(dir: string, advice = `make one with ${commandOn("init", { dir })}`): Promise<Study> {
    const study = await Study.find(dir);
    if (!study) {
      const what = isAbsolute(dir) ? "it" : resolve(dir);
      throw new UserError(`Cannot open study ${dir}: ${what} has no study.json; ${advice}`);
    }
    // Once, rather than for each file in them.
    for (const folder of study.allRunFolders()) await checkOpenToAll(folder);
    return study;
  }

  /** @returns undefined where no study is */
  static async find(dir: string): Promise<Study | undefined> {
    const file = await readStudySettings(dir);
    if (!file) return undefined;
    return new Study(dir, file.settings, await studySpace(dir, file.settings.space), file.own);
  }

  /**
   * What writes `study.json` and adds configurations to a list; all is checked before. An entry that is there as a control and
   * comes without the mark loses it.
   *
   * @param before the study as it is, if there is one
   * @returns to be called as long as the files that are there stay as they are
   * @throws {UserError} if the list that is there is damaged, or would become too long
   */
  static async plan(
    dir: string,
    before: Study | undefined,
    settings: Omit<StudySettings, "version">,
    space: Space,
    experiment: Experiment,
    entries: readonly ConfigEntry[],
    { tokenizer, code }: PlannedFiles = {},
  ): Promise<() => Promise<{ study: Study; added: number; total: number }>> {
    const study = new Study(dir, { version: layoutOf(settings), ...settings }, space, before?.own);
    const known = await study.readConfigs(experiment);
    const ids = new Set(known.map(({ id }) => id)), asked = new Map(entries.map((entry) => [entry.id, entry]));
    const kept = known.map((entry) => entry.control ? asked.get(entry.id) ?? entry : entry);
    const fresh = entries.filter(({ id }) => !ids.has(id)), total = known.length + fresh.length;
    checkListLength(`extend the list of study ${dir}`, total);
    // What could not be read again must not be written.
    for (const { config } of fresh) parseConfigIn(space, config, `a new configuration of ${dir}`);
    const isChanged = fresh.length > 0 || kept.some((entry, i) => entry !== known[i]);
    return async () => {
      await makeFolder(dir);
      const writeList = async () => {
        if (isChanged) await writeAtomically(study.configsPath(experiment), formatConfigList([...kept, ...fresh]));
      };
      // Whoever ends this between two files leaves no study that lists nothing, and no list of cells that its study does not know.
      if (!before) await writeList();
      // Before the settings that name them; a study that has become one of bytes keeps none.
      if (code !== undefined) await writeAtomically(study.spacePath, code);
      if (tokenizer?.text !== undefined) await writeAtomically(study.tokenizerPath, tokenizer.text);
      const content = withOwnKeys(study.settings, study.own);
      await writeAtomically(study.settingsPath, JSON.stringify(content, null, 2) + "\n");
      if (before) await writeList();
      if (tokenizer?.removed) removeFile(study.tokenizerPath);
      return { study, added: fresh.length, total };
    };
  }

  /** Makes the folders into which a training run writes. */
  async makeRunFolders(experiment: Experiment): Promise<void> {
    for (const folder of this.trainingFolders(experiment)) await makeFolder(folder);
  }

  /** @throws {UserError} if the list is damaged, or an entry's id is not that of its configuration */
  async readConfigs(experiment: Experiment): Promise<ConfigEntry[]> {
    const path = this.configsPath(experiment);
    const advice = () => {
      const sizes = experiment === "01" ? `, with the same ${flagsInWords("conjunction")}` : "";
      return `fix it, or move it away and create it again with ${commandOn("init", this, experiment)}${sizes}`;
    };
    return await advised(advice, async () => {
      const value = await readJson(path);
      if (value === undefined) return [];
      return parseConfigList(value, path, this.space);
    });
  }

  /**
   * All runs of an experiment in the order in which they are trained: see {@linkcode runsInOrder}.
   *
   * @throws {UserError} before any is made, if they are too many
   */
  async runs(experiment: Experiment): Promise<Run[]> {
    const entries = await this.readConfigs(experiment);
    checkRuns(this.dir, this.settings.seeds, entries.length);
    checkTraining(this.dir, experiment, this.settings.training);
    return runsInOrder(entries, this.settings.seeds);
  }

  /**
   * A run's result, or the record of one under way; undefined where there is none.
   *
   * @throws {UserError} naming the file, if it is damaged, is another run's, or was trained in another way than this study's are
   * @throws {UnknownVersion} naming the file, if a later program wrote it
   */
  async readResult(experiment: Experiment, key: string): Promise<RunResult | undefined> {
    return (await this.readResultFile(experiment, key))?.result;
  }

  /** The same, with the file's bytes: they may hold more than the result's own keys. */
  async readResultFile(
    experiment: Experiment,
    key: string,
  ): Promise<{ result: RunResult; bytes: Uint8Array<ArrayBuffer> } | undefined> {
    const path = this.resultPath(experiment, key);
    const file = await readChecked(path, MEND_RESULT, (value) => this.#checkedResult(value, path, key));
    return file && { result: file.value, bytes: file.bytes };
  }

  #checkedResult(value: unknown, path: string, key: string): RunResult {
    const result = parseResult(value, path, this.space);
    const named = runKey(result.id, result.seed);
    if (named !== key) throw new UserError(`Cannot read ${path}: it is the result of run ${named}, must be of ${key}`);
    const { corpus, training, tokens, space } = this.settings;
    const definesCell = this.space.definesCell(configOf(result, this.space));
    const agreed = [
      ["SHA-1 of the corpus", result.corpus_sha1, corpus.sha1],
      ["tokens", result.tokens ?? BYTE_TOKENIZER.name, tokens?.name ?? BYTE_TOKENIZER.name],
      ["SHA-1 of the tokenizer", result.tokenizer_sha1, tokens?.sha1],
      ["vocabulary", result.vocabulary, tokens?.vocabulary],
      // A cell of the catalog is the same whatever the space.
      ["SHA-256 of the space", result.space_sha256, definesCell ? space?.sha256 : undefined],
      ["batch size", result["batch size"], training.batch],
      ["history size", result["history size"], training.history],
    ] as const;
    for (const [what, is, must] of agreed) {
      if (is === must) continue;
      throw new UserError(`Cannot read ${path}: its ${what} is ${is ?? "none"}, study.json has ${must ?? "none"}`);
    }
    return result;
  }

  async writeResult(experiment: Experiment, key: string, result: RunResult, commit?: Commit): Promise<void> {
    const path = this.resultPath(experiment, key);
    // What could not be read again must not be written: JSON has no NaN. Keys stand in one order, whatever the order they were built in.
    await this.#write(path, JSON.stringify(parseResult(result, path, this.space)) + "\n", commit);
  }

  /** Puts the bytes of a copy's result in place: they were checked as they were read there. */
  async writeResultFile(experiment: Experiment, key: string, bytes: Uint8Array, commit?: Commit): Promise<void> {
    await this.#write(this.resultPath(experiment, key), bytes, commit);
  }

  /** The bytes of a run's checkpoint; undefined where there is none. */
  async readCheckpoint(
    experiment: Experiment,
    key: string,
  ): Promise<{ path: string; bytes?: Uint8Array<ArrayBuffer> }> {
    const path = this.checkpointPath(experiment, key);
    return { path, bytes: await readBytes(path) };
  }

  async writeCheckpoint(experiment: Experiment, key: string, bytes: Uint8Array, commit?: Commit): Promise<void> {
    await this.#writeOwned(this.checkpointPath(experiment, key), bytes, commit);
  }

  async removeCheckpoint(experiment: Experiment, key: string, commit: Commit): Promise<void> {
    const path = this.checkpointPath(experiment, key);
    await commit(() => {
      checkReplaceable(path, `remove ${path}`);
      removeFile(path);
    });
  }

  async writeModel(experiment: Experiment, key: string, bytes: Uint8Array, commit?: Commit): Promise<void> {
    await this.#writeOwned(this.modelPath(experiment, key), bytes, commit);
  }

  /** The bytes of a run's model. */
  async readModel(experiment: Experiment, key: string): Promise<{ path: string; model: Uint8Array<ArrayBuffer> }> {
    const path = this.modelPath(experiment, key), remake = remakeModel(this, experiment);
    const model = await advised(`move it away and ${remake}`, () => readBytes(path));
    if (!model) {
      throw new UserError(`Cannot read ${path}: it does not exist; ${remake}`);
    }
    return { path, model };
  }

  /**
   * What was measured of the dynamics of a run's model, whatever model it has now; undefined where nothing was.
   *
   * @throws {UserError} naming the file, if it is damaged or another run's
   * @throws {UnknownVersion} naming the file, if a later program wrote it
   */
  async readDynamics(experiment: Experiment, key: string): Promise<RunDynamics | undefined> {
    return (await this.readDynamicsFile(experiment, key))?.dynamics;
  }

  /** The same, with the file's bytes. */
  async readDynamicsFile(
    experiment: Experiment,
    key: string,
  ): Promise<{ dynamics: RunDynamics; bytes: Uint8Array<ArrayBuffer> } | undefined> {
    const path = this.dynamicsPath(experiment, key);
    const file = await readChecked(path, MEND_DYNAMICS, (value) => parseDynamics(value, path, key));
    return file && { dynamics: file.value, bytes: file.bytes };
  }

  /** Puts the bytes of a copy's file in place: they were checked as they were read there. Makes its folder, too. */
  async writeDynamicsFile(experiment: Experiment, key: string, bytes: Uint8Array, commit?: Commit): Promise<void> {
    const path = this.dynamicsPath(experiment, key);
    await makeFolder(dirname(path));
    await this.#writeOwned(path, bytes, commit);
  }

  /** Makes its folder, too: no other task needs one. */
  async writeDynamics(experiment: Experiment, key: string, dynamics: RunDynamics, commit?: Commit): Promise<void> {
    const path = this.dynamicsPath(experiment, key);
    // What could not be read again must not be written: JSON has no NaN.
    const content = JSON.stringify(parseDynamics(dynamics, path, key)) + "\n";
    await makeFolder(dirname(path));
    await this.#writeOwned(path, content, commit);
  }

  /** A result is checked as it is read; this is not, and somebody may have put another file there since. */
  async #writeOwned(path: string, content: string | Uint8Array, commit: Commit = atOnce): Promise<void> {
    await this.#write(path, content, (rename) =>
      commit(() => {
        checkReplaceable(path);
        rename();
      }));
  }

  /** Unfinished files lie in the study's folder: the folders of results hold results and nothing else. */
  #write(path: string, content: string | Uint8Array, commit?: Commit): Promise<void> {
    return writeAtomically(path, content, this.dir, commit);
  }

  /** Unfinished files lie beside the finished ones too, where those are on another disk. */
  async removeLeftovers(): Promise<void> {
    for (const folder of [this.dir, ...this.allRunFolders()]) {
      await removeLeftovers(folder);
    }
  }

  /** Every result of an experiment, sorted by file name; files that cannot be read are named, not dropped. */
  async readResults(experiment: Experiment): Promise<ReadResults> {
    const results: RunResult[] = [], damaged = new Map<string, string>(), unknown_version: string[] = [];
    for (const key of await resultKeys(this.dir, experiment)) {
      try {
        const result = await this.readResult(experiment, key);
        if (result) results.push(result);
      } catch (error) {
        damaged.set(key, messageOf(error));
        if (error instanceof UnknownVersion) unknown_version.push(messageOf(error));
      }
    }
    return { results, unreadable: [...damaged.values()], damaged, unknown_version };
  }
}

/**
 * A JSON file of a run, read by what checks its value; undefined where there is none.
 *
 * @param mend what to do about a damaged one
 */
async function readChecked<T>(
  path: string,
  mend: string,
  check: (value: unknown) => T,
): Promise<{ value: T; bytes: Uint8Array<ArrayBuffer> } | undefined> {
  const bytes = await advised(mend, () => readBytes(path));
  if (!bytes) return undefined;
  const value = await advised(mend, () => jsonIn(bytes, path));
  checkVersion(value, path);
  return { value: await advised(mend, () => check(value)), bytes };
}
