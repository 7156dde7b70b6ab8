/** What a study's list stands for: its configurations, and the runs that are made of them. */
import { oncePer } from "../../cells/once_per.ts";
import { createHash } from "../../train/process/hash.ts";
import { type CellConfig, configIn, parseWith } from "../../cells/config.ts";
import { runKey } from "./run_key.ts";
import type { RunResult } from "./result.ts";
import type { Space } from "../../cells/space.ts";
import { listSchemaOf } from "./schema.ts";

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

const schemaOf = oncePer(listSchemaOf);

/**
 * The entries of a list as it stands in its file.
 *
 * @throws {UserError} if it is damaged, or an entry's id is not that of its configuration
 */
export function parseConfigList(value: unknown, path: string, space: Space): ConfigEntry[] {
  return parseWith(schemaOf(space), value, path).map((entry) => ({
    id: entry.id,
    config: configIn(entry, space),
    oldId: entry["old id"],
    ...(entry.control ? { control: true } : {}),
  }));
}

/** The text of a list's file. */
export function formatConfigList(entries: readonly ConfigEntry[]): string {
  const all = entries.map(({ id, config, oldId, control }) => ({
    ...config,
    id,
    ...(oldId ? { "old id": oldId } : {}),
    ...(control ? { control } : {}),
  }));
  return JSON.stringify(all, null, 2) + "\n";
}

/**
 * All runs of these entries in the order in which they are trained: first seeds before further ones, and within a seed a shuffle that
 * is the same each time, so that early looks see a fair sample.
 */
export function runsInOrder(entries: readonly ConfigEntry[], seeds: number): Run[] {
  const shuffled = entries
    .map((entry) => ({ entry, order: createHash("sha256").update(`order/${entry.id}`).digest("hex") }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  return Array.from(
    { length: seeds },
    (_, seed) => shuffled.map(({ entry }) => ({ key: runKey(entry.id, seed), entry, seed })),
  ).flat();
}

/** The results of an experiment, as far as they can be read. */
export interface ReadResults {
  readonly results: readonly RunResult[];
  /** One line for each file that could not be read; and the same by the keys under which they lie. */
  readonly unreadable: readonly string[];
  readonly damaged: ReadonlyMap<string, string>;
  /** Those of the lines that are of a version of the program that this one does not know. */
  readonly unknown_version: readonly string[];
}
