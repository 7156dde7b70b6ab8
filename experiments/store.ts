/** The study's folder: what lies where, read with checks and written whole or not at all. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import {
  type CellConfig,
  configFields,
  configId,
  describeConfig,
  describeSchemaError,
  pickConfig,
} from "../cells/config.ts";
import { parseResult, type RunResult } from "./result.ts";

export const EXPERIMENTS = ["01", "02"] as const;
export type Experiment = typeof EXPERIMENTS[number];

/** Version of the folder's layout; a study of a newer one is refused. */
const LAYOUT_VERSION = 1;

/** How an experiment's files are called. */
const FILES: Readonly<Record<Experiment, { configs: string; suffix: string }>> = {
  "01": { configs: "rnn_configs.json", suffix: "01_all" },
  "02": { configs: "rnn_configs_02.json", suffix: "02_best" },
};

const positive = z.number().int().positive();

const studySchema = z.object({
  version: z.number().int(),
  corpus: z.object({
    name: z.string().min(1),
    /** `embedded`, or the file's absolute path. */
    source: z.string().min(1),
    bytes: positive,
    sha1: z.string().regex(/^[0-9a-f]{40}$/),
    entropy_rate: z.number().optional(),
  }),
  /** Bytes of each part, in this order. */
  split: z.object({ train: positive, validation: z.number().int().nonnegative(), test: positive }),
  seeds: positive,
  training: z.object({
    steps: z.record(z.enum(EXPERIMENTS), positive),
    log_every: z.record(z.enum(EXPERIMENTS), positive),
    batch: positive,
    history: z.number().int().min(2),
  }),
});

/** The content of `study.json`. */
export type StudySettings = z.infer<typeof studySchema>;

const entrySchema = z.looseObject({ ...configFields, id: z.string(), "old id": z.string().optional() });

/** One entry of a configuration list. */
export interface ConfigEntry {
  readonly id: string;
  readonly config: CellConfig;
  readonly oldId?: string;
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

export interface ReadResults {
  readonly results: RunResult[];
  /** One line for each file that could not be read. */
  readonly unreadable: string[];
}

/** Writes a file so that it is either there whole or as it was before. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    if (typeof content === "string") await Deno.writeTextFile(temporary, content);
    else await Deno.writeFile(temporary, content);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw new Error(`Cannot write ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError(`Cannot read ${path}: it is not JSON (${text.length} characters); mend it or move it away`);
  }
}

export class Study {
  private constructor(readonly dir: string, readonly settings: StudySettings) {}

  /** @throws {Error} with one line, if there is no study or its `study.json` is damaged or newer than this program */
  static async open(dir: string): Promise<Study> {
    const study = await Study.find(dir);
    if (!study) {
      throw new Error(`Cannot open study ${dir}: it has no study.json; make one with 'deno task init --dir ${dir}'`);
    }
    return study;
  }

  /** @returns undefined where no study is */
  static async find(dir: string): Promise<Study | undefined> {
    const path = join(dir, "study.json");
    const value = await readJson(path);
    if (value === undefined) return undefined;
    const parsed = studySchema.safeParse(value);
    if (!parsed.success) throw new TypeError(`Cannot read ${path}: ${describeSchemaError(parsed.error)}`);
    if (parsed.data.version > LAYOUT_VERSION) {
      throw new RangeError(
        `Cannot open study ${dir}: its layout is version ${parsed.data.version}, this program knows up to ${LAYOUT_VERSION}`,
      );
    }
    return new Study(dir, parsed.data);
  }

  /** Writes `study.json`; makes the folder if need be. */
  static async save(dir: string, settings: Omit<StudySettings, "version">): Promise<Study> {
    const whole: StudySettings = { version: LAYOUT_VERSION, ...settings };
    await makeFolder(dir);
    await writeAtomically(join(dir, "study.json"), JSON.stringify(whole, null, 2) + "\n");
    return new Study(dir, whole);
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
    const { suffix } = FILES[experiment];
    for (const kind of ["results", "models", "checkpoints"]) await makeFolder(join(this.dir, `${kind}_${suffix}`));
  }

  /** @throws {TypeError} if the list is damaged, or an entry's id is not that of its configuration */
  async readConfigs(experiment: Experiment): Promise<ConfigEntry[]> {
    const path = join(this.dir, FILES[experiment].configs);
    const value = await readJson(path);
    if (value === undefined) return [];
    const parsed = z.array(entrySchema).safeParse(value);
    if (!parsed.success) throw new TypeError(`Cannot read ${path}: ${describeSchemaError(parsed.error)}`);
    return parsed.data.map((entry, i) => {
      const config = pickConfig(entry);
      if (configId(config) !== entry.id) {
        throw new TypeError(
          `Cannot read ${path}: entry ${i} (${describeConfig(config)}) has id ${entry.id}, must be ${configId(config)}`,
        );
      }
      return { id: entry.id, config, oldId: entry["old id"] };
    });
  }

  /** Adds configurations that are not in the list yet; returns how many are new. */
  async addConfigs(experiment: Experiment, entries: readonly ConfigEntry[]): Promise<{ added: number; total: number }> {
    const known = await this.readConfigs(experiment);
    const ids = new Set(known.map(({ id }) => id));
    const fresh = entries.filter(({ id }) => !ids.has(id));
    const all = [...known, ...fresh].map(({ id, config, oldId }) => ({
      ...config,
      id,
      ...(oldId ? { "old id": oldId } : {}),
    }));
    await writeAtomically(join(this.dir, FILES[experiment].configs), JSON.stringify(all, null, 2) + "\n");
    return { added: fresh.length, total: all.length };
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

  async readResult(experiment: Experiment, key: string): Promise<RunResult | undefined> {
    const path = this.resultPath(experiment, key);
    const value = await readJson(path);
    return value === undefined ? undefined : parseResult(value, path);
  }

  async writeResult(experiment: Experiment, key: string, result: RunResult): Promise<void> {
    await writeAtomically(this.resultPath(experiment, key), JSON.stringify(result) + "\n");
  }

  /** Every result of an experiment, sorted by file name; files that cannot be read are named, not dropped. */
  async readResults(experiment: Experiment): Promise<ReadResults> {
    const folder = join(this.dir, `results_${FILES[experiment].suffix}`);
    const names: string[] = [];
    try {
      for await (const { name, isFile } of Deno.readDir(folder)) if (isFile && name.endsWith(".json")) names.push(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const results: RunResult[] = [], unreadable: string[] = [];
    for (const name of names.sort()) {
      try {
        results.push(parseResult(await readJson(join(folder, name)), join(folder, name)));
      } catch (error) {
        unreadable.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { results, unreadable };
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw new Error(`Cannot make folder ${path}: ${error instanceof Error ? error.message : error}`);
  }
}
