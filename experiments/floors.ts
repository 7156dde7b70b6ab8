/** The entropy floors of a study's corpus: counted once, and kept in the study for whoever has no access to the corpus. */
import { join } from "node:path";
import { z } from "zod";
import { parseWith } from "../cells/config.ts";
import { UserError } from "../cells/errors.ts";
import type { Corpus } from "../train/corpus/corpus.ts";
import { contextOrder, entropyFloors, FLOOR_METHOD, HIGHEST_ORDER } from "../train/corpus/floors.ts";
import { openProgress } from "../train/terminal/progress.ts";
import { advised, readJson, writeAtomically } from "./files.ts";
import { sha1Schema } from "./result.ts";
import type { Study } from "./store.ts";

const loss = z.number().nonnegative();

const floorsSchema = z.object({
  /** How they were counted. */
  method: z.string(),
  /** What they were counted on. */
  corpus_sha1: sha1Schema,
  split: z.object({ train: z.number(), validation: z.number(), test: z.number() }),
  /** One for each order, ascending from 0. */
  floors: z.array(
    z.object({ order: z.number().int(), nats: loss, bits: loss, hindsight_nats: loss }),
  ).length(HIGHEST_ORDER + 1).refine((floors) => floors.every(({ order }, i) => order === i), "must be in order"),
});

/** The floors of a corpus, by order from 0: nats and bits per byte of its test split. */
export type EntropyFloors = z.infer<typeof floorsSchema>["floors"];

/** The file in a study's folder. */
const FILE = "entropy_floors.json";

/**
 * The floors that a study has; undefined where it has none, or those of another method, corpus or split.
 *
 * @throws {UserError} if the file is damaged, with what makes it anew
 */
export async function readFloors({ dir, settings }: Study): Promise<EntropyFloors | undefined> {
  const path = join(dir, FILE);
  return await advised("the next 'deno task train' or 'evaluate' makes it anew", async () => {
    const value = await readJson(path);
    if (value === undefined) return undefined;
    const { method, corpus_sha1, split, floors } = parseWith(floorsSchema, value, path);
    const { corpus } = settings;
    const isOurs = method === FLOOR_METHOD && corpus_sha1 === corpus.sha1 && split.train === settings.split.train &&
      split.validation === settings.split.validation && split.test === settings.split.test;
    return isOurs ? floors : undefined;
  });
}

/** A text that is shorter is counted in about a second: that needs no word. */
const TOLD_FROM_BYTES = 10_000_000;

/** What {@linkcode ensureFloors} is told. */
export interface CountingOptions {
  readonly signal?: AbortSignal;
  /** Shows no progress. */
  readonly quiet?: boolean;
  /** Told where the study's file is damaged, in one line; it is made anew. */
  readonly onDamaged?: (problem: string) => void;
}

/**
 * The floors of a study's corpus. They are counted where the study has none that can be used, and then kept in it: a count that is cut short
 * leaves nothing, and the next begins again.
 *
 * @param corpus the study's
 * @returns undefined where the signal cut the count short
 */
export async function ensureFloors(
  study: Study,
  corpus: Corpus,
  options: CountingOptions = {},
): Promise<EntropyFloors | undefined> {
  const known = await readFloors(study).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    options.onDamaged?.(error.message);
  });
  const floors = known ?? await countFloors(corpus, options);
  if (floors && !known) {
    const about = { method: FLOOR_METHOD, corpus_sha1: study.settings.corpus.sha1, split: study.settings.split };
    // What could not be read again must not be written: JSON has no NaN.
    parseWith(floorsSchema, { ...about, floors }, join(study.dir, FILE));
    await writeAtomically(join(study.dir, FILE), JSON.stringify({ ...about, floors }, null, 2) + "\n");
  }
  return floors;
}

async function countFloors({ train, test }: Corpus, { signal, quiet = false }: CountingOptions) {
  const progress = openProgress(train.length, "bytes", quiet || train.length < TOLD_FROM_BYTES);
  progress.print(`Counting the n-grams of ${train.length} bytes for the entropy floors`);
  try {
    const onProgress = (done: number) => progress.update(done, "counting n-grams");
    return [...await entropyFloors(train, test, { signal, onProgress })];
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  } finally {
    progress.stop();
  }
}

/**
 * The order whose floor a score reaches (see {@linkcode contextOrder}), as a result has it. The score is in bits per *byte*, whatever the model
 * reads: so it can be held against floors of bytes.
 */
export function contextOrderOf(bits_per_byte: number, floors: EntropyFloors): number {
  return contextOrder(bits_per_byte * Math.LN2, floors);
}

/** `order 0 2.916, order 1 1.885, …`, nats per byte. */
export function floorsInWords(floors: EntropyFloors): string {
  return floors.map(({ order, nats }) => `order ${order} ${nats.toFixed(3)}`).join(", ");
}
