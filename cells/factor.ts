/**
 * What a factor is: anything that a study varies, and all that the rest of the program derives from one. The factors themselves
 * stand in `factors.ts`.
 */
import * as z from "zod";

/** What a factor may be set to. */
export type FactorValue = boolean | number | string;

/** A configuration of any table of factors: a value by key. A factor that has a default may be absent. */
export type Configuration = Readonly<Record<string, FactorValue | undefined>>;

/** What all kinds of factors say. */
export interface FactorBase<V extends FactorValue> {
  /** The name in files, in ids and in `--only`. */
  readonly key: string;
  /** What axes, tables and sentences call it. */
  readonly label: string;
  /** A shorter label where there is little room; absent: the label. */
  readonly heading?: string;
  /** What errors call several of its levels; absent: values of its key. */
  readonly plural?: string;
  /** What its value says, in one line: the description of its column in exports. */
  readonly about: string;
  /** The values that experiment 01 lists where nothing else is asked for. */
  readonly levels: readonly V[];
  /**
   * The value of a configuration that does not name the factor. Such a value is never written, and no part of an id: so a new factor, which
   * must have one, changes no id and leaves every study readable. Only the nine factors of the original study have none.
   */
  readonly default?: V;
  /** Its flag of `init`, which takes a list of levels; absent: it has none. */
  readonly flag?: { readonly name: string; readonly help: string; readonly note?: string };
  /**
   * Whether its values are compared with each other, and none is chosen as a configuration's own: each costs another time, or reads another
   * text. Absent: of a training setting each configuration has a best one.
   */
  readonly isCondition?: true;
  /** Whether it says something of the table's own cell alone, as switches do without saying so: other cells ignore it. */
  readonly ofCell?: true;
}

/** A part of a cell that is there or not. */
export interface SwitchFactor extends FactorBase<boolean> {
  /** On or off. */
  readonly kind: "switch";
  /** What the forward function does with it, as a clause of a sentence. */
  readonly on: string;
  /** The same where it is off. */
  readonly off: string;
}

/** One value of a choice. */
export interface Choice {
  /** As it stands in files. */
  readonly value: string;
  /** What a short description of a configuration says of it; absent: nothing. */
  readonly phrase?: string;
  /** What the forward function does with it, as a clause of a sentence; absent: nothing that others do not do. */
  readonly clause?: string;
}

/** One of several names. */
export interface ChoiceFactor extends FactorBase<string> {
  /** One of several names. */
  readonly kind: "choice";
  /** Absent: any name, which is judged where it is used. */
  readonly choices?: readonly Choice[];
  /** The two values whose difference is its effect; absent: it has no effect that is one number. */
  readonly contrast?: readonly [from: string, to: string];
  /** Whether its values are names of cells, so that it comes first in what another cell than the table's is called. */
  readonly namesCell?: true;
}

/** A quantity. */
export interface QuantityFactor extends FactorBase<number> {
  /**
   * The two values whose difference is its effect; absent: it has no effect that is one number. Sizes have none: models of different
   * sizes are not otherwise identical.
   */
  readonly contrast?: readonly [from: number, to: number];
}

/** A whole number. */
export interface IntegerFactor extends QuantityFactor {
  /** A whole number. */
  readonly kind: "integer";
  /** The smallest value that a configuration may have. */
  readonly least: number;
  /** The largest value that a configuration may have. */
  readonly most: number;
  /** One and several of what it counts: `layer`, `layers`. */
  readonly unit?: readonly [one: string, several: string];
  /** How pictures tell its values apart: it is a size of the model, and each table has one factor for either. */
  readonly mark?: "colour" | "shape";
}

/** Any number in a range. */
export interface NumberFactor extends QuantityFactor {
  /** Any number of a range. */
  readonly kind: "number";
  /** The value must be above this. */
  readonly above: number;
  /** The largest value that a configuration may have. */
  readonly most: number;
}

/** Something that a study varies. */
export type Factor = SwitchFactor | ChoiceFactor | IntegerFactor | NumberFactor;

/** A rule on configurations, with its reason in words. */
export interface Rule {
  /** Whether a configuration keeps it. */
  holds(config: Configuration): boolean;
  /** What a configuration must be, as the end of a sentence: `needs use_new_state or use_old_state: …`. */
  readonly must: string;
}

/** Factors that are varied together, and which of their combinations are valid. */
export interface FactorTable {
  /** What errors call the table. */
  readonly name: string;
  /** What leads in to the clauses of its own cell's forward function, ending in a colon; absent: `In each layer:`. */
  readonly lead?: string;
  /** In the order in which they are listed, swept and shown. */
  readonly factors: readonly Factor[];
  /** What every configuration must be. */
  readonly valid: Rule;
  /** What a configuration must be to be listed in a grid: others may be asked for one by one. */
  readonly listed: Rule;
  /** What experiment 02 trains of a configuration that it has chosen, itself first. */
  enlarged(config: Configuration): readonly Configuration[];
  /** Whether its switches say anything: those of another cell than the table's are ignored. */
  isOwnCell(config: Configuration): boolean;
}

/**
 * The value that a configuration gives a factor, defaults filled in.
 *
 * @throws {TypeError} if there is none: a configuration that was never checked may lack a factor that has no default
 */
export function valueOf(factor: Factor, config: Configuration): FactorValue {
  const value = config[factor.key] ?? factor.default;
  if (value === undefined) {
    throw new TypeError(`Cannot read '${factor.key}' of a configuration: it has none, and the factor has no default`);
  }
  return value;
}

/** The factor of this key. @throws {RangeError} if the table has none */
export function factorOf({ factors, name }: FactorTable, key: string): Factor {
  const found = factors.find((factor) => factor.key === key);
  if (!found) {
    throw new RangeError(`Cannot find factor '${key}' of ${name}: must be one of ${keysOf(factors).join(", ")}`);
  }
  return found;
}

export function keysOf(factors: readonly Factor[]): string[] {
  return factors.map(({ key }) => key);
}

/** A configuration without what it sets these to: of factors that have a default, with their defaults. */
export function withoutKeys<Config extends Configuration>(config: Config, keys: readonly string[]): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key))) as Config;
}

export function isSwitch(factor: Factor): factor is SwitchFactor {
  return factor.kind === "switch";
}

/** Whether its values are numbers, which have an order and distances. */
export function isQuantity(factor: Factor): factor is IntegerFactor | NumberFactor {
  return factor.kind === "integer" || factor.kind === "number";
}

/** The factor whose values pictures show by this mark. @throws {TypeError} if the table has none */
export function markedBy({ factors, name }: FactorTable, mark: "colour" | "shape"): IntegerFactor {
  const found = factors.find((factor): factor is IntegerFactor => factor.kind === "integer" && factor.mark === mark);
  if (!found) throw new TypeError(`Cannot draw configurations of ${name}: no factor has the mark '${mark}', one must`);
  return found;
}

/** The sizes of a model, which set its number of parameters. */
export function isSize(factor: Factor): boolean {
  return factor.kind === "integer" && factor.mark !== undefined;
}

/** Whether a factor is neither a size nor a switch: names, descriptions and tables have these behind both. */
export function isOther(factor: Factor): boolean {
  return !isSize(factor) && !isSwitch(factor);
}

/** The factors that say how a model is trained, and nothing of the model: the learning rate, say. */
export function trainingFactors({ factors }: FactorTable): Factor[] {
  return factors.filter((factor) => isOther(factor) && !factor.ofCell && !namesCell(factor));
}

/** The training factors of which each configuration has a best value, to be chosen. */
export function isTuned({ isCondition }: Factor): boolean {
  return isCondition !== true;
}

/** Whether a factor's values are names of cells. */
export function namesCell(factor: Factor): boolean {
  return factor.kind === "choice" && factor.namesCell === true;
}

/** Whether a factor says something of a configuration: switches, and what else is the own cell's alone, do not of another cell. */
export function appliesTo(table: FactorTable, factor: Factor, config: Configuration): boolean {
  return table.isOwnCell(config) || !(isSwitch(factor) || factor.ofCell);
}

/**
 * The factors that tell a configuration's cell apart beside its sizes and its switches, in the order in which they are named. Of another
 * cell than the table's, the one that names it comes first, and what the own cell alone has says nothing.
 */
export function cellFactors(table: FactorTable, config: Configuration): Factor[] {
  const others = table.factors.filter((factor) => isOther(factor) && appliesTo(table, factor, config));
  if (table.isOwnCell(config)) return others;
  return [...others.filter(namesCell), ...others.filter((factor) => !namesCell(factor))];
}

/** What errors call several of a factor's levels. */
export function pluralOf({ plural, key }: Factor): string {
  return plural ?? `values of ${key}`;
}

/** The two values whose difference is a factor's effect; undefined where it has none. */
export function contrastOf(factor: Factor): readonly [from: FactorValue, to: FactorValue] | undefined {
  return factor.kind === "switch" ? [false, true] : factor.contrast;
}

/**
 * The factors that tables and words show of these configurations: those that always stand in a configuration, and of the others those that
 * some configuration sets to another value than the default, be it one value for all. What is the own cell's alone is not shown where
 * no configuration has that cell.
 */
export function shownFactors(table: FactorTable, configs: readonly Configuration[]): Factor[] {
  return factorsWhere(table, configs, (values, usual) => values.some((value) => value !== usual));
}

/**
 * The factors that pictures have an axis or a panel for, and statistics an effect or a term: of those of {@linkcode shownFactors} with a
 * default the ones that have several values. A single value has nothing to be compared with.
 */
export function variedFactors(table: FactorTable, configs: readonly Configuration[]): Factor[] {
  return factorsWhere(table, configs, (values) => new Set(values).size > 1);
}

/** @param isWanted of a factor with a default: told its values in the configurations that it says something of */
function factorsWhere(
  table: FactorTable,
  configs: readonly Configuration[],
  isWanted: (values: readonly FactorValue[], usual: FactorValue) => boolean,
): Factor[] {
  return table.factors.filter((factor) => {
    const own = configs.filter((config) => appliesTo(table, factor, config));
    if (configs.length && !own.length) return false;
    return factor.default === undefined || isWanted(own.map((config) => valueOf(factor, config)), factor.default);
  });
}

/** Where a size is out of bounds, nothing is asked about the whole. */
function integerSchema({ least, most }: IntegerFactor): z.ZodNumber {
  return z.number().int().min(least, { abort: true }).max(most, { abort: true });
}

function choiceSchema({ choices }: ChoiceFactor): z.ZodType<string> {
  return choices ? z.enum(choices.map(({ value }) => value)) : z.string().min(1);
}

/** A factor's value as files have it, where it is there. */
export function valueSchema(factor: Factor): z.ZodType<FactorValue> {
  switch (factor.kind) {
    case "switch":
      return z.boolean();
    case "choice":
      return choiceSchema(factor);
    case "integer":
      return integerSchema(factor);
    case "number":
      return z.number().gt(factor.above, { abort: true }).max(factor.most, { abort: true });
    default:
      return factor satisfies never;
  }
}

/** A schema for each key of a configuration, for schemas that hold one among other keys. */
export function fieldsOf(factors: readonly Factor[]): Record<string, z.ZodType<FactorValue | undefined>> {
  return Object.fromEntries(factors.map((factor) => {
    const schema = valueSchema(factor);
    return [factor.key, factor.default === undefined ? schema : schema.optional()];
  }));
}

/** What a list of factors makes of a configuration: those without a default must be there, the others may. */
export type ConfigOf<Factors extends readonly Factor[]> =
  & { readonly [F in Factors[number] as F extends { default: FactorValue } ? never : F["key"]]: ValueOf<F> }
  & { readonly [F in Factors[number] as F extends { default: FactorValue } ? F["key"] : never]?: ValueOf<F> };

/** What a factor may be set to, by its kind. */
export type ValueOf<F extends Factor> = F extends { kind: "switch" } ? boolean
  : F extends { choices: readonly { value: infer Value extends string }[] } ? Value
  : F extends { kind: "choice" } ? string
  : number;

/** What a factor's value must be, as the end of a sentence. */
export function mustBe(factor: Factor): string {
  switch (factor.kind) {
    case "switch":
      return "must be true or false";
    case "integer":
      return `must be a whole number of at least ${factor.least} and at most ${factor.most}`;
    case "number":
      return `must be a number above ${factor.above} and at most ${factor.most}`;
    case "choice":
      return factor.choices ? `must be ${factor.choices.map(({ value }) => value).join(" or ")}` : "must be a name";
    default:
      return factor satisfies never;
  }
}

/** A value as an axis, a table or a filter shows it. */
export function formatLevel(factor: Factor, value: FactorValue): string {
  return factor.kind === "switch" ? (value ? "on" : "off") : `${value}`;
}

/** A value as a number, for regressions: of a switch 0 or 1, of a choice its number in the list; `undefined` where names have no order. */
export function numberOf(factor: Factor, value: FactorValue): number | undefined {
  if (factor.kind !== "choice") return Number(value);
  const at = factor.choices?.findIndex((choice) => choice.value === value) ?? -1;
  return factor.choices?.length === 2 && at >= 0 ? at : undefined;
}

/** A value with what it counts: `1 step back`, `16 steps back`. */
export function countedLevel([one, several]: readonly [one: string, several: string], value: FactorValue): string {
  return `${value} ${value === 1 ? one : several}`;
}

/** What a short description of a configuration says of a value; nothing of what is off, and nothing of what goes without saying. */
export function phraseOf(factor: Factor, value: FactorValue): string | undefined {
  switch (factor.kind) {
    case "switch":
      return value ? factor.label : undefined;
    case "choice":
      return factor.choices
        ? factor.choices.find((choice) => choice.value === value)?.phrase
        : value === factor.default
        ? undefined
        : `${value}`;
    case "integer":
      // Of a cell's own numbers none goes without saying.
      if (value === factor.default && !factor.ofCell) return undefined;
      return factor.unit ? countedLevel(factor.unit, value) : sayNumber(factor, value);
    case "number":
      return sayNumber(factor, value);
    default:
      return factor satisfies never;
  }
}

/** What the forward function does with a value, as a clause of a sentence; nothing where that goes without saying. */
export function clauseOf(factor: Factor, value: FactorValue): string | undefined {
  if (factor.kind === "switch") return value ? factor.on : factor.off;
  if (factor.kind === "choice") return factor.choices?.find((choice) => choice.value === value)?.clause;
  return factor.ofCell && `${factor.label} ${value}: ${factor.about}`;
}

/**
 * A value in the name of a file or an anchor: letters, digits, points and a number's minus signs; nothing of what goes without saying. The key
 * comes before it, but for sizes and for choices that say by themselves what they are of: the cell's name, and what its gates read. Of
 * a switch that is on, the key alone, without its `use_`; the original seven are told apart by the first word of that.
 */
export function slugOf(factor: Factor, value: FactorValue): string | undefined {
  if (isSwitch(factor)) return value ? switchSlug(factor) : undefined;
  if (value === factor.default) return undefined;
  const plain = `${value}`.replace(isQuantity(factor) ? /[^\w.-]/g : /[^\w.]/g, "");
  const isPlain = isSize(factor) || factor.kind === "choice" && (factor.namesCell || factor.ofCell);
  return isPlain ? plain : `${factor.key}${plain}`;
}

function switchSlug({ key, default: usual }: SwitchFactor): string {
  const words = key.replace(/^use_(?=.)/, "");
  return usual === undefined ? words.split("_")[0] : words;
}

function sayNumber(factor: IntegerFactor | NumberFactor, value: FactorValue): string | undefined {
  if (isSize(factor)) return `${value}`;
  return value === factor.default ? undefined : `${factor.label} ${value}`;
}
