/** In what some configurations differ, and what they have in common. */
import { type Factor, type FactorTable, isOther, isSize, isSwitch, valueOf } from "../../cells/factor.ts";
import { counted } from "../../cells/counts.ts";
import type { MergedRow } from "../data/merged.ts";
import { distinct, levelsIn, shownIn } from "../data/rows.ts";
import { isTrainedAs } from "../statistics/baseline_comparison.ts";
import type { FactorContrast } from "../statistics/matched.ts";
import { levelText, listed, withUnit } from "./factor_words.ts";
import { NONE } from "./format.ts";

/** What configurations differ in: its name, and a value for each of them. */
export interface Difference {
  readonly label: string;
  readonly values: readonly string[];
}

/** What tells configurations apart, and what does not. */
export interface Differences {
  readonly different: readonly Difference[];
  /** Phrases, as `1 layer` and `forget gate on`. */
  readonly common: readonly string[];
}

/** How runs were trained beside the factors: a value, and what is said of it where all have the same. */
interface Setting {
  readonly label: string;
  readonly value: (row: MergedRow) => string;
  readonly phrase: (value: string, row: MergedRow) => string;
}

const named = (label: string): Setting["phrase"] => (value) => `${label} ${value}`;

const SETTINGS: readonly Setting[] = [
  {
    label: "corpus",
    value: ({ runs }) =>
      listed(distinct(runs, ({ dataset, corpus_sha1 }) => `${dataset} (${corpus_sha1.slice(0, 8)})`)),
    phrase: (_, { runs }) => listed(distinct(runs, ({ dataset }) => dataset)),
  },
  { label: "reads", value: ({ runs: [{ tokens }] }) => tokens, phrase: (value) => value },
  { label: "steps", value: ({ steps_done }) => `${steps_done}`, phrase: (_, row) => counted(row.steps_done, "step") },
  { label: "batch size", value: ({ runs: [run] }) => `${run.batch_size}`, phrase: named("batch size") },
  { label: "pass length", value: ({ runs: [run] }) => `${run.history_size}`, phrase: named("pass length") },
  {
    label: "seeds",
    value: (row) => seedsOf(row),
    phrase: (value, { runs }) => `${runs.length > 1 ? "seeds" : "seed"} ${value}`,
  },
  {
    label: "engine",
    value: ({ runs }) => listed(distinct(runs, ({ engine }) => engine)),
    phrase: (value) => `by ${value}`,
  },
];

function seedsOf({ runs }: MergedRow): string {
  return listed(runs.map(({ seed }) => `${seed}`));
}

/** The factors that say something of some of these rows, as tables have them: sizes, switches, others. */
function factorsOf(rows: readonly MergedRow[], table: FactorTable): Factor[] {
  const shown = shownIn(table, rows);
  return [...shown.filter(isSize), ...shown.filter(isSwitch), ...shown.filter(isOther)];
}

/** The factors in which rows differ; one that says nothing of some of them is among these. */
function differingFactors(rows: readonly MergedRow[], table: FactorTable): Factor[] {
  return factorsOf(rows, table).filter((factor) => distinct(rows, (row) => levelText(table, factor, row)).length > 1);
}

/** @param rows at least one */
export function differencesOf(rows: readonly MergedRow[], table: FactorTable): Differences {
  const differing = new Set(differingFactors(rows, table)), [first] = rows;
  const differs = ({ value }: Setting) => new Set(rows.map(value)).size > 1;
  return {
    different: [
      ...[...differing].map((factor) => ({
        label: factor.label,
        values: rows.map((row) => levelText(table, factor, row)),
      })),
      ...SETTINGS.filter(differs).map(({ label, value }) => ({ label, values: rows.map(value) })),
    ],
    common: [
      ...factorsOf(rows, table).flatMap((factor) => differing.has(factor) ? [] : phraseIn(factor, first, table)),
      ...SETTINGS.filter((setting) => !differs(setting)).map(({ value, phrase }) => phrase(value(first), first)),
    ],
  };
}

/** A factor's value in a list of such; nothing of a factor that says nothing. */
function phraseIn(factor: Factor, row: MergedRow, table: FactorTable): string[] {
  const text = levelText(table, factor, row);
  if (text === NONE) return [];
  return [
    factor.kind === "integer" && factor.unit
      ? withUnit(factor, [valueOf(factor, row.config)])
      : `${factor.label} ${text}`,
  ];
}

/** Two configurations that differ in one factor alone. */
export interface OnePair extends FactorContrast {
  /** With the factor's first value, and with its second one. */
  readonly rows: readonly [from: MergedRow, to: MergedRow];
}

/** Undefined where these are not two, differ in more than one factor or in how they were trained, or a factor says nothing of one. */
export function onePairOf(rows: readonly MergedRow[], table: FactorTable): OnePair | undefined {
  const differing = differingFactors(rows, table), [factor] = differing;
  if (rows.length !== 2 || differing.length !== 1 || !isTrainedAs(rows[0], rows[1])) return undefined;
  if (rows.some((row) => levelText(table, factor, row) === NONE)) return undefined;
  const [from, to] = levelsIn(factor, rows);
  const rowAt = (value: typeof from) => rows.find(({ config }) => valueOf(factor, config) === value)!;
  return { factor, from, to, rows: [rowAt(from), rowAt(to)] };
}
