/** What the files of a study's folder hold that are no results: `study.json` and the lists of configurations. */
import * as z from "zod";
import { MAX_VOCABULARY } from "../../cells/bounds.ts";
import { knownFieldsOf } from "../../cells/catalog/catalog.ts";
import { type ConfigFields, configIdIn, configIn, describeConfigIn, validAsAWhole } from "../../cells/config.ts";
import type { FactorTable } from "../../cells/factor.ts";
import type { Space } from "../../cells/space.ts";
import { BYTE_VOCABULARY } from "../../cells/language_model.ts";
import { MAX_BYTES } from "../../train/corpus/bounds.ts";
import { BYTE_TOKENIZER } from "../../train/corpus/tokens/tokenizer.ts";
import { BUDGETS, LIMITS } from "../../train/training/settings.ts";
import { MOST_CONFIGS } from "./grid.ts";
import { EXPERIMENTS } from "./experiment.ts";
import { idSchema, sha1Schema, spaceFields } from "./result.ts";

/**
 * Versions of the folder's layout; a study of a newer one is refused. Programs that know no tokens must not train on bytes instead, and
 * those that know no spaces must not take its lists for gated cells.
 */
const LAYOUT_VERSION = { bytes: 1, tokens: 2, space: 3 } as const;
export const NEWEST_LAYOUT = LAYOUT_VERSION.space;

/** What a study of each version has that earlier ones have not. */
const LAYOUT_KEYS: Readonly<Record<number, string>> = {
  [LAYOUT_VERSION.tokens]: "tokens",
  [LAYOUT_VERSION.space]: "space",
};

/** The layout of a study with such settings. */
export function layoutOf({ tokens, space }: Pick<StudySettings, "tokens" | "space">): number {
  return LAYOUT_VERSION[space ? "space" : tokens ? "tokens" : "bytes"];
}

const positive = z.number().int().positive();

/** Bytes or tokens of each part of a corpus, in this order. */
export const splitSchema = z.object({
  train: positive.max(MAX_BYTES),
  validation: z.number().int().nonnegative().max(MAX_BYTES),
  test: positive.max(MAX_BYTES),
});

/** The name of so many tokens: `bpe:1024`. */
export function tokensName(vocabulary: number): string {
  return vocabulary === BYTE_VOCABULARY ? BYTE_TOKENIZER.name : `bpe:${vocabulary}`;
}

const tokensSchema = z.object({
  /** `bpe:1024`. */
  name: z.string().min(1),
  vocabulary: z.number().int().min(BYTE_VOCABULARY + 1).max(MAX_VOCABULARY),
  /** Of `tokenizer.json`. */
  sha1: sha1Schema,
  /** Tokens of each part. */
  split: splitSchema,
}).superRefine(({ name, vocabulary, split }, context) => {
  const must = tokensName(vocabulary);
  if (name !== must) context.addIssue({ code: "custom", path: ["name"], message: `is ${name}, must be ${must}` });
  // A token is at least a byte: more of them than a corpus may have bytes were never read.
  if (sumOf(split) > MAX_BYTES) context.addIssue({ code: "custom", path: ["split"], message: "has too many tokens" });
});

function sumOf({ train, validation, test }: z.infer<typeof splitSchema>): number {
  return train + validation + test;
}

export const studySchema = z.object({
  version: positive.max(NEWEST_LAYOUT),
  corpus: z.object({
    name: z.string().min(1),
    /** `embedded`, the name of a known corpus, or the file's absolute path. */
    source: z.string().min(1),
    bytes: positive.max(MAX_BYTES),
    sha1: sha1Schema,
    /** Nats per byte: no text of 256 values has more. */
    entropy_rate: z.number().nonnegative().max(Math.log(BYTE_VOCABULARY)).optional(),
  }),
  /** Bytes of each part. */
  split: splitSchema,
  /** What models read, where that is not bytes: kept in `tokenizer.json`. */
  tokens: tokensSchema.optional(),
  /** The space that it varies, where that is not the built-in one: a copy of its module is kept in `space.ts`. */
  space: z.object({ name: spaceFields.space, sha256: spaceFields.space_sha256 }).optional(),
  /**
   * What `init` has a flag for is bounded where runs are listed and where `init` sets it, not here (see `bounds.ts`): a study that an
   * earlier version gave too much can then be mended.
   */
  seeds: positive,
  training: z.object({
    steps: z.record(z.enum(EXPERIMENTS), positive),
    log_every: z.record(z.enum(EXPERIMENTS), positive.max(LIMITS.log_every)),
    batch: positive,
    history: z.number().int().min(2),
    /** What runs that go different numbers of steps back have in common; absent: the tokens that they read. */
    budget: z.enum(BUDGETS).optional(),
  }),
}).superRefine(({ version, corpus, split, tokens, space }, context) => {
  const fail = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  const layout = layoutOf({ tokens, space });
  if (version !== layout) {
    const isMissing = version > layout, key = LAYOUT_KEYS[Math.max(version, layout)] ?? "version";
    const what = key === "space" ? "a space" : key;
    fail(
      [key],
      isMissing
        ? `is missing, and a study of version ${version} has ${what}`
        : `is present, and a study of version ${version} has none`,
    );
  }
  const bytes = sumOf(split);
  if (bytes !== corpus.bytes) fail(["split"], `has ${bytes} bytes, the corpus ${corpus.bytes}`);
});

/** A key of somebody's in `study.json`, with what it holds; and the keys of the objects that it is in. */
export interface OwnKey {
  readonly within: readonly string[];
  readonly key: string;
  readonly value: unknown;
}

/**
 * What a value holds beside what was read of it, so that it can be written back.
 *
 * @param read the same, without what its schema does not know
 */
export function ownKeys(value: unknown, read: unknown, within: readonly string[] = []): OwnKey[] {
  if (!isRecord(value) || !isRecord(read)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    Object.hasOwn(read, key) ? ownKeys(inner, read[key], [...within, key]) : [{ within, key, value: inner }]
  );
}

/** Adds keys behind those of the objects that they were in, as far as these are still there. */
export function withOwnKeys(settings: object, own: readonly OwnKey[], within: readonly string[] = []): object {
  const here = own.filter((each) => each.within.join("\0") === within.join("\0"));
  return Object.fromEntries([
    ...Object.entries(settings).map(([key, value]) => [
      key,
      isRecord(value) ? withOwnKeys(value, own, [...within, key]) : value,
    ]),
    ...here.map(({ key, value }) => [key, value]),
  ]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const versionSchema = z.object({ version: z.number() });

/** The content of `study.json`. */
export type StudySettings = z.infer<typeof studySchema>;

const listedKeys = { id: idSchema, "old id": idSchema.optional(), control: z.literal(true).optional() };

/** An entry of a list: a configuration, its id, and where experiment 02 has it from. */
type ListedEntry = z.infer<z.ZodObject<ConfigFields & typeof listedKeys>>;

/** Schema of a list of configurations of this space. */
export function listSchemaOf(table: Space): z.ZodType<ListedEntry[]> {
  const entry = z.strictObject({ ...knownFieldsOf(table), ...listedKeys }).refine(...validAsAWhole(table));
  return z.array(entry).max(MOST_CONFIGS, { abort: true }).superRefine((entries, context) =>
    checkList(table, entries, context)
  );
}

function checkList(table: FactorTable, entries: readonly ListedEntry[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    const config = configIn(entry, table), id = configIdIn(table, config);
    const name = `entry ${i} (${describeConfigIn(table, config)})`;
    const fail = (message: string) => context.addIssue({ code: "custom", message });
    if (entry.id !== id) fail(`${name} has id ${entry.id}, must be ${id}`);
    else if (seen.has(id)) fail(`${name} is listed twice`);
    // A control is trained as it is.
    else if (entry.control && entry["old id"] !== undefined && entry["old id"] !== id) {
      fail(`${name} is a control and has old id ${entry["old id"]}, must be ${id}`);
    }
    seen.add(id);
  }
}
