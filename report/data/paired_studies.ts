/**
 * What of two studies belongs together: runs of one configuration and one seed. What the studies differ in throughout (a learning rate, a cell)
 * is left out of what makes a configuration, and named; so are the corpus and all else that says how runs were trained.
 */
import { UserError } from "../../cells/errors.ts";
import { counted } from "../../cells/counts.ts";
import { appliesTo, type Configuration, type Factor, type FactorValue, namesCell } from "../../cells/factor.ts";
import { cohortsOf } from "./baselines.ts";
import { cellNameIn, nameOfLevel } from "./cell_names.ts";
import type { StudyRuns } from "./other_studies.ts";
import { shortList } from "../../train/terminal/words.ts";
import { distinct, ownCellRows, type RunRow } from "./rows.ts";

/** One configuration of two studies, at the seeds that both have finished. */
export interface PairedConfig {
  /** What makes it, without what the studies differ in: the same in all pairs of studies that differ in the same. */
  readonly key: string;
  /** What this study calls it. */
  readonly label: string;
  /** By seed, ascending; at least one. */
  readonly runs: ReadonlyMap<number, RunPair>;
}

/** Runs of one seed. */
export interface RunPair {
  readonly here: RunRow;
  readonly there: RunRow;
}

/** A configuration of another cell than the studies are about. */
export interface PairedBaseline extends PairedConfig {
  readonly name: string;
}

/** Something that is not the same in two studies. */
export interface StudyDifference {
  readonly what: string;
  readonly here: string;
  readonly there: string;
}

/** Two studies, and what they have in common. */
export interface PairedStudies {
  readonly here: StudyRuns;
  readonly there: StudyRuns;
  readonly differences: readonly StudyDifference[];
  /** Whether the texts are the same. */
  readonly isSameText: boolean;
  /** Why lowest training losses cannot be compared, of all pairs: {@linkcode lossBarrier}. */
  readonly barriers: readonly string[];
  /** Configurations of the cell that the studies are about, sorted by key. */
  readonly own: readonly PairedConfig[];
  readonly baselines: readonly PairedBaseline[];
  /** Configurations of that cell that each has, and those that both have without a common seed. */
  readonly counts: { readonly here: number; readonly there: number; readonly seedless: number };
  /** The key of a configuration of one of both: see {@linkcode PairedConfig}. */
  keyOf(study: StudyRuns, config: Configuration): string;
}

/**
 * Pairs the runs of two studies.
 *
 * @throws {UserError} with one line, where they have no configuration or no seed in common; it says what each has
 */
export function pairStudies(here: StudyRuns, there: StudyRuns): PairedStudies {
  const factors = factorsOf(here, there);
  const own = { here: cohortsOf(here.space, here.rows).own, there: cohortsOf(there.space, there.rows).own };
  const apart = factors.filter((factor) => isApart(factor, { here, there }, own));
  const keyOf = keysBy(factors.filter((factor) => !apart.includes(factor)));
  const paired = pairRows(keyOf, { here, there }, own), baselines = pairBaselines(factors, apart, here, there);
  if (!paired.pairs.length && !baselines.length) {
    throw new UserError(
      `Cannot compare study ${here.dir} with ${there.dir}: ${nothingInCommon({ here, there }, own, paired, factors)}`,
    );
  }
  const runs = [...paired.pairs, ...baselines].flatMap((one) => [...one.runs.values()]);
  return {
    here,
    there,
    differences: [...settingDifferences(runs, here, there), ...factorDifferences(apart, { here, there }, own)],
    isSameText: runs.every(({ here, there }) => here.corpus_sha1 === there.corpus_sha1),
    barriers: [...new Set(runs.flatMap((pair) => lossBarrier(pair) ?? []))],
    own: paired.pairs,
    baselines,
    counts: { here: paired.here, there: paired.there, seedless: paired.seedless },
    keyOf,
  };
}

/** Something for each of two studies. */
interface Both<T> {
  readonly here: T;
  readonly there: T;
}

/** The factors of both, those of this study first. */
function factorsOf(here: StudyRuns, there: StudyRuns): Factor[] {
  const known = new Set(here.space.factors.map(({ key }) => key));
  return [...here.space.factors, ...there.space.factors.filter(({ key }) => !known.has(key))];
}

/** A configuration's value of a factor, which the study's table may lack; undefined where it says nothing of the configuration's cell. */
function valueIn({ space }: StudyRuns, factor: Factor, config: Configuration): FactorValue | undefined {
  const own = space.factors.find(({ key }) => key === factor.key) ?? factor;
  return appliesTo(space, own, config) ? config[own.key] ?? own.default : undefined;
}

function valuesIn(study: StudyRuns, factor: Factor, rows: readonly RunRow[]): Set<FactorValue | undefined> {
  return new Set(rows.map(({ config }) => valueIn(study, factor, config)));
}

/** Whether a factor has one value throughout each study, and not the same: then it is what the studies differ in. */
function isApart(factor: Factor, study: Both<StudyRuns>, rows: Both<readonly RunRow[]>): boolean {
  const here = valuesIn(study.here, factor, rows.here), there = valuesIn(study.there, factor, rows.there);
  return here.size === 1 && there.size === 1 && [...here][0] !== [...there][0];
}

type KeyOf = PairedStudies["keyOf"];

/** A configuration's values of these factors, as text. */
function keysBy(factors: readonly Factor[]): KeyOf {
  return (study, config) => JSON.stringify(factors.map((factor) => valueIn(study, factor, config) ?? null));
}

type RunsByKey = ReadonlyMap<string, readonly RunRow[]>;

/** Pairs of runs with what did not find a partner. */
interface PairedRows {
  readonly pairs: readonly PairedConfig[];
  readonly here: number;
  readonly there: number;
  readonly seedless: number;
}

function pairRows(keyOf: KeyOf, study: Both<StudyRuns>, rows: Both<readonly RunRow[]>): PairedRows {
  const byKey = (of: StudyRuns, rows: readonly RunRow[]): RunsByKey =>
    Map.groupBy(rows, ({ config }) => keyOf(of, config));
  const here = byKey(study.here, rows.here), there = byKey(study.there, rows.there);
  const common = [...here.keys()].filter((key) => there.has(key)).sort();
  const pairs = common.flatMap((key): PairedConfig[] => {
    const runs = pairSeeds(here.get(key)!, there.get(key)!);
    return runs.size ? [{ key, label: here.get(key)![0].label, runs }] : [];
  });
  return { pairs, here: here.size, there: there.size, seedless: common.length - pairs.length };
}

function pairSeeds(here: readonly RunRow[], there: readonly RunRow[]): Map<number, RunPair> {
  const others = new Map(there.map((run) => [run.seed, run]));
  return new Map(
    here.toSorted((a, b) => a.seed - b.seed).flatMap((run) => {
      const other = others.get(run.seed);
      return other ? [[run.seed, { here: run, there: other }]] : [];
    }),
  );
}

/** Other cells than the studies are about, each with the same cell: what the studies differ in is left out as far as it is one thing there too. */
function pairBaselines(
  factors: readonly Factor[],
  apart: readonly Factor[],
  here: StudyRuns,
  there: StudyRuns,
): PairedBaseline[] {
  // Studies without that cell compare the others themselves.
  if (![here, there].some(({ space, rows }) => ownCellRows(space, rows).length)) return [];
  const byCell = ({ space, rows }: StudyRuns) =>
    Map.groupBy(rows.filter(({ config }) => !space.isOwnCell(config)), ({ config }) => cellNameIn(space, config));
  const own = byCell(here), theirs = byCell(there);
  return [...own.keys()].sort().flatMap((name) => {
    const rows = { here: own.get(name)!, there: theirs.get(name) ?? [] };
    const left = apart.filter((factor) =>
      !namesCell(factor) &&
      [valuesIn(here, factor, rows.here), valuesIn(there, factor, rows.there)].every(({ size }) => size === 1)
    );
    const keyOf = keysBy(factors.filter((factor) => !left.includes(factor)));
    return pairRows(keyOf, { here, there }, rows).pairs.map((pair) => ({ ...pair, name }));
  });
}

/** How runs were trained and scored, beside what their configurations say. */
interface Setting {
  readonly what: string;
  /** What is compared. */
  of(row: RunRow): string | number | undefined;
  /** What is shown of it, where that is something else. */
  shown?(row: RunRow): string;
  /** Why the lowest losses of two runs that differ in it are no measure of the same thing; absent: they are. */
  readonly barrier?: string;
}

const SETTINGS: readonly Setting[] = [
  {
    what: "corpus",
    of: ({ corpus_sha1 }) => corpus_sha1,
    shown: ({ dataset }) => dataset,
    barrier: "the studies read different texts",
  },
  { what: "tokens", of: ({ tokens }) => tokens, barrier: "their models read different tokens" },
  {
    what: "training steps",
    of: ({ steps_done }) => steps_done,
    barrier: "they were trained for different numbers of steps",
  },
  { what: "batch size", of: ({ batch_size }) => batch_size },
  { what: "sequence length", of: ({ history_size }) => history_size },
  {
    what: "steps between logged losses",
    of: ({ log_every }) => log_every,
    barrier: "their losses are logged at different steps",
  },
  { what: "scored part of the test split", of: partOf },
  { what: "engine", of: ({ engine }) => engine },
];

/** The part of the test split that a run's score is of. */
function partOf({ test_bytes_asked }: RunRow): number | "all" {
  return test_bytes_asked ?? "all";
}

/** Whether two runs were scored on different parts of the test split: then their scores differ for that alone. */
export function areOfOtherParts({ here, there }: RunPair): boolean {
  return partOf(here) !== partOf(there);
}

/** Why the lowest training losses of two runs cannot be compared: the first reason; undefined where they can. */
export function lossBarrier({ here, there }: RunPair): string | undefined {
  return SETTINGS.find(({ barrier, of }) => barrier !== undefined && of(here) !== of(there))?.barrier;
}

function settingDifferences(runs: readonly RunPair[], here: StudyRuns, there: StudyRuns): StudyDifference[] {
  const settings = SETTINGS.filter(({ of }) => runs.some(({ here, there }) => of(here) !== of(there)))
    .map(({ what, of, shown = (row) => `${of(row)}` }) => {
      const values = (side: "here" | "there", text: (row: RunRow) => string) =>
        distinct(runs.map((pair) => pair[side]), text).join(" and ");
      // One name may stand for a file that has been changed.
      const text = values("here", shown) === values("there", shown)
        ? (row: RunRow) => `${shown(row)} (${`${of(row)}`.slice(0, SHORT_SUM)})`
        : shown;
      return { what, here: values("here", text), there: values("there", text) };
    });
  const versions = [here, there].map(({ versions }) => versions.join(" and "));
  return [
    ...settings,
    ...(versions[0] === versions[1] ? [] : [{ what: "cellspace", here: versions[0], there: versions[1] }]),
    ...(here.space_sha256 && there.space_sha256 && here.space_sha256 !== there.space_sha256
      ? [{ what: "code of the space", here: sumOf(here), there: sumOf(there) }]
      : []),
  ];
}

/** Characters of a check sum that are shown. */
const SHORT_SUM = 8;

function sumOf({ space, space_sha256 }: StudyRuns): string {
  return `${space.name} (${space_sha256!.slice(0, SHORT_SUM)})`;
}

/** What the studies differ in throughout; of another cell, not which of its parts the first one has not. */
function factorDifferences(
  apart: readonly Factor[],
  study: Both<StudyRuns>,
  rows: Both<readonly RunRow[]>,
): StudyDifference[] {
  const isOtherCell = apart.some(namesCell);
  return apart.flatMap((factor) => {
    const [here] = valuesIn(study.here, factor, rows.here), [there] = valuesIn(study.there, factor, rows.there);
    if (isOtherCell && (here === undefined || there === undefined)) return [];
    return [{ what: factor.label, here: shown(factor, here), there: shown(factor, there) }];
  });
}

function shown(factor: Factor, value: FactorValue | undefined): string {
  return value === undefined ? "none" : nameOfLevel(factor, value);
}

/** Values and factors that an error names. */
const MOST_NAMED = 4;

/** Why nothing pairs, as the end of an error. */
function nothingInCommon(
  study: Both<StudyRuns>,
  rows: Both<readonly RunRow[]>,
  { seedless, ...counts }: PairedRows,
  factors: readonly Factor[],
): string {
  const seeds = (rows: readonly RunRow[]) => shortList(distinct(rows, ({ seed }) => seed).map(String), MOST_NAMED);
  if (seedless) {
    return `they have ${counted(seedless, "configuration")} but no seed in common; the first has runs of seed ` +
      `${seeds(rows.here)}, the second of ${seeds(rows.there)}`;
  }
  const apart = factors.flatMap((factor) => {
    const here = valuesIn(study.here, factor, rows.here), there = valuesIn(study.there, factor, rows.there);
    if ([...here].some((value) => there.has(value)) || here.size === 1 && there.size === 1) return [];
    const text = (values: Set<FactorValue | undefined>) =>
      shortList([...values].sort(byValue).map((value) => shown(factor, value)), MOST_NAMED);
    // What one of both has not at all says less than what each varies.
    if ([here, there].some((values) => values.has(undefined))) return [];
    return [`${factor.label} is ${text(here)} in the first and ${text(there)} in the second`];
  });
  const has = (of: "here" | "there") => {
    const varied = factors.filter((factor) => valuesIn(study[of], factor, rows[of]).size > 1);
    const which = varied.length ? `, which vary ${varied.map(({ label }) => label).join(", ")}` : "";
    return `${counted(counts[of], "configuration")}${which}, as ${rows[of][0].label}`;
  };
  return `they have no configuration in common; ${
    apart.length
      ? apart.slice(0, MOST_NAMED).join(", ")
      : `the first has ${has("here")}; the second has ${has("there")}`
  }`;
}

function byValue(a: FactorValue | undefined, b: FactorValue | undefined): number {
  return typeof a === "number" && typeof b === "number" ? a - b : `${a}` < `${b}` ? -1 : 1;
}
