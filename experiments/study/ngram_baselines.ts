/** The n-gram baselines of a study's corpus: counted once, and kept in the study for whoever has no access to the corpus. */
import * as z from "zod";
import { parseWith } from "../../cells/config.ts";
import { UserError } from "../../cells/errors.ts";
import type { Corpus } from "../../train/corpus/corpus.ts";
import { BASELINE_METHOD, contextOrder, HIGHEST_ORDER, ngramBaselines } from "../../train/corpus/ngrams/baselines.ts";
import { advised, readJson, writeAtomically } from "./files.ts";
import { isOurs } from "./ownership.ts";
import { sha1Schema } from "./result.ts";
import { commandOn } from "./commands.ts";
import type { Study } from "./store.ts";
import { splitSchema } from "./schema.ts";

/** Counts of the largest corpus give no byte less than a chance of one in 2^40. */
const loss = z.number().nonnegative().max(40);

/** What the file holds. */
export const baselinesSchema = z.object({
  /** How they were counted. */
  method: z.string(),
  /** What they were counted on. */
  corpus_sha1: sha1Schema,
  split: splitSchema,
  /** One baseline for each order, ascending from 0. Called so in files since the first version. */
  floors: z.array(
    z.object({ order: z.number().int().max(HIGHEST_ORDER), nats: loss, bits: loss, hindsight_nats: loss }),
  ).length(HIGHEST_ORDER + 1).refine((baselines) => baselines.every(({ order }, i) => order === i), "must be in order"),
});

/** The baselines of a corpus, by order from 0: nats and bits per byte of its test split. */
export type NgramBaselines = z.infer<typeof baselinesSchema>["floors"];

/**
 * The baselines that a study has; undefined where it has none, or those of another method, corpus or split.
 *
 * @throws {UserError} if the file is damaged, with what makes it again
 */
export async function readBaselines(
  { dir, settings, baselinesPath: path }: Study,
): Promise<NgramBaselines | undefined> {
  // What is not told for one of cellspace's is left alone.
  const mend = `${isKept(path) ? "" : "move it away, and "}the next ${commandOn("train", { dir })} counts it again`;
  return await advised(mend, async () => {
    const value = await readJson(path);
    if (value === undefined) return undefined;
    const { method, corpus_sha1, split, floors: baselines } = parseWith(baselinesSchema, value, path);
    const { corpus } = settings;
    const isOurs = method === BASELINE_METHOD && corpus_sha1 === corpus.sha1 && split.train === settings.split.train &&
      split.validation === settings.split.validation && split.test === settings.split.test;
    return isOurs ? baselines : undefined;
  });
}

function isKept(path: string): boolean {
  try {
    return isOurs(path);
  } catch {
    return false;
  }
}

/** Options of {@linkcode ensureBaselines}. */
export interface CountingOptions {
  readonly signal?: AbortSignal;
  /** Called with how much of the corpus has been counted, in bytes; not at all where nothing has to be. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called with one line when the study's file is damaged, before it is made again. */
  readonly onDamaged?: (problem: string) => void;
}

/**
 * The baselines of a study's corpus. They are counted where the study has none that can be used, and then kept in it: a count that is cut short
 * leaves nothing, and the next begins again.
 *
 * @param corpus the study's
 * @returns undefined where the signal cut the count short, or a file of somebody's has the baselines' name
 */
export async function ensureBaselines(
  study: Study,
  corpus: Corpus,
  options: CountingOptions = {},
): Promise<NgramBaselines | undefined> {
  const path = study.baselinesPath;
  let isReplaceable = true;
  const known = await readBaselines(study).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    options.onDamaged?.(error.message);
    isReplaceable = isKept(path);
  });
  // Somebody's file stays; the work goes on without baselines.
  if (known || !isReplaceable) return known ?? undefined;
  const baselines = await countBaselines(corpus, options);
  if (baselines) {
    // Two that have counted the same corpus have the same to write.
    const about = { method: BASELINE_METHOD, corpus_sha1: study.settings.corpus.sha1, split: study.settings.split };
    // What could not be read again must not be written: JSON has no NaN.
    const content = { ...about, floors: baselines };
    parseWith(baselinesSchema, content, path);
    await writeAtomically(path, JSON.stringify(content, null, 2) + "\n");
  }
  return baselines;
}

async function countBaselines({ train, test }: Corpus, { signal, onProgress }: CountingOptions) {
  const total = train.length;
  onProgress?.(0, total);
  try {
    return [...await ngramBaselines(train, test, { signal, onProgress: (done) => onProgress?.(done, total) })];
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

/**
 * The order whose baseline a score reaches (see {@linkcode contextOrder}), as a result has it. The score is in bits per *byte*, whatever the model
 * reads: so it can be held against baselines of bytes.
 */
export function contextOrderOf(bits_per_byte: number, baselines: NgramBaselines): number {
  return contextOrder(bits_per_byte * Math.LN2, baselines);
}

/** What a model's memory gives, bits per byte: it scores so much below the baseline of order 1, which sees the byte before and nothing else. */
export function gainOverOrder1(bits_per_byte: number, [, { nats }]: NgramBaselines): number {
  return nats / Math.LN2 - bits_per_byte;
}

/** `order 0 2.916, order 1 1.885, …`, nats per byte. */
export function baselinesInWords(baselines: NgramBaselines): string {
  return baselines.map(({ order, nats }) => `order ${order} ${nats.toFixed(3)}`).join(", ");
}
