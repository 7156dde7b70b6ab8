/** The study's folder: what lies where, read with checks and written whole or not at all. */
import { messageOf, UserError } from "../cells/errors.ts";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import {
  type CellConfig,
  configId,
  configIn,
  DEPENDS_ON_PAST,
  describeConfig,
  parseConfig,
  parseWith,
} from "../cells/config.ts";
import { BYTE_VOCABULARY } from "../cells/language_model.ts";
import { BYTE_TOKENIZER, MAX_VOCABULARY } from "../train/corpus/tokens/tokenizer.ts";
import {
  advised,
  type Commit,
  makeFolder,
  namesIn,
  readBytes,
  readJson,
  removeFile,
  removeLeftovers,
  writeAtomically,
} from "./files.ts";
import {
  checkVersion,
  idSchema,
  knownConfigFields,
  parseResult,
  type RunResult,
  sha1Schema,
  UnknownVersion,
} from "./result.ts";

export const EXPERIMENTS = ["01", "02"] as const;
export type Experiment = typeof EXPERIMENTS[number];

/** Versions of the folder's layout; a study of a newer one is refused. Programs that know no tokens must not train on bytes instead. */
const LAYOUT_VERSION = { bytes: 1, tokens: 2 } as const;
const NEWEST_LAYOUT = LAYOUT_VERSION.tokens;

/** How an experiment's files are called. */
const FILES: Readonly<Record<Experiment, { configs: string; suffix: string }>> = {
  "01": { configs: "rnn_configs.json", suffix: "01_all" },
  "02": { configs: "rnn_configs_02.json", suffix: "02_best" },
};

const positive = z.number().int().positive();

/** Parts of a corpus, in this order. */
const splitSchema = z.object({ train: positive, validation: z.number().int().nonnegative(), test: positive });

export const studySchema = z.object({
  version: positive,
  corpus: z.object({
    name: z.string().min(1),
    /** `embedded`, the name of a known corpus, or the file's absolute path. */
    source: z.string().min(1),
    bytes: positive,
    sha1: sha1Schema,
    entropy_rate: z.number().optional(),
  }),
  /** Bytes of each part. */
  split: splitSchema,
  /** What models read, where that is not bytes: kept in `tokenizer.json`. */
  tokens: z.object({
    /** `bpe:1024`. */
    name: z.string().min(1),
    vocabulary: z.number().int().min(BYTE_VOCABULARY + 1).max(MAX_VOCABULARY),
    /** Of `tokenizer.json`. */
    sha1: sha1Schema,
    /** Tokens of each part. */
    split: splitSchema,
  }).optional(),
  seeds: positive,
  training: z.object({
    steps: z.record(z.enum(EXPERIMENTS), positive),
    log_every: z.record(z.enum(EXPERIMENTS), positive),
    batch: positive,
    history: z.number().int().min(2),
  }),
});

const versionSchema = z.object({ version: z.number() });

/** The content of `study.json`. */
export type StudySettings = z.infer<typeof studySchema>;

const listSchema = z.array(
  z.strictObject({
    ...knownConfigFields,
    id: idSchema,
    "old id": idSchema.optional(),
    control: z.literal(true).optional(),
  }).refine(...DEPENDS_ON_PAST),
).superRefine((entries, context) => {
  const seen = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    const config = configIn(entry), id = configId(config), name = `entry ${i} (${describeConfig(config)})`;
    const fail = (message: string) => context.addIssue({ code: "custom", message });
    if (entry.id !== id) fail(`${name} has id ${entry.id}, must be ${id}`);
    else if (seen.has(id)) fail(`${name} is there twice`);
    seen.add(id);
  }
});

/** What to do about damaged files. */
const MEND = "mend it, or move it away and make it anew with 'deno task init'";
export const REMAKE_MODEL = "make it again with 'deno task evaluate --again'";
const MEND_RESULT = "mend it, or move it away and the run is trained again";

/** One entry of a configuration list. */
export interface ConfigEntry {
  readonly id: string;
  readonly config: CellConfig;
  readonly oldId?: string;
  /** In experiment 02: drawn at random from what was not chosen (see `promotion.ts`). */
  readonly control?: true;
}

/** One run: a configuration with a seed. Its key names its files. */
export interface Run {
  readonly key: string;
  readonly entry: ConfigEntry;
  readonly seed: number;
}

export function runKey(id: string, seed: number): string {
  return seed === 0 ? id : `${id}_seed${seed}`;
}

/** A run's key as people see it: eight characters, and the seed where it is not the first. */
export function shortKey(key: string): string {
  return key.slice(0, 8) + key.slice(64);
}

export interface ReadResults {
  readonly results: RunResult[];
  /** One line for each file that could not be read; and the same by the keys under which they lie. */
  readonly unreadable: string[];
  readonly damaged: ReadonlyMap<string, string>;
  /** Those of the lines that are of a version of the program that this one does not know. */
  readonly unknown_version: string[];
}

/** Where a study's list and its folder of results differ, as keys: runs without any file, and results of runs that the list has not. */
export interface ListGaps {
  readonly not_begun: readonly string[];
  readonly unlisted: readonly string[];
}

export function comparedWithList(
  runs: readonly Run[],
  { results, damaged }: Pick<ReadResults, "results" | "damaged">,
): ListGaps {
  const listed = new Set(runs.map(({ key }) => key)), kept = results.map(({ id, seed }) => runKey(id, seed));
  const there = new Set([...kept, ...damaged.keys()]);
  return {
    not_begun: [...listed].filter((key) => !there.has(key)).sort(),
    unlisted: kept.filter((key) => !listed.has(key)).sort(),
  };
}

export class Study {
  private constructor(readonly dir: string, readonly settings: StudySettings) {}

  /** @throws {UserError} with one line, if there is no study or its `study.json` is damaged or newer than this program */
  static async open(dir: string): Promise<Study> {
    const study = await Study.find(dir);
    if (!study) {
      throw new UserError(
        `Cannot open study ${dir}: it has no study.json; make one with 'deno task init --dir ${dir}'`,
      );
    }
    return study;
  }

  /** @returns undefined where no study is */
  static async find(dir: string): Promise<Study | undefined> {
    const path = join(dir, "study.json");
    const value = await advised(MEND, () => readJson(path));
    if (value === undefined) return undefined;
    // The version first: what a newer one holds cannot be judged.
    const version = versionSchema.safeParse(value);
    if (version.success && version.data.version > NEWEST_LAYOUT) {
      throw new UserError(
        `Cannot open study ${dir}: its layout is version ${version.data.version}, ` +
          `this program knows up to ${NEWEST_LAYOUT}; use the cellspace that made it, or a newer one`,
      );
    }
    return new Study(dir, await advised(MEND, () => parseWith(studySchema, value, path)));
  }

  /**
   * Writes `study.json` and adds configurations to a list; makes the folder if need be. An entry that is there as a control
   * and comes without the mark loses it.
   *
   * @param tokenizer the text of `tokenizer.json`, where the study has tokens
   * @throws {UserError} before anything is written, if the list that is there is damaged
   */
  static async save(
    dir: string,
    settings: Omit<StudySettings, "version">,
    experiment: Experiment,
    entries: readonly ConfigEntry[],
    tokenizer?: string,
  ): Promise<{ study: Study; added: number; total: number }> {
    const version = LAYOUT_VERSION[settings.tokens ? "tokens" : "bytes"];
    const study = new Study(dir, { version, ...settings });
    const known = await study.readConfigs(experiment);
    const ids = new Set(known.map(({ id }) => id)), asked = new Map(entries.map((entry) => [entry.id, entry]));
    const kept = known.map((entry) => entry.control ? asked.get(entry.id) ?? entry : entry);
    const fresh = entries.filter(({ id }) => !ids.has(id));
    // What could not be read again must not be written.
    for (const { config } of fresh) parseConfig(config, `a new configuration of ${dir}`);
    await makeFolder(dir);
    const isChanged = fresh.length > 0 || kept.some((entry, i) => entry !== known[i]);
    if (isChanged) await study.#writeConfigs(experiment, [...kept, ...fresh]);
    // Before the settings that name it; a study that has become one of bytes keeps none.
    if (tokenizer !== undefined) await writeAtomically(study.tokenizerPath, tokenizer);
    await writeAtomically(join(dir, "study.json"), JSON.stringify(study.settings, null, 2) + "\n");
    if (tokenizer === undefined) removeFile(study.tokenizerPath);
    return { study, added: fresh.length, total: known.length + fresh.length };
  }

  get tokenizerPath(): string {
    return join(this.dir, "tokenizer.json");
  }

  resultPath(experiment: Experiment, key: string): string {
    return join(this.dir, `results_${FILES[experiment].suffix}`, `${key}.json`);
  }

  modelPath(experiment: Experiment, key: string): string {
    return join(this.dir, `models_${FILES[experiment].suffix}`, `${key}.onnx`);
  }

  checkpointPath(experiment: Experiment, key: string): string {
    return join(this.dir, `checkpoints_${FILES[experiment].suffix}`, `${key}.safetensors`);
  }

  get queuePath(): string {
    return join(this.dir, "queue.sqlite");
  }

  /** Makes the folders into which a training run writes. */
  async makeRunFolders(experiment: Experiment): Promise<void> {
    for (const folder of this.runFolders(experiment)) await makeFolder(folder);
  }

  /** The folders that hold files of runs and nothing else. */
  runFolders(experiment: Experiment): string[] {
    return ["results", "models", "checkpoints"].map((kind) => join(this.dir, `${kind}_${FILES[experiment].suffix}`));
  }

  /** Where the runs are written for other tools, if nobody says. */
  exportFolder(experiment: Experiment): string {
    return join(this.dir, `export_${FILES[experiment].suffix}`);
  }

  /** @throws {UserError} if the list is damaged, or an entry's id is not that of its configuration */
  async readConfigs(experiment: Experiment): Promise<ConfigEntry[]> {
    const path = this.#configsPath(experiment);
    return await advised(MEND, async () => {
      const value = await readJson(path);
      if (value === undefined) return [];
      return parseWith(listSchema, value, path)
        .map((entry) => ({
          id: entry.id,
          config: configIn(entry),
          oldId: entry["old id"],
          ...(entry.control ? { control: true } : {}),
        }));
    });
  }

  async #writeConfigs(experiment: Experiment, entries: readonly ConfigEntry[]): Promise<void> {
    const all = entries.map(({ id, config, oldId, control }) => ({
      ...config,
      id,
      ...(oldId ? { "old id": oldId } : {}),
      ...(control ? { control } : {}),
    }));
    await writeAtomically(this.#configsPath(experiment), JSON.stringify(all, null, 2) + "\n");
  }

  #configsPath(experiment: Experiment): string {
    return join(this.dir, FILES[experiment].configs);
  }

  /**
   * All runs of an experiment in the order in which they are trained: first seeds before further ones, and within a seed
   * a shuffle that is the same each time, so that early looks see a fair sample.
   */
  async runs(experiment: Experiment): Promise<Run[]> {
    const entries = await this.readConfigs(experiment);
    const shuffled = entries
      .map((entry) => ({ entry, order: createHash("sha256").update(`order/${entry.id}`).digest("hex") }))
      .sort((a, b) => (a.order < b.order ? -1 : 1));
    return Array.from(
      { length: this.settings.seeds },
      (_, seed) => shuffled.map(({ entry }) => ({ key: runKey(entry.id, seed), entry, seed })),
    ).flat();
  }

  /**
   * A run's result, or the record of one under way; undefined where there is none.
   *
   * @throws {UserError} naming the file, if it is damaged, is another run's, or was trained in another way than this study's are
   * @throws {UnknownVersion} naming the file, if a later program wrote it
   */
  async readResult(experiment: Experiment, key: string): Promise<RunResult | undefined> {
    const path = this.resultPath(experiment, key);
    const value = await advised(MEND_RESULT, () => readJson(path));
    if (value === undefined) return undefined;
    checkVersion(value, path);
    return await advised(MEND_RESULT, () => this.#checkedResult(value, path, key));
  }

  #checkedResult(value: unknown, path: string, key: string): RunResult {
    const result = parseResult(value, path);
    const named = runKey(result.id, result.seed);
    if (named !== key) throw new UserError(`Cannot read ${path}: it is the result of run ${named}, must be of ${key}`);
    const { corpus, training, tokens } = this.settings;
    const agreed = [
      ["SHA-1 of the corpus", result.corpus_sha1, corpus.sha1],
      ["tokens", result.tokens ?? BYTE_TOKENIZER.name, tokens?.name ?? BYTE_TOKENIZER.name],
      ["SHA-1 of the tokenizer", result.tokenizer_sha1, tokens?.sha1],
      ["batch size", result["batch size"], training.batch],
      ["history size", result["history size"], training.history],
    ] as const;
    for (const [what, is, must] of agreed) {
      if (is !== must) throw new UserError(`Cannot read ${path}: its ${what} is ${is}, study.json has ${must}`);
    }
    return result;
  }

  async writeResult(experiment: Experiment, key: string, result: RunResult, commit?: Commit): Promise<void> {
    const path = this.resultPath(experiment, key);
    // What could not be read again must not be written: JSON has no NaN.
    parseResult(result, path);
    await this.#write(path, JSON.stringify(result) + "\n", commit);
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
    await this.#write(this.checkpointPath(experiment, key), bytes, commit);
  }

  async removeCheckpoint(experiment: Experiment, key: string, commit: Commit): Promise<void> {
    const path = this.checkpointPath(experiment, key);
    await commit(() => removeFile(path));
  }

  async writeModel(experiment: Experiment, key: string, bytes: Uint8Array, commit?: Commit): Promise<void> {
    await this.#write(this.modelPath(experiment, key), bytes, commit);
  }

  /** The bytes of a run's model. */
  async readModel(experiment: Experiment, key: string): Promise<{ path: string; model: Uint8Array<ArrayBuffer> }> {
    const path = this.modelPath(experiment, key);
    const model = await advised(`move it away and ${REMAKE_MODEL}`, () => readBytes(path));
    if (!model) {
      throw new UserError(`Cannot read ${path}: it does not exist; ${REMAKE_MODEL}`);
    }
    return { path, model };
  }

  /** Unfinished files lie in the study's folder: the folders of results hold results and nothing else. */
  #write(path: string, content: string | Uint8Array, commit?: Commit): Promise<void> {
    return writeAtomically(path, content, this.dir, commit);
  }

  removeLeftovers(): Promise<void> {
    return removeLeftovers(this.dir);
  }

  /** Every result of an experiment, sorted by file name; files that cannot be read are named, not dropped. */
  async readResults(experiment: Experiment): Promise<ReadResults> {
    const names = await namesIn(join(this.dir, `results_${FILES[experiment].suffix}`));
    const results: RunResult[] = [], damaged = new Map<string, string>(), unknown_version: string[] = [];
    for (const key of names.flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? [])) {
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
