/** What is said of a factor's values. A switch is on or off; of other factors the values are named. */
import {
  appliesTo,
  type Factor,
  type FactorTable,
  type FactorValue,
  formatLevel,
  isSwitch,
  valueOf,
} from "../../cells/factor.ts";
import { nameOfLevel } from "../data/cell_names.ts";
import type { Configured } from "../data/rows.ts";
import type { FactorContrast } from "../statistics/matched.ts";
import { NONE } from "./format.ts";

/** A row's value of a factor; {@linkcode NONE} where the factor says nothing of the row's cell. */
export function levelText(table: FactorTable, factor: Factor, { config }: Configured): string {
  return appliesTo(table, factor, config) ? nameOfLevel(factor, valueOf(factor, config)) : NONE;
}

/** What a contrast's difference is called: `on − off`, `0.01 − 0.001`. */
export function differenceName({ factor, from, to }: FactorContrast): string {
  return `${formatLevel(factor, to)} − ${formatLevel(factor, from)}`;
}

/** In which configurations a difference below zero means a lower measure: `with it on`, `with 0.01 instead of 0.001`. */
export function atSecondValue({ factor, from, to }: FactorContrast): string {
  return isSwitch(factor) ? "with it on" : `with ${formatLevel(factor, to)} instead of ${formatLevel(factor, from)}`;
}

/** Where a factor that has just been named has a value: `with it on`, `at 0.01`, `at 2 layers`. */
export function atValue(factor: Factor, value: FactorValue): string {
  return isSwitch(factor) ? `with it ${formatLevel(factor, value)}` : `at ${withUnit(factor, [value])}`;
}

/** Values with what they count: `1 layer`, `1, 2 and 3 layers`; of other factors the values alone. */
export function withUnit(factor: Factor, values: readonly FactorValue[]): string {
  const text = listed(values.map((value) => formatLevel(factor, value)));
  if (factor.kind !== "integer" || !factor.unit) return text;
  return `${text} ${factor.unit[values.length === 1 && values[0] === 1 ? 0 : 1]}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter(Boolean).join(" and ");
}

/** Several factors at some of their values: `1 and 2 layers, state size 256`. */
export function atSomeLevels(
  some: readonly { readonly factor: Factor; readonly values: readonly FactorValue[] }[],
): string {
  return some.map(({ factor, values }) => {
    const text = withUnit(factor, values);
    return factor.kind === "integer" && factor.unit ? text : `${factor.label} ${text}`;
  }).join(", ");
}

/** A factor in a sentence: `the forget gate`, `the number of layers`. */
export function inSentence(factor: Factor): string {
  return `the ${nounOf(factor)}`;
}

/** The same without an article: `learning rate`, `number of steps back`. */
export function nounOf(factor: Factor): string {
  return factor.kind === "integer" && factor.unit ? `number of ${factor.unit[1]}` : factor.label;
}

/** Words for some contrasts together: those of switches alone have shorter ones. */
export interface ContrastWords {
  /** What is compared, one and several of it. */
  readonly noun: readonly [one: string, several: string];
  /** What all differences are called. */
  readonly difference: string;
  /** Where the measure is lower if the difference is below zero: `with the switch on`. */
  readonly atSecond: string;
  /** Both values of two factors, in an interaction. */
  readonly bothAtSecond: string;
}

const OF_SWITCHES: ContrastWords = {
  noun: ["switch", "switches"],
  difference: "on − off",
  atSecond: "with the switch on",
  bothAtSecond: "both on",
};

const OF_FACTORS: ContrastWords = {
  noun: ["factor", "factors"],
  difference: "difference",
  atSecond: "at the value named first",
  bothAtSecond: "both changed",
};

const OF_BOTH: ContrastWords = { ...OF_FACTORS, atSecond: `${OF_SWITCHES.atSecond}, or ${OF_FACTORS.atSecond}` };

/** Whether there are some, and all of them compare a switch off with it on. */
export function areSwitches(compared: readonly FactorContrast[]): boolean {
  return compared.length > 0 && compared.every(({ factor }) => isSwitch(factor));
}

/** The words for these contrasts. */
export function contrastWords(compared: readonly FactorContrast[]): ContrastWords {
  if (areSwitches(compared)) return OF_SWITCHES;
  return compared.some(({ factor }) => isSwitch(factor)) ? OF_BOTH : OF_FACTORS;
}

/** What is compared of the factors that are no switches, as a sentence; nothing where there are none. */
export function valuesCompared(compared: readonly FactorContrast[]): string[] {
  const others = compared.filter(({ factor }) => !isSwitch(factor));
  if (!others.length) return [];
  const named = others.map((one) => `${one.factor.label} ${differenceName(one)}`);
  const switches = others.length < compared.length ? ["switches on − off"] : [];
  return [`Compared: ${[...named, ...switches].join("; ")}.`];
}

const SPELLED = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];

/** A small number as a word. */
export function spelled(count: number): string {
  return SPELLED[count] ?? `${count}`;
}
